"""JSON of wire values: numbers with a fraction are Decimal on both ways, exactly.

`json` cannot write a Decimal as a number; `simplejson` can. Everything that stores, sends or compares remote values
uses these, so that an amount never passes through a binary float.
"""

import json
from decimal import Decimal
from typing import Any

import simplejson


class WireEncoder(simplejson.JSONEncoder):
    """For JSONField(encoder=…)."""


class WireDecoder(json.JSONDecoder):
    """For JSONField(decoder=…)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "parse_float": Decimal})
