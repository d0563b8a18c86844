"""Checks the values of a request against their columns and brings them into stored form."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache, partial
from typing import Any

from sandbox.dataverse import errors
from sandbox.definitions.dataverse import Attribute, Table
from sandbox.odata.sql import is_guid

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s*(Z|z|[+-]\d\d:?\d\d)?")
_EARLIEST, _LATEST = "1753-01-01", "9999-12-30"
_INT32 = 2**31
_LARGEST_INTEGER = 10**18


def check(table: Table, attribute: Attribute, value: Any) -> Any:
    """The stored form of a request's value. Raises DataverseError with the code of what is wrong."""
    if value is None:
        if attribute.required == "system" and not attribute.primary_id:
            raise errors.invalid_argument(f"The attribute '{attribute.name}' of '{table.logical_name}' cannot be null.")
        return None
    return _CHECKS[attribute.type](table, attribute, value)


def _text(table: Table, attribute: Attribute, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _wrong_type(attribute, value, "Edm.String")
    if attribute.max_length is not None and len(value) > attribute.max_length:
        raise errors.DataverseError(
            400,
            errors.TOO_LONG,
            f"A validation error occurred. The length of the '{attribute.name}' attribute of the '{table.logical_name}'"
            f" entity exceeded the maximum allowed length of '{attribute.max_length}'.",
        )
    return value or None


def _integer(table: Table, attribute: Attribute, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(attribute, value, "Edm.Int32")
    if not -_INT32 <= value < _INT32 and attribute.type != "bigint":
        raise _wrong_type(attribute, value, "Edm.Int32")
    _check_range(table, attribute, value, errors.INTEGER_RANGE)
    return value


def _option(table: Table, attribute: Attribute, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(attribute, value, "Edm.Int32")
    if attribute.options and value not in attribute.option_labels:
        accepted = ",".join(str(option.value) for option in attribute.options)
        raise errors.DataverseError(
            400,
            errors.OPTION_RANGE,
            f"A validation error occurred. The value {value} of '{attribute.name}' on record of type"
            f" '{table.logical_name}' is outside the valid range. Accepted Values: {accepted}",
        )
    return value


def _multiselect(table: Table, attribute: Attribute, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _wrong_type(attribute, value, "Edm.String")
    for part in filter(None, value.split(",")):
        if not part.strip().lstrip("-").isdigit():
            raise _wrong_type(attribute, value, "a list of option values")
        _option(table, attribute, int(part))
    return value.replace(" ", "") or None


def _boolean(table: Table, attribute: Attribute, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(attribute, value, "Edm.Boolean")
    return value


def _decimal(table: Table, attribute: Attribute, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type(attribute, value, "Edm.Decimal")
    number = Decimal(value)
    if abs(number) > _LARGEST_INTEGER:
        raise _out_of_range(table, attribute, value, errors.DECIMAL_RANGE)
    _check_range(table, attribute, number, errors.DECIMAL_RANGE)
    number = number.quantize(Decimal(1).scaleb(-attribute.scale), ROUND_HALF_UP)
    if abs(number.scaleb(attribute.scale)) >= 2**63:
        raise _out_of_range(table, attribute, value, errors.DECIMAL_RANGE)
    return number


def _double(table: Table, attribute: Attribute, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type(attribute, value, "Edm.Double")
    if abs(Decimal(value)) > _LARGEST_INTEGER:
        raise _out_of_range(table, attribute, value, errors.DECIMAL_RANGE)
    _check_range(table, attribute, value, errors.DECIMAL_RANGE)
    return float(value)


def _datetime(table: Table, attribute: Attribute, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong_type(attribute, value, "Edm.Date" if attribute.date_only else "Edm.DateTimeOffset")
    return parse_datetime(attribute, value)


def parse_datetime(attribute: Attribute, value: str) -> str:
    """UTC to the second, or the bare date for date-only columns. Offsets are converted, fractions cut."""
    try:
        if _DATE.fullmatch(value):
            datetime.strptime(value, "%Y-%m-%d")
            text = value if attribute.date_only else f"{value}T00:00:00Z"
        elif attribute.date_only:
            raise ValueError(value)
        else:
            text = _utc(value)
    except (ValueError, OverflowError) as error:
        edm = "Edm.Date" if attribute.date_only else "Edm.DateTimeOffset"
        raise errors.bad_payload(f"Cannot convert the literal '{value}' to the expected type '{edm}'.") from error
    if not _EARLIEST <= text[:10] <= _LATEST:
        raise errors.DataverseError(
            400,
            errors.DATE_RANGE,
            f"The date-time format for {value} is invalid, or value is outside the supported range.",
        )
    return text


def _utc(value: str) -> str:
    found = _DATETIME.fullmatch(value)
    if found is None:
        raise ValueError(value)
    date, time, offset = found.groups()
    moment = datetime.fromisoformat(f"{date}T{time}").replace(tzinfo=UTC)
    if offset and offset not in ("Z", "z"):
        sign = -1 if offset[0] == "-" else 1
        digits = offset[1:].replace(":", "")
        moment -= sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")


def _guid(table: Table, attribute: Attribute, value: Any) -> str:
    if not isinstance(value, str) or not is_guid(value):
        raise _wrong_type(attribute, value, "Edm.Guid")
    return value.lower()


_CHECKS = {
    "string": _text,
    "memo": _text,
    "entityname": _text,
    "integer": _integer,
    "bigint": _integer,
    "picklist": _option,
    "state": _option,
    "status": _option,
    "multiselect": _multiselect,
    "boolean": _boolean,
    "money": _decimal,
    "decimal": _decimal,
    "double": _double,
    "datetime": _datetime,
    "uniqueidentifier": _guid,
}


@lru_cache(maxsize=1024)
def prepared(table: Table, creating: bool) -> dict[str, Callable[[Any], Any]]:
    """By name, the checks of the columns that a create (or an update) sets without further ado, for values other than
    null. Bulk messages would otherwise look the same things up for every target."""
    return {
        name: partial(_CHECKS[attribute.type], table, attribute)
        for name, attribute in table.attributes.items()
        if not attribute.is_lookup
        and not attribute.primary_id
        and not (creating and attribute.type == "state")
        and (attribute.create if creating else attribute.update)
    }


def _check_range(table: Table, attribute: Attribute, value: int | Decimal, code: str) -> None:
    too_small = attribute.minimum is not None and value < Decimal(str(attribute.minimum))
    if too_small or (attribute.maximum is not None and value > Decimal(str(attribute.maximum))):
        raise _out_of_range(table, attribute, value, code)


def _out_of_range(table: Table, attribute: Attribute, value: Any, code: str) -> errors.DataverseError:
    return errors.DataverseError(
        400,
        code,
        f"A validation error occurred. The value {value} of '{attribute.name}' on record of type '{table.logical_name}'"
        " is outside the valid range.",
    )


def _wrong_type(attribute: Attribute, value: Any, expected: str) -> errors.DataverseError:
    shown = str(value)[:100]
    return errors.bad_payload(
        f"Cannot convert the literal '{shown}' of property '{attribute.name}' to the expected type '{expected}'."
    )
