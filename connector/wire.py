"""JSON of the wire: fractions are Decimal on both ways, times are aware UTC."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import orjson
import simplejson

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def loads(text: str | bytes) -> Any:
    """Raises ValueError for what is not JSON."""
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError:
        # Byte order marks, other encodings and halves of surrogate pairs are taken by the slower one only.
        return json.loads(text, parse_float=Decimal)


def dumps(value: Any) -> str:
    """Compact JSON; Decimal is written as a number with all its digits."""
    try:
        return orjson.dumps(value, default=exact_number).decode()
    except TypeError:
        # Numbers beyond 64 bits are taken by the slower one only.
        return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))


def exact_number(value: Any) -> orjson.Fragment:
    """For orjson, which knows no Decimal: a number with all its digits. Raises TypeError for anything else."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError


def parse_time(value: Any) -> datetime | None:
    """A wire time as aware UTC; None for null, for Business Central's empty time (year 1) and for what is no time."""
    if not isinstance(value, str) or value.startswith("0001-"):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_http_date(value: str | None) -> datetime | None:
    """The Date header as aware UTC."""
    if not value:
        return None
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except ValueError:
        return None
