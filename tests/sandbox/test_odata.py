"""The OData parsers that both services share."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.odata.ast import Call, Comparison, Lambda, Literal, Logical, Not, Path
from sandbox.odata.filters import FilterSyntaxError, parse_filter
from sandbox.odata.multipart import BatchSyntaxError, ChangeSet, Part, parse
from sandbox.odata.options import OptionError, parse_expand, parse_orderby, parse_select
from sandbox.odata.url import UrlError, parse_path
from sandbox.storage.functions import fold, matches


def test_operators_bind_as_the_standard_says() -> None:
    expression = parse_filter("a eq 1 or b eq 2 and not c eq 3")
    assert isinstance(expression, Logical)
    assert expression.operator == "or"
    second = expression.operands[1]
    assert isinstance(second, Logical)
    assert isinstance(second.operands[1], Not)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("'it''s'", Literal("string", "it's")),
        ("-5", Literal("integer", -5)),
        ("1.50", Literal("decimal", Decimal("1.50"))),
        ("true", Literal("boolean", True)),
        ("null", Literal("null", None)),
        ("2025-01-02", Literal("date", "2025-01-02")),
        ("2025-01-02T03:04:05.678Z", Literal("datetime", "2025-01-02T03:04:05.678Z")),
        ("2025-01-02T03:04:05 02:00", Literal("datetime", "2025-01-02T03:04:05+02:00")),
        ("3F0D7C1E-8A52-4C7B-B1C9-6F2F0F6E9D01", Literal("guid", "3f0d7c1e-8a52-4c7b-b1c9-6f2f0f6e9d01")),
        ("Microsoft.NAV.type'All'", Literal("enum", "All")),
    ],
)
def test_literals(text: str, literal: Literal) -> None:
    assert parse_filter(f"a eq {text}") == Comparison("eq", Path(("a",)), literal)


def test_functions_lambdas_and_aliases() -> None:
    named = parse_filter("X.In(PropertyName=@n,PropertyValues=['a','b'])", {"@n": "'c'"})
    assert isinstance(named, Call)
    assert dict(named.named)["PropertyName"] == Literal("string", "c")
    inner = parse_filter("lines/any(l:l/quantity gt 5)")
    assert isinstance(inner, Lambda)
    assert (inner.path, inner.quantifier, inner.variable) == (Path(("lines",)), "any", "l")


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parser, refusal in (
        (parse_filter, FilterSyntaxError),
        (parse_select, OptionError),
        (parse_orderby, OptionError),
        (parse_expand, OptionError),
    ):
        try:
            parser(text)
        except refusal:
            continue
    try:
        parse_path(text, {})
    except UrlError:
        return


@given(st.text(max_size=40))
def test_quoted_text_comes_back(text: str) -> None:
    quoted = text.replace("'", "''")
    assert parse_filter(f"name eq '{quoted}'") == Comparison("eq", Path(("name",)), Literal("string", text))


@given(st.text(alphabet="ab%_[]^-", max_size=8), st.text(alphabet="ab%_[]^-", max_size=8))
def test_patterns_never_fail_and_match_themselves_escaped(pattern: str, value: str) -> None:
    assert matches(pattern, value) in (True, False)
    escaped = "".join(f"[{character}]" if character in "%_[" else character for character in value)
    assert matches(escaped, value) is True
    assert matches(f"%{escaped}%", f"x{value}y") is True


def test_fold_ignores_case_and_trailing_blanks() -> None:
    assert fold("ÅRHUS  ") == fold("århus")
    assert fold(None) is None
    assert matches("a%", None) is None


def test_deep_nesting_is_refused_quickly() -> None:
    for text in ("(" * 5000 + "a eq 1", "not " * 5000 + "a", "a(" * 5000):
        with pytest.raises(FilterSyntaxError):
            parse_filter(text)


def test_keys_may_hold_slashes_quotes_and_encodings() -> None:
    segments = parse_path("accounts(accountnumber='A%2F1''x')/primarycontactid/$ref", {})
    assert [segment.name for segment in segments] == ["accounts", "primarycontactid", "$ref"]
    assert segments[0].keys == {"accountnumber": Literal("string", "A/1'x")}


def test_nested_expand_options() -> None:
    (item,) = parse_expand("a($select=x,y;$filter=contains(n,'),;(');$expand=b($top=2))")
    assert item.select == ("x", "y")
    assert item.filter == "contains(n,'),;(')"
    assert item.expand[0].top == 2


BATCH = (
    "preamble\r\n--b\r\nContent-Type: application/http\r\n\r\nGET /x?$filter=a eq 'b' HTTP/1.1\r\nPrefer: a\r\n\r\n\r\n"
    '--b\r\nContent-Type: multipart/mixed; boundary="c d"\r\n\r\n'
    "--c d\r\nContent-Type: application/http\r\nContent-ID: 7\r\n"
    '\r\nPOST y HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"a":"--b"}\r\n--c d--\r\n--b--\r\n'
)


@pytest.mark.parametrize("body", [BATCH, BATCH.replace("\r\n", "\n")])
def test_batches_are_taken_apart(body: str) -> None:
    read, changes = parse('multipart/mixed; boundary="b"', body.encode())
    assert isinstance(read, Part)
    assert (read.method, read.url, read.headers) == ("GET", "/x?$filter=a eq 'b'", {"prefer": "a"})
    assert isinstance(changes, ChangeSet)
    assert changes.parts[0].headers["content-id"] == "7"
    assert changes.parts[0].body == b'{"a":"--b"}'


def test_strict_batches_want_carriage_returns() -> None:
    with pytest.raises(BatchSyntaxError):
        parse("multipart/mixed; boundary=b", BATCH.replace("\r\n", "\n").encode(), strict_line_ends=True)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_batch_or_refused(body: bytes) -> None:
    try:
        parse("multipart/mixed; boundary=b", b"--b\r\n" + body + b"\r\n--b--\r\n")
    except BatchSyntaxError:
        return
