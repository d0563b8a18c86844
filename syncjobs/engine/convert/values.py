"""Plain values: text, codes, numbers, booleans, dates, enumerations, ids.

A converter answers four questions. `bc_form` and `sales_form` bring a value of one side into a form in which equal
values are equal, so that a value can be compared with what the same side held before. `to_sales` and `to_bc` make the
value the other side is sent. `equal` compares across. Nothing here knows directions, bases or policies.

Business Central has no null: an empty text is "", an empty date 0001-01-01, an empty reference the zero GUID. Sales has
null. The two mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from connector.errors import ErrorKind
from syncjobs.engine.results import SKIP, Problem

if TYPE_CHECKING:
    from syncjobs.engine.lookups import Lookups

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
BLANK_DATE = "0001-01-01"

Row = Mapping[str, Any]


class Converter:
    """Values that are the same on both sides; base of all others.

    `source` is the whole row that the value comes from, `target` the value the other side holds now; most converters
    need neither. A conversion may answer a Problem or SKIP instead of a value.
    """

    bc_blank: Any = ""
    sales_blank: Any = None
    explicit_null = False
    """Whether a create sends null rather than leaving the property out (choices have defaults of their own)."""

    def bc_form(self, value: Any) -> Any:
        return None if value == self.bc_blank else value

    def sales_form(self, value: Any) -> Any:
        return None if value == "" else value

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return self.bc_form(value)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        form = self.sales_form(value)
        return self.bc_blank if form is None else form

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Lookups) -> bool:
        """Whether converting either way would change nothing."""
        sent = self.to_sales(bc_value, bc_row, sales_value, lookups)
        if not isinstance(sent, Problem) and self.sales_form(sent) == self.sales_form(sales_value):
            return True
        received = self.to_bc(sales_value, sales_row, bc_value, lookups)
        return not isinstance(received, Problem) and self.bc_form(received) == self.bc_form(bc_value)


class TextConverter(Converter):
    """Text, cut to what the target holds. Only the part that fits both sides is compared, so a cut value stays put."""

    def __init__(self, bc_length: int | None = None, sales_length: int | None = None, *, code: bool = False) -> None:
        self.bc_length = bc_length
        self.sales_length = sales_length
        self.code = code
        lengths = [length for length in (bc_length, sales_length) if length]
        self.common = min(lengths) if lengths else None

    def bc_form(self, value: Any) -> Any:
        text = _text(value)
        if self.code:
            text = text.strip().upper()
        return text or None

    def sales_form(self, value: Any) -> Any:
        return _text(value) or None

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return (self.bc_form(value) or "")[: self.sales_length] or None

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        text = _text(value)
        if self.code:
            text = text.strip().upper()
        return text[: self.bc_length]

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Lookups) -> bool:
        bc_text, sales_text = self.bc_form(bc_value) or "", _text(sales_value)
        if self.code:
            sales_text = sales_text.strip().upper()
        return bc_text[: self.common] == sales_text[: self.common]


class DefaultTextConverter(TextConverter):
    """Text that Sales requires: where Business Central has none, another property of the record stands in."""

    def __init__(self, default: str, bc_length: int | None, sales_length: int | None) -> None:
        super().__init__(bc_length, sales_length)
        self.default = default

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return super().to_sales(value or source.get(self.default), source, target, lookups)

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Lookups) -> bool:
        return super().equal(bc_value or bc_row.get(self.default), sales_value, bc_row, sales_row, lookups)


class NumberConverter(Converter):
    """Decimal numbers, rounded half up to the target's decimal places. Nothing and 0 mean the same."""

    bc_blank = 0
    sales_blank = None

    def __init__(self, scale: int | None = None, *, integer: bool = False, floor: int | None = None) -> None:
        self.step = Decimal(1) if integer else (Decimal(1).scaleb(-scale) if scale is not None else None)
        self.integer = integer
        self.floor = floor

    def bc_form(self, value: Any) -> Any:
        return _number(value)

    sales_form = bc_form

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        number = _number(value)
        if isinstance(number, Decimal):
            if self.floor is not None and number < self.floor:
                number = Decimal(self.floor)
            if self.step is not None:
                number = number.quantize(self.step, ROUND_HALF_UP)
            return int(number) if self.integer else number
        return _not_a_number(value)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        number = _number(value)
        return number if isinstance(number, Decimal) else _not_a_number(value)


