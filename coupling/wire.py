"""JSON of wire values: numbers with a fraction are Decimal on both ways, exactly.

`json` cannot write a Decimal as a number; `simplejson` can, and `orjson` where it is told how, ten times faster; see
`connector.wire` for reading.
Everything that stores, sends or compares remote values uses these, so that an amount never passes through a binary
float.
"""

import json
from typing import Any

import orjson
import simplejson

from connector.wire import exact_number, loads


class WireEncoder(simplejson.JSONEncoder):
    """For JSONField(encoder=…)."""

    def encode(self, o: Any) -> str:
        """Raises TypeError for what is no wire value."""
        try:
            return orjson.dumps(o, default=exact_number).decode()
        except TypeError:
            # Numbers beyond 64 bits and halves of surrogate pairs are taken by the slower one only.
            return str(super().encode(o))


class WireDecoder(json.JSONDecoder):
    """For JSONField(decoder=…)."""

    def decode(self, s: str, *_: Any) -> Any:
        """Raises ValueError for what is not JSON."""
        return loads(s)
