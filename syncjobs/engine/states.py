"""The state of a row in Sales and "Blocked" of its record: beside the field mappings, but a change like any other.

What somebody does to a state in Sales travels to Business Central; blocking there does not touch the state. The state
is what takes a row out of the delivered filters, so it still travels when nothing else of the row does.
"""

from __future__ import annotations

from typing import Any

from syncjobs.engine.convert.values import Converter, EnumConverter, Row
from syncjobs.engine.results import SKIP

ACTIVE, RETIRED, DRAFT = 0, 1, 2
INACTIVE = 1
_BLOCKED_FOR_ALL = "All"


class ProductStateConverter(Converter):
    """`blocked` ← `statecode`: every state but Active blocks, Active unblocks. A draft is still being made."""

    bc_blank: Any = False

    def bc_form(self, value: Any) -> Any:
        return bool(value)

    def sales_form(self, value: Any) -> Any:
        return {ACTIVE: "Active", RETIRED: "Retired"}.get(value, "Draft" if value in (None, DRAFT) else str(value))

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Any) -> Any:
        return SKIP

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Any) -> Any:
        return SKIP if value in (None, DRAFT) else value != ACTIVE

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Any) -> bool:
        return sales_value in (None, DRAFT) or bool(bc_value) == (sales_value != ACTIVE)


class AccountStateConverter(Converter):
    """`blocked` of a customer ← `statecode`: an inactive account blocks a customer that is not blocked yet; an active
    one unblocks nobody."""

    bc_blank: Any = EnumConverter.bc_blank

    def bc_form(self, value: Any) -> Any:
        return value not in ("", None, self.bc_blank)

    def sales_form(self, value: Any) -> Any:
        return "Inactive" if value == INACTIVE else "Active"

    def to_sales(self, value: Any, source: Row, target: Any, lookups: Any) -> Any:
        return SKIP

    def to_bc(self, value: Any, source: Row, target: Any, lookups: Any) -> Any:
        return _BLOCKED_FOR_ALL if value == INACTIVE and not self.bc_form(target) else SKIP

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: Any) -> bool:
        return bool(sales_value != INACTIVE or self.bc_form(bc_value))