class SometimesConverter(Converter):
    """A value that the source may not have yet: as long as it is blank, the target keeps what it has."""

    def __init__(self, inner: Converter) -> None:
        self.inner = inner
        self.bc_blank, self.sales_blank = inner.bc_blank, inner.sales_blank
        self.bc_form, self.sales_form = inner.bc_form, inner.sales_form  # type: ignore[method-assign]

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        if self.inner.bc_form(value) == self.inner.bc_form(self.bc_blank):
            return SKIP
        return self.inner.to_sales(value, source, target, lookups)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return self.inner.to_bc(value, source, target, lookups)

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Lookups) -> bool:
        return self.inner.equal(bc_value, sales_value, bc_row, sales_row, lookups)


class BooleanConverter(Converter):
    """Yes and no. Nothing means no."""

    bc_blank = False
    sales_blank = False

    def bc_form(self, value: Any) -> Any:
        return value in (True, 1, "true", "True", "1")

    sales_form = bc_form

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return self.bc_form(value)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        return self.sales_form(value)


class DateConverter(Converter):
    """A day in Business Central and a date or a time stamp in Sales, which then is midnight UTC of that day."""

    bc_blank = BLANK_DATE

    def __init__(self, *, sales_has_time: bool) -> None:
        self.sales_has_time = sales_has_time

    def bc_form(self, value: Any) -> Any:
        day = _text(value)[:10]
        return None if day in ("", BLANK_DATE) else day

    sales_form = bc_form

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        day = self.bc_form(value)
        return f"{day}T00:00:00Z" if day and self.sales_has_time else day


class TimeStampConverter(Converter):
    """Points in time on both sides, in UTC."""

    bc_blank = f"{BLANK_DATE}T00:00:00Z"

    def bc_form(self, value: Any) -> Any:
        text = _text(value)
        if not text or text.startswith(BLANK_DATE):
            return None
        whole, _, fraction = text.rstrip("Z").partition(".")
        fraction = fraction.rstrip("0")
        return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"

    sales_form = bc_form


class GuidConverter(Converter):
    """Ids that are carried as they are."""

    bc_blank = ZERO_GUID

    def bc_form(self, value: Any) -> Any:
        text = _text(value).lower()
        return None if text in ("", ZERO_GUID) else text

    sales_form = bc_form


class EnumConverter(TextConverter):
    """A member name of Business Central (`Not_x0020_Started`, blank `_x0020_`) and the text people read."""

    bc_blank = "_x0020_"

    def bc_form(self, value: Any) -> Any:
        return decode_member(_text(value)).strip() or None

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Lookups) -> Any:
        text = _text(value).strip()
        return encode_member(text) if text else self.bc_blank


_ENCODED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TO_ENCODE = re.compile(r"[^0-9A-Za-z_]")


def decode_member(name: str) -> str:
    """The text of an enumeration member's name: `"In_x0020_Review"` → `"In Review"`."""
    return _ENCODED.sub(lambda match: chr(int(match[1], 16)), name)


def encode_member(text: str) -> str:
    """The member's name of a text: `"In Review"` → `"In_x0020_Review"`."""
    return _TO_ENCODE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _number(value: Any) -> Any:
    """A Decimal without trailing zeros in its comparison; the value itself where it is no number."""
    if value is None or value == "":
        return Decimal(0)
    if isinstance(value, bool):
        return Decimal(int(value))
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return value
    return number if number.is_finite() else value


def _not_a_number(value: Any) -> Problem:
    return Problem(
        kind=ErrorKind.DATA,
        code="engine.not_a_number",
        message=f"“{value}” is not a number.",
        hint="Correct the value, or disable the field mapping.",
        value=str(value),
    )
