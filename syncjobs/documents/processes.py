"""Processes of sales documents by their name: when a connection has one, and how a job runs it.

A process is a job under the mapping of its documents, so it shows among the jobs, can be cancelled, and is taken up
again when its worker dies. Its arguments stand in the job's options: `process`, and `documents` for those somebody
named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from connector.choices import Direction, SalesOrderIntegration
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.models import TableMapping
from syncjobs.choices import LIVE_JOB_STATES, JobMode, JobTrigger
from syncjobs.documents.feedback import finish_orders, follow_orders
from syncjobs.documents.inventory import carry_stock
from syncjobs.documents.notes import follow_notes
from syncjobs.documents.on_request import post_orders, remove_documents
from syncjobs.documents.orders import create_sales_orders
from syncjobs.documents.quotes import process_sales_quotes
from syncjobs.documents.records import ORDERS, QUOTES
from syncjobs.documents.releasing import release_orders, reopen_orders
from syncjobs.documents.statistics import update_statistics
from syncjobs.engine.context import JobRun
from syncjobs.engine.fan_out import HIGH, enqueue
from syncjobs.models import SynchJob
from syncjobs.services.jobs import check_connection

CREATE_ORDERS = "create-sales-orders"
ORDER_STATUS = "order-status-posts"
NOTES = "sales-order-notes"
FINISHED = "archived-sales-orders"
PROCESS_QUOTES = "process-sales-quotes"
REMOVE_ORDERS = "remove-sales-orders"
REMOVE_QUOTES = "remove-sales-quotes"
POST_ORDERS = "post-sales-orders"
REOPEN_ORDERS = "reopen-sales-orders"
RELEASE_ORDERS = "release-sales-orders"
STATISTICS = "customer-statistics"
AVAILABILITY = "item-availability"
_NO_MAPPING = "Quotes have no fields to synchronise: the process of activated quotes makes and keeps their documents."


@dataclass(frozen=True, slots=True)
class Process:
    """`runs` does the work for named documents, or for all; `wanted` says whether a connection has its schedule.

    Without an interval it runs only when somebody asks for it.
    """

    name: str
    label: str
    mapping: str
    runs: Callable[[JobRun, Sequence[UUID]], None]
    wanted: Callable[[Connection], bool]
    interval_minutes: int
    direction: Direction = Direction.TO_BUSINESS_CENTRAL


_processes: dict[str, Process] = {}


def register(process: Process) -> None:
    """Makes a process known; the same name again replaces it."""
    _processes[process.name] = process


def processes() -> list[Process]:
    return list(_processes.values())


def process_of(name: str) -> Process:
    """Raises HubError for an unknown name."""
    if name not in _processes:
        raise HubError(f"There is no process {name}.", kind=ErrorKind.DATA, code="process.unknown")
    return _processes[name]


def is_scheduled(connection: Connection, name: str) -> bool:
    return name in _processes and _processes[name].interval_minutes > 0 and _processes[name].wanted(connection)


def run_process(run: JobRun) -> None:
    """The work of a job of mode `documents`; called by the engine, which opens and closes the job."""
    process = process_of(str(run.job.options.get("process", "")))
    keys = [UUID(key) for key in run.job.options.get("documents", ())]
    process.runs(run, keys)


def start_process(
    *,
    connection: Connection,
    name: str,
    trigger: JobTrigger,
    documents: Sequence[UUID] = (),
    user: User | None = None,
    hand_over: bool = True,
) -> SynchJob:
    """A queued job of the process. Raises HubError while the connection is disabled or has no such documents."""
    check_connection(connection)
    process = process_of(name)
    mapping = mapping_of(connection, process.mapping)
    options: dict[str, object] = {"process": name}
    if documents:
        options["documents"] = [str(key) for key in documents]
    job = SynchJob.objects.create(
        connection=connection,
        mapping=mapping,
        mode=JobMode.DOCUMENTS,
        direction=process.direction,
        trigger=trigger,
        user=user if user is not None and user.pk else None,
        options=options,
    )
    if hand_over:
        transaction.on_commit(partial(enqueue, "run_job", job, queue=HIGH if documents or user else None))
    return job


def is_running(connection: Connection, name: str) -> bool:
    """Whether a run of the process over all documents waits or works."""
    return (
        SynchJob.objects.filter(
            connection=connection, mode=JobMode.DOCUMENTS, state__in=LIVE_JOB_STATES, options__process=name
        )
        .exclude(options__has_key="documents")
        .exists()
    )


def mapping_of(connection: Connection, name: str) -> TableMapping:
    """The mapping that documents are coupled under. Raises HubError where order integration is off."""
    if name == QUOTES.mapping:
        return quote_mapping(connection)
    mapping = TableMapping.objects.select_related("connection").filter(connection=connection, name=name).first()
    if mapping is None:
        raise HubError(
            "Sales order integration is switched off.",
            kind=ErrorKind.CONFLICT,
            code="documents.integration_off",
            hint="Switch it on in Connection Setup: submitted orders become Business Central orders.",
        )
    return mapping


def quote_mapping(connection: Connection) -> TableMapping:
    """The mapping under which quotes are coupled; it synchronises nothing by itself."""
    mapping, _ = TableMapping.objects.get_or_create(
        connection=connection,
        name=QUOTES.mapping,
        defaults={
            "kind": MappingKind.RECORD,
            "business_central_table": QUOTES.bc_table,
            "business_central_label": "Sales Header (quote)",
            "sales_table": QUOTES.table,
            "sales_entity": QUOTES.entity,
            "sales_primary_key": QUOTES.primary_id,
            "sales_primary_name": "name",
            "direction": Direction.TO_BUSINESS_CENTRAL,
            "order": 125,
            "available": False,
            "unavailable_reason": _NO_MAPPING,
        },
    )
    return mapping


def has_orders(connection: Connection) -> bool:
    """Whether submitted orders are taken at all."""
    return str(connection.sales_order_integration) != SalesOrderIntegration.NONE


register(
    Process(
        name=CREATE_ORDERS,
        label="Process submitted sales orders",
        mapping=ORDERS.mapping,
        runs=create_sales_orders,
        wanted=lambda connection: (
            connection.automatically_create_sales_orders
            and connection.sales_order_integration == SalesOrderIntegration.LEGACY
        ),
        interval_minutes=30,
    )
)
register(
    Process(
        name=ORDER_STATUS,
        label="Order status",
        mapping=ORDERS.mapping,
        runs=follow_orders,
        wanted=lambda connection: connection.sales_order_integration == SalesOrderIntegration.LEGACY,
        interval_minutes=7,
        direction=Direction.TO_SALES,
    )
)
register(
    Process(
        name=NOTES,
        label="Notes of sales orders",
        mapping=ORDERS.mapping,
        runs=follow_notes,
        wanted=has_orders,
        interval_minutes=5,
        direction=Direction.BIDIRECTIONAL,
    )
)
register(
    Process(
        name=FINISHED,
        label="Archived sales orders",
        mapping=ORDERS.mapping,
        runs=finish_orders,
        wanted=lambda connection: connection.sales_order_integration == SalesOrderIntegration.BIDIRECTIONAL,
        interval_minutes=30,
        direction=Direction.TO_SALES,
    )
)
register(
    Process(
        name=PROCESS_QUOTES,
        label="Process activated sales quotes",
        mapping=QUOTES.mapping,
        runs=process_sales_quotes,
        wanted=lambda connection: connection.automatically_process_quotes,
        interval_minutes=30,
    )
)


register(
    Process(
        name=STATISTICS,
        label="Customer statistics",
        mapping="CUSTOMER",
        runs=update_statistics,
        # The table is part of the solution that marks rows with their company.
        wanted=lambda connection: bool((connection.capabilities or {}).get("company_tables")),
        interval_minutes=30,
        direction=Direction.TO_SALES,
    )
)
register(
    Process(
        name=AVAILABILITY,
        label="Item availability",
        mapping="ITEM-PRODUCT",
        runs=carry_stock,
        wanted=lambda connection: connection.synchronize_item_availability,
        interval_minutes=30,
        direction=Direction.TO_SALES,
    )
)
_ON_REQUEST: tuple[tuple[str, str, str, Callable[[JobRun, Sequence[UUID]], None]], ...] = (
    (REMOVE_ORDERS, "Delete cancelled sales orders", ORDERS.mapping, remove_documents),
    (REMOVE_QUOTES, "Delete lost sales quotes", QUOTES.mapping, remove_documents),
    (POST_ORDERS, "Ship and invoice sales orders", ORDERS.mapping, post_orders),
    (REOPEN_ORDERS, "Reopen sales orders", ORDERS.mapping, reopen_orders),
    (RELEASE_ORDERS, "Release sales orders", ORDERS.mapping, release_orders),
)
for _name, _label, _mapping, _runs in _ON_REQUEST:
    register(
        Process(name=_name, label=_label, mapping=_mapping, runs=_runs, wanted=lambda _: False, interval_minutes=0)
    )


def runs_by_process(run: JobRun) -> bool:
    """Whether a run of the order mapping is a process's work: submitted orders take no plain writes."""
    return (
        run.mapping.name == ORDERS.mapping
        and run.connection.sales_order_integration == SalesOrderIntegration.LEGACY
        and run.job.mode in (JobMode.MODIFIED, JobMode.FULL, JobMode.SELECTED)
    )


def run_order_mapping(run: JobRun) -> None:
    """Header fields of coupled orders, as the mapping SALESORDER-ORDER asks for."""
    follow_orders(run, [pair.sales_key for pair in run.options.pairs if pair.sales_key])
