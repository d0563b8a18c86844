"""Transformations that claim to carry a value there and back do so, and nothing they carry counts as a change."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjobs.engine.convert.references import CurrencyConverter, OptionConverter
from syncjobs.engine.convert.values import (
    BooleanConverter,
    DateConverter,
    EnumConverter,
    GuidConverter,
    NumberConverter,
    TextConverter,
    TimeStampConverter,
    decode_member,
    encode_member,
)
from tests.engine.builders import NET30, lookups

KNOWN = lookups()

_texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
_codes = st.text("ABCXYZ0189-_ ", max_size=10).map(str.strip)
_numbers = st.decimals(-(10**9), 10**9, places=2, allow_nan=False, allow_infinity=False)
_dates = st.dates(date(1753, 1, 1), date(2999, 12, 31)).map(str) | st.just("0001-01-01")
_moments = st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1)).map(
    lambda moment: (
        f"{moment.replace(microsecond=moment.microsecond // 1000 * 1000).isoformat(timespec='milliseconds')}Z"
    )
)

_CASES = {
    "text": (TextConverter(30, 30), _texts),
    "code": (TextConverter(10, 80, code=True), _codes),
    "number": (NumberConverter(2), _numbers),
    "integer": (NumberConverter(integer=True), st.integers(-(10**6), 10**6).map(Decimal)),
    "date": (DateConverter(sales_has_time=False), _dates),
    "date with time": (DateConverter(sales_has_time=True), _dates),
    "moment": (TimeStampConverter(), _moments),
    "boolean": (BooleanConverter(), st.booleans()),
    "id": (GuidConverter(), st.uuids().map(str)),
    "enumeration": (EnumConverter(None, 50), st.sampled_from(["Person", "Company", "_x0020_"])),
    # A blank currency is the local one, so it does not come back blank.
    "currency": (CurrencyConverter(), st.sampled_from(["EUR", "USD"])),
    "option": (OptionConverter("account", "paymenttermscode", by_id=True), st.sampled_from([NET30])),
}


@pytest.mark.parametrize("name", _CASES)
@given(st.data())
def test_value_comes_back_as_it_left(name: str, data: st.DataObject) -> None:
    converter, values = _CASES[name]
    value = data.draw(values)
    sent = converter.to_sales(value, {}, None, KNOWN)
    back = converter.to_bc(sent, {}, value, KNOWN)
    assert converter.bc_form(back) == converter.bc_form(value)


@pytest.mark.parametrize("name", _CASES)
@given(st.data())
def test_what_was_carried_counts_as_equal_and_carrying_it_again_changes_nothing(name: str, data: st.DataObject) -> None:
    converter, values = _CASES[name]
    value = data.draw(values)
    sent = converter.to_sales(value, {}, None, KNOWN)
    assert converter.equal(value, sent, {}, {}, KNOWN)
    again = converter.to_sales(converter.to_bc(sent, {}, value, KNOWN), {}, sent, KNOWN)
    assert converter.sales_form(again) == converter.sales_form(sent)


@given(_texts, st.integers(1, 12), st.integers(1, 12))
def test_cut_text_never_goes_back_and_forth(text: str, bc_length: int, sales_length: int) -> None:
    """A value that does not fit is cut once; the cut one is no change that would travel back."""
    converter = TextConverter(bc_length, sales_length)
    held = text[:bc_length]
    sent = converter.to_sales(held, {}, None, KNOWN)
    assert len(sent or "") <= sales_length
    assert converter.equal(held, sent, {}, {}, KNOWN)
    received = converter.to_bc(text[:sales_length] or None, {}, "", KNOWN)
    assert len(received) <= bc_length
    assert converter.equal(received, text[:sales_length] or None, {}, {}, KNOWN)


@given(_numbers)
def test_rounded_number_is_no_change(number: Decimal) -> None:
    converter = NumberConverter(0)
    sent = converter.to_sales(number, {}, None, KNOWN)
    assert converter.equal(number, sent, {}, {}, KNOWN)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_member_names_are_written_and_read_alike(name: str) -> None:
    assert decode_member(encode_member(name)) == name
