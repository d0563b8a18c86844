"""Values on the wire, in rows and in storage.

In rows text, codes, ids and dates are strings, date-times are UTC text with exactly three fraction digits (so that they
sort), numbers are Decimal or int. Nothing is ever null: each kind has its blank value, as in the product.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from sandbox.business_central.errors import BusinessCentralError, bad_request
from sandbox.business_central.schema import BLANK_DATE, ZERO_GUID, Field, Property

BLANK_STAMP = "0001-01-01T00:00:00.000Z"
DECIMAL_SCALE = 5
PRECISE_SCALE = 10
MAX_DECIMAL = Decimal(10) ** 12
"""The product allows 18 digits; with five decimals stored as one 64-bit integer this is the round limit below it."""

_BLANKS: dict[str, Any] = {
    "text": "",
    "guid": ZERO_GUID,
    "decimal": Decimal(0),
    "integer": 0,
    "bigint": 0,
    "boolean": False,
    "date": BLANK_DATE,
    "datetime": BLANK_STAMP,
}
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?")
_DATE_FORMULA = re.compile(r"(?:[+-]?(?:\d+[DWMQY]|C[DWMQY]|[DWMQY]\d+|WD\d))+", re.IGNORECASE)
DATE_FORMULA_FIELDS = frozenset({"Due Date Calculation", "Discount Date Calculation", "Shipping Time"})


def blank_of(field: Field) -> Any:
    return field.enum.blank if field.enum else _BLANKS[field.kind]


def is_blank(value: Any) -> bool:
    return value in ("", ZERO_GUID, BLANK_DATE, BLANK_STAMP) or value is None


def stamp(moment: datetime) -> str:
    """A moment in the form rows hold: 2026-08-21T09:15:07.680Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_stamp(text: str) -> str:
    """Any offset, up to nine fraction digits -> the form rows hold. No offset means UTC. Raises ValueError."""
    found = _STAMP.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, minutes, seconds, fraction, offset = found.groups()
    millis = (fraction or "")[:3].ljust(3, "0")
    whole = f"{day}T{minutes}{seconds or ':00'}"
    if offset in (None, "Z", "+00:00", "-00:00"):
        datetime.fromisoformat(whole)
        return f"{whole}.{millis}Z"
    try:
        return stamp(datetime.fromisoformat(f"{whole}.{millis}{offset}"))
    except OverflowError as error:
        raise ValueError(text) from error


def wire_stamp(value: str) -> str:
    """0 to 3 fraction digits, trailing zeros dropped."""
    return value if value[-1] != "Z" or "." not in value else value[:-1].rstrip("0").rstrip(".") + "Z"


def normalise_code(value: str) -> str:
    return value.strip().upper()


# -- Row values to the wire


def _decimal_renderer(scale: int) -> Callable[[int], Any]:
    unit = 10**scale

    def render(value: int | None) -> Any:
        if value is None:
            return 0
        whole, rest = divmod(abs(value), unit)
        if not rest:
            return -whole if value < 0 else whole
        text = f"{'-' if value < 0 else ''}{whole}.{rest:0{scale}d}".rstrip("0")
        return orjson.Fragment(text.encode())

    return render


def decimal_scale(field_name: str | None) -> int:
    return PRECISE_SCALE if field_name and ("Exch" in field_name or field_name == "Currency Factor") else DECIMAL_SCALE


def renderer(prop: Property, *, api: bool) -> Callable[[Any], Any] | None:
    """Turns what SQLite returns for a property into what goes into JSON; None where that is the same."""
    if prop.enum is not None:
        names = prop.enum.api if api else prop.enum.captions
        return lambda value: names.get(value, value)
    if prop.kind == "decimal":
        return _decimal_renderer(decimal_scale(prop.field))
    if prop.kind == "boolean":
        return bool
    if prop.kind == "datetime":
        return wire_stamp
    return None


# -- The wire to row values


def _mismatch(prop: Property, value: Any) -> BusinessCentralError:
    return bad_request(f"Cannot convert the value '{value}' of property '{prop.name}' to the type {prop.edm_type}.")


def parse_type(prop: Property, value: Any) -> Any:
    """The row value of a JSON value by kind alone (length and membership come later). Raises BusinessCentralError."""
    if value is None:
        if prop.kind in ("text", "option"):
            return ""
        raise bad_request(f"The property '{prop.name}' cannot be null.", "BadRequest_RequiredParamNotProvided")
    match prop.kind:
        case "text" | "enum" | "option" | "stream":
            if not isinstance(value, str):
                raise _mismatch(prop, value)
            return normalise_code(value) if prop.is_code else value
        case "guid":
            if not isinstance(value, str) or not _GUID.fullmatch(value.strip("{}")):
                raise (
                    _mismatch(prop, value)
                    if not isinstance(value, str)
                    else bad_request(
                        f"'{value}' is not a valid GUID for property '{prop.name}'.", "Application_InvalidGUID"
                    )
                )
            return value.strip("{}").lower()
        case "boolean":
            if not isinstance(value, bool):
                raise _mismatch(prop, value)
            return value
        case "integer" | "bigint":
            if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
                raise _mismatch(prop, value)
            return value
        case "decimal":
            if isinstance(value, bool) or not isinstance(value, int | Decimal):
                raise _mismatch(prop, value)
            number = Decimal(value)
            if abs(number) >= MAX_DECIMAL:
                raise bad_request(f"The value of '{prop.name}' is too large.", "Application_EvaluateException")
            return round(number, decimal_scale(prop.field))
        case "date":
            return _parse_date(prop, value)
    if not isinstance(value, str):
        raise _mismatch(prop, value)
    try:
        return parse_stamp(value)
    except ValueError:
        raise _mismatch(prop, value) from None


def _parse_date(prop: Property, value: Any) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise _mismatch(prop, value)
    try:
        date.fromisoformat(value)
    except ValueError:
        raise _mismatch(prop, value) from None
    return value


def check_length(prop: Property, value: Any) -> None:
    if prop.length is not None and isinstance(value, str) and len(value) > prop.length:
        raise BusinessCentralError(
            400,
            "Application_StringExceededLength",
            f"The length of the string is {len(value)}, but it must be less than or equal to {prop.length} characters."
            f" Value: {value}",
        )


def member_of(prop: Property, value: str, *, api: bool) -> str | None:
    """The AL member that a wire text names, or None when there is none."""
    if prop.options:
        return value if value in prop.options else None
    if prop.enum is None:
        return value
    for member, encoded in prop.enum.api.items():
        if value == encoded or (not api and value in (prop.enum.captions[member], member)):
            return member
    return "" if value.strip() == "" and "" in prop.enum.api else None


def check_member(prop: Property, value: Any, *, api: bool) -> Any:
    if prop.kind not in ("enum", "option"):
        return value
    member = member_of(prop, value, api=api)
    if member is None:
        raise BusinessCentralError(400, "Unknown", f"'{value}' is not a value of the property '{prop.name}'.")
    return member


def check_formula(prop: Property, value: Any) -> Any:
    """Date formulas (14D, CM+10D) are evaluated when written."""
    if prop.field not in DATE_FORMULA_FIELDS or not value:
        return value
    if not _DATE_FORMULA.fullmatch(value.strip("<>")):
        raise bad_request(f"'{value}' is not a date formula.", "Application_EvaluateException")
    return value.strip("<>").upper()
