"""Jobs, operations and pairs as rows, for tests that only look at how they are shown."""

from datetime import UTC, datetime
from typing import Any

from connector.models import Connection
from coupling.models import Coupling
from syncjobs.models import FullSynch, FullSynchLine, Operation, Schedule, SynchJob
from tests.coupling.factories import make_account, make_coupling, make_customer

BEGIN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
END = datetime(2026, 3, 1, 8, 0, 4, tzinfo=UTC)
NO_COUNTERS = dict.fromkeys(SynchJob.COUNTERS, 0)


def make_pair(connection: Connection, number: str = "10000", **values: Any) -> Coupling:
    customer = make_customer(connection, number, f"Customer {number}")
    account = make_account(connection, f"Account {number}", f"A{number}")
    return make_coupling(connection.mappings.get(name="CUSTOMER"), customer, account, **values)


def make_job(connection: Connection, mapping: str = "CUSTOMER", **values: Any) -> SynchJob:
    """An ended run of four seconds."""
    defaults = {
        "mode": "modified",
        "direction": "bidirectional",
        "trigger": "schedule",
        "state": "succeeded",
        "started_at": BEGIN,
        "finished_at": END,
    }
    return SynchJob.objects.create(
        connection=connection, mapping=connection.mappings.get(name=mapping), **{**defaults, **values}
    )


def make_operation(job: SynchJob, coupling: Coupling, **values: Any) -> Operation:
    defaults = {
        "system": "sales",
        "table": "accounts",
        "record_id": coupling.sales_key,
        "bc_key": coupling.bc_key,
        "sales_key": coupling.sales_key,
        "kind": "update",
        "state": "settled",
        "before": {"name": "Old"},
        "after": {"name": "New"},
    }
    return Operation.objects.create(
        job=job,
        connection=job.connection,
        mapping=coupling.mapping,
        coupling=coupling,
        **{**defaults, **values},
    )


def make_schedule(connection: Connection, name: str = "CUSTOMER", **values: Any) -> Schedule:
    return Schedule.objects.create(
        connection=connection, name=name, mapping=connection.mappings.get(name=name), **{"next_run": END, **values}
    )


def make_full_synch(connection: Connection, *mappings: str, **values: Any) -> FullSynch:
    """An ended one with a finished line for each mapping."""
    defaults = {"state": "succeeded", "started_at": BEGIN, "finished_at": END}
    full_synch = FullSynch.objects.create(connection=connection, **{**defaults, **values})
    for order, name in enumerate(mappings):
        mapping = connection.mappings.get(name=name)
        FullSynchLine.objects.create(
            full_synch=full_synch, mapping=mapping, direction=mapping.direction, state="finished", order=order,
            to_sales="success", started_at=BEGIN, finished_at=END,
        )  # fmt: skip
    return full_synch


def iso(at: datetime | None) -> str | None:
    """A time as the API writes it."""
    return at.isoformat().replace("+00:00", "Z") if at else None
