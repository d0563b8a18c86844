"""What one request carries while it works on data: the transaction, the caller, the schema and caches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sandbox.control.profile import SalesProfile
from sandbox.dataverse import errors
from sandbox.dataverse.schema import Schema
from sandbox.definitions.dataverse import Table
from sandbox.storage import Row, Transaction

if TYPE_CHECKING:
    from sandbox.state import Sandbox

LINE_PARENTS = {
    "opportunityproduct": "Opportunity",
    "quotedetail": "Quote",
    "salesorderdetail": "SalesOrder",
    "invoicedetail": "Invoice",
}
"""Tables whose rows are secured as part of a parent, by the parent's schema name."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change that webhooks may be registered for. ``values`` are the columns of the request plus system ones."""

    message: str
    table: Table
    key: str
    values: dict[str, Any]
    passed_by: frozenset[str] = frozenset()
    """Ids of steps that are not called."""


@dataclass(frozen=True, slots=True)
class Currency:
    rate: Decimal
    precision: int
    symbol: str


@dataclass
class Context:
    """One transaction's view. ``now`` is the stamp all its rows get; ``user_id`` is the caller's systemuser."""

    sandbox: "Sandbox"
    tx: Transaction
    schema: Schema
    profile: SalesProfile
    user_id: str
    now: str
    api_root: str
    tag: str | None = None
    passed_by: frozenset[str] = frozenset()
    """Ids of steps that the request at hand does not call."""
    content_ids: dict[str, tuple[Table, str]] = field(default_factory=dict)
    """Rows that earlier operations of the same change set made, by Content-ID."""
    events: list[Event] = field(default_factory=list)
    price_documents: set[tuple[str, str]] = field(default_factory=set)
    """Documents (logical name, id) whose totals are to be calculated when the operation ends."""
    deleting: set[tuple[str, str]] = field(default_factory=set)
    """Rows (logical name, id) whose deletion is under way; rules let their children go."""
    _known: set[tuple[str, str]] = field(default_factory=set)
    _cache: dict[Any, Any] = field(default_factory=dict)

    def table(self, logical_name: str) -> Table:
        return self.schema.by_name[logical_name]

    def get(self, logical_name: str, key: str) -> Row | None:
        return self.tx.get(self.schema.by_name[logical_name].storage, key)

    def exists(self, table: Table, key: str) -> bool:
        """Whether a row exists; known rows are remembered until one is deleted."""
        if (table.logical_name, key) in self._known:
            return True
        found = self.tx.exists(table.storage, key)
        if found:
            self._known.add((table.logical_name, key))
        return found

    def announce(self, message: str, table: Table, key: str, values: dict[str, Any]) -> None:
        self.events.append(Event(message, table, key, values, self.passed_by))

    def row_deleted(self, table: Table, key: str) -> None:
        self._known.discard((table.logical_name, key))

    def cached(self, key: Any, make: Callable[[], Any]) -> Any:
        """A value that cannot change within the transaction (or is dropped from the cache when it does)."""
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def forget(self) -> None:
        self._cache.clear()

    @cached_property
    def organization(self) -> Row:
        row = next(self.tx.select("sales_organizations", limit=1), None)
        if row is None:
            raise errors.DataverseError(503, errors.UNEXPECTED, "The organization is not available.")
        return row

    def currency(self, key: str) -> Currency:
        def load() -> Currency:
            row = self.tx.get("sales_transactioncurrencies", key)
            if row is None:
                raise errors.not_found("transactioncurrency", key)
            return Currency(row["exchangerate"] or Decimal(1), row["currencyprecision"], row["currencysymbol"] or "")

        currency: Currency = self.cached(("currency", key), load)
        return currency

    def round_to(self, value: Decimal, digits: int) -> Decimal:
        """An amount as the organisation rounds it."""
        mode = ROUND_HALF_EVEN if self.profile.rounds_half_even else ROUND_HALF_UP
        return value.quantize(Decimal(1).scaleb(-digits), mode)

    def business_unit_of(self, owner_table: str, owner: str) -> str | None:
        def load() -> str | None:
            row = self.get(owner_table, owner)
            return None if row is None else row["businessunitid"]

        unit: str | None = self.cached(("unit", owner_table, owner), load)
        return unit

    def require(self, action: str, table: Table) -> None:
        """Raises 403 when the profile denies the privilege, for example ``prvWriteAccount``."""
        if not self.profile.denied:
            return
        name = f"prv{action}{LINE_PARENTS.get(table.logical_name, table.schema_name)}"
        if name.lower() in {denied.lower() for denied in self.profile.denied}:
            raise errors.DataverseError(
                403,
                errors.MISSING_PRIVILEGE,
                f"Principal user (Id={self.user_id}, type=8) is missing {name} privilege on"
                f" OTC={table.object_type_code} for entity '{table.logical_name}'. context.Caller={self.user_id}.",
            )
