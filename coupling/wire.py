"""JSON of wire values: numbers with a fraction are Decimal on both ways, exactly.

`json` cannot write a Decimal as a number; `simplejson` can, and `orjson` where it is told how, ten times faster.
Everything that stores, sends or compares remote values uses these, so that an amount never passes through a binary
float.
"""

import json
from decimal import Decimal
from typing import Any

import orjson
import simplejson

from connector.wire import exact_number


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "parse_float": Decimal})
