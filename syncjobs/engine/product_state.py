"""The state of a product and its item's "Blocked": beside the field mappings, but a change like any other.

What somebody does to the product's state in Sales travels to Business Central: every state but Active blocks. Blocking
an item does not touch the product. A draft is a product that is still being made.
"""

from __future__ import annotations

from typing import Any

from syncjobs.engine.convert.values import Converter, Row
from syncjobs.engine.results import SKIP

ACTIVE, RETIRED, DRAFT = 0, 1, 2


class ProductStateConverter(Converter):
    """`blocked` ← `statecode`; the other way nothing is ever sent."""

    bc_blank: Any = False

    def bc_form(self, value: Any) -> Any:
        return bool(value)

    def sales_form(self, value: Any) -> Any:
        return DRAFT if value is None else value

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Any) -> Any:
        return SKIP

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Any) -> Any:
        return SKIP if value in (None, DRAFT) else value != ACTIVE

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Any) -> bool:
        return sales_value in (None, DRAFT) or bool(bc_value) == (sales_value != ACTIVE)
