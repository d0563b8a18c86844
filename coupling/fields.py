"""Columns of the database that several models share."""

from typing import Any

from django.db import models

from connector.wire import loads
from coupling.wire import WireDecoder, WireEncoder


class WireValuesField(models.JSONField):
    """JSONB of property name -> wire value; fractions are Decimal."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs = {"default": dict, "blank": True, **kwargs, "encoder": WireEncoder, "decoder": WireDecoder}
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        # Django makes a decoder for every value it reads; planning reads four of them per pair.
        return loads(value) if isinstance(value, str) else value
