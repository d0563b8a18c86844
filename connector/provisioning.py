"""What the upper apps do when a connection changes: they register here, because nothing imports upwards.

A subscriber names itself once, at start-up (`AppConfig.ready`). Subscribers run in ascending `order`, inside the
transaction that changes the connection, so a failing one leaves nothing half-done.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User

from connector.choices import System
from connector.models import Connection


@dataclass(frozen=True, slots=True)
class NeededTable:
    """A table that the connection's mappings use; `writes` when a mapping writes to it."""

    system: System
    table: str
    writes: bool


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Callbacks of one app; each may be left out.

    `check_change(connection, changed)` may raise SettingsError before anything is stored; `connection` carries the new
    values, `changed` maps each changed setting to its old value. `changed(connection, changed, user)` follows the new
    values. `enabled(connection, user)` provisions what an enabled connection needs, repeatable. `disabled(connection)`
    puts everything on hold. `reset(connection, user)` forgets what the app knows of the connection.
    `copied(source, target)` gives a new connection what the app keeps of another's set-up; no records, no couplings.
    `needed_tables(connection)` is what a connection test has to reach, `couplings(connection)` how many pairs depend on
    the connection, `active_jobs(connection)` how many recurring jobs are ready or running, and how many there are.
    """

    name: str
    order: int
    check_change: Callable[[Connection, dict[str, object]], None] | None = None
    changed: Callable[[Connection, dict[str, object], User | None], None] | None = None
    enabled: Callable[[Connection, User | None], None] | None = None
    disabled: Callable[[Connection], None] | None = None
    reset: Callable[[Connection, User | None], None] | None = None
    copied: Callable[[Connection, Connection], None] | None = None
    needed_tables: Callable[[Connection], Iterable[NeededTable]] | None = None
    couplings: Callable[[Connection], int] | None = None
    active_jobs: Callable[[Connection], tuple[int, int]] | None = None


_subscribers: dict[str, Subscriber] = {}


def subscribe(subscriber: Subscriber) -> None:
    """Registers an app; the same name again replaces it."""
    _subscribers[subscriber.name] = subscriber


def subscribers() -> list[Subscriber]:
    return sorted(_subscribers.values(), key=lambda each: each.order)


def couplings_of(connection: Connection) -> int:
    """Pairs that stay when the connection is switched off."""
    return sum(each.couplings(connection) for each in subscribers() if each.couplings is not None)


def active_jobs_of(connection: Connection) -> tuple[int, int]:
    """How many of the connection's recurring jobs are ready or running, and how many there are."""
    counts = [each.active_jobs(connection) for each in subscribers() if each.active_jobs is not None]
    return sum(active for active, _ in counts), sum(every for _, every in counts)


def needed_tables(connection: Connection) -> list[NeededTable]:
    """The tables that the mappings use; a table is listed once, writing wins."""
    needed: dict[tuple[System, str], bool] = {}
    for subscriber in subscribers():
        if subscriber.needed_tables is not None:
            for each in subscriber.needed_tables(connection):
                needed[each.system, each.table] = needed.get((each.system, each.table), False) or each.writes
    found = [NeededTable(system, table, writes) for (system, table), writes in needed.items()]
    return found or list(_WITHOUT_MAPPINGS)


_WITHOUT_MAPPINGS = (
    *(
        NeededTable(System.BUSINESS_CENTRAL, table, writes)
        for table, writes in (
            ("currencies", False),
            ("paymentTerms", False),
            ("shipmentMethods", False),
            ("salespeoplePurchasers", False),
            ("customers", True),
            ("vendors", True),
            ("contacts", True),
            ("unitsOfMeasure", False),
            ("items", True),
            ("opportunities", True),
            ("salesInvoices", False),
        )
    ),
    *(
        NeededTable(System.SALES, table, writes)
        for table, writes in (
            ("systemusers", False),
            ("transactioncurrencies", True),
            ("accounts", True),
            ("contacts", True),
            ("uomschedules", True),
            ("uoms", True),
            ("products", True),
            ("pricelevels", True),
            ("productpricelevels", True),
            ("opportunities", True),
            ("invoices", True),
        )
    ),
)
"""Tables of the delivered mappings, for a connection that was never enabled and so has none of its own."""
