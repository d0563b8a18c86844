"""Bidirectional orders: released orders of Business Central that Sales does not have yet are made there, lines and all.

The row's key is derived from the Business Central order, and header and lines are one request, so a lost answer or a
second run cannot make a second order. Once it is coupled it is submitted: from then on both sides are kept in step.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.errors import ErrorKind
from connector.http.batch import Part
from connector.sales import SalesClient
from coupling.choices import CouplingOrigin
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.agreeing import note_agreed
from syncjobs.documents.choices import EventKind, OrderState, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.exchange_sales import has_solution, line_row, new_key, occurrence, products_of
from syncjobs.documents.following import RELEASED, read_with_lines
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.line_dates import add_dates
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.order_lines import PRODUCT_LINES, agreed_amounts, keep_links, new_link
from syncjobs.documents.order_prices import OWN_LIST, own_list
from syncjobs.documents.records import ORDERS, read_keys
from syncjobs.documents.write_back import SUBMITTED, TABLE
from syncjobs.engine import bodies
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.context import JobRun
from syncjobs.engine.keys import derived_key
from syncjobs.engine.load import load_slice
from syncjobs.engine.options import PairRef
from syncjobs.engine.results import Problem
from syncjobs.models import Operation, SynchJob

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_EXISTS = (409, 412)


@dataclass(slots=True)
class NewInSales:
    """An order of Business Central that Sales does not have, with what it would be there or what stops it."""

    key: UUID
    title: str
    order: dict[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    rows: list[tuple[Mapping[str, Any], dict[str, Any]]] = field(default_factory=list)
    problem: str = ""
    waits_for_partner: bool = False


def create_in_sales(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Makes the named orders in Sales, or all released ones without a partner. Raises RemoteError."""
    journal.end_abandoned(run)
    sales = run.client(SALES)
    assert isinstance(sales, SalesClient)  # noqa: S101 - narrows the type
    lists = _price_lists(sales)
    for new in orders_to_make(run, keys):
        if run.progress.should_stop():
            return
        if new.problem:
            _fail(run, new.title, new.problem)
        else:
            _make(run, sales, new.order, new.header, new.rows, lists)


def orders_to_make(run: JobRun, keys: Sequence[UUID] = ()) -> Iterator[NewInSales]:
    """The named orders, or all released ones without a partner; nothing is written. Raises RemoteError."""
    central = run.client(BC)
    assert isinstance(central, BusinessCentralClient)  # noqa: S101 - narrows the type
    blueprint = Blueprint.of(run.mapping)
    loaded = load_slice(blueprint, run.connection, [PairRef(key) for key in keys or _uncoupled(run)], run.options)
    wanted = {pair.bc.key: pair.bc for pair in loaded.pairs if pair.bc is not None and pair.coupling is None}
    released = {key for key, record in wanted.items() if record.in_filter} & _released(run, list(wanted))
    for key in keys:
        if key in wanted and key not in released:
            problem = "The order is not released in Business Central. Release it, then try again."
            yield NewInSales(key, wanted[key].title, problem=problem)
    orders = read_with_lines(central, ORDERS, released)
    add_dates(run, orders.values())
    lines = [line for order in orders.values() for line in order[ORDERS.bc_lines] if line["lineType"] in PRODUCT_LINES]
    products = products_of(run, lines) if lines else None
    for key, order in orders.items():
        new = NewInSales(key, wanted[key].title, order)
        body = bodies.create_body(blueprint, SALES, wanted[key], loaded.lookups)
        if isinstance(body, Problem):
            new.problem, new.waits_for_partner = body.message, body.kind == ErrorKind.DEPENDENCY
            yield new
            continue
        new.header = body.after
        for line in order[ORDERS.bc_lines]:
            if line["lineType"] in PRODUCT_LINES and products is not None and not new.problem:
                row = line_row(run, line, products)
                if row is None:
                    name = f"{line['lineType']} {line['lineObjectNumber']}"
                    new.problem = f"{name} is not coupled with a product. Couple it, then try again."
                    new.waits_for_partner = True
                else:
                    new.rows.append((line, row))
        yield new


def _uncoupled(run: JobRun) -> list[UUID]:
    coupled = Coupling.objects.filter(connection=run.connection, bc_table=ORDERS.bc_table).values("bc_key")
    rows = BusinessCentralRecord.objects.of_table(run.connection.pk, ORDERS.bc_table).alive()
    return list(rows.exclude(key__in=coupled).values_list("key", flat=True))


def _released(run: JobRun, keys: Sequence[UUID]) -> set[UUID]:
    """Those that are released and wait for no prepayment, as far as a page tells the two apart."""
    if "salesDocuments" not in (run.connection.capabilities or {}).get("pages", ()):
        return set(keys)
    read = run.client(BC).read_records("salesDocuments", keys, properties=["status"]) if keys else {}
    return {key for key, record in read.items() if record.values["status"] == RELEASED}


def _price_lists(sales: SalesClient) -> dict[str, UUID]:
    """The active list of each currency: the oldest, where there are several."""
    found: dict[str, UUID] = {}
    rows = sales.query(
        "pricelevels", properties=["_transactioncurrencyid_value"], filter="statecode eq 0", orderby="createdon asc"
    )
    for row in rows:
        found.setdefault(str(row.values["_transactioncurrencyid_value"] or ""), row.key)
    return found


def _make(
    run: JobRun,
    sales: SalesClient,
    order: Mapping[str, Any],
    header: Mapping[str, Any],
    rows: Sequence[tuple[Mapping[str, Any], dict[str, Any]]],
    lists: Mapping[str, UUID],
) -> None:
    bc_key, number = UUID(order["id"]), str(order["number"])
    key = _free_key(run, bc_key)
    body: dict[str, Any] = {
        ORDERS.primary_id: str(key),
        "name": str(order["customerName"] or number)[:300],
        **header,
        "lastbackofficesubmit": str(order["orderDate"])[:10],
        ORDERS.lines: [row for _, row in rows],
    }
    if has_solution(run):
        reference = str(order["externalDocumentNumber"] or "")
        body["bcbi_businesscentraldocumentoccurrencenumber"] = occurrence(run, number, reference)
    currency = str(header.get("transactioncurrencyid@odata.bind") or "").partition("(")[2].rstrip(")")
    before: list[Part] = []
    marks: dict[str, Any] = {}
    if "pricelevelid@odata.bind" not in body and currency:
        price_list = lists.get(currency)
        if run.connection.extended_pricing or price_list is None:
            price_list, before = own_list(run, key, number, currency, body[ORDERS.lines])
            marks[OWN_LIST] = str(price_list)
        body["pricelevelid@odata.bind"] = f"/pricelevels({price_list})"
    document = SalesDocument(connection=run.connection, kind=ORDERS.kind, sales_key=key, name=str(body["name"]))
    context = HookContext(
        Step.CREATE_IN_SALES, document, {"order": dict(order)}, body, body[ORDERS.lines], log=run.progress.log
    )
    if (refused := run_before(context)) is not None:
        _fail(run, f"{number} {body['name']}", refused.message)
        return
    operation = Operation.objects.create(
        job=run.job, connection=run.connection, mapping=run.mapping, system=SALES, table=TABLE, record_id=key,
        bc_key=bc_key, sales_key=key, record_name=f"{number} {body['name']}"[:500], kind=OperationKind.CREATE,
        before={}, after=body,
    )  # fmt: skip
    error = journal.post_together(run, operation, [*before, Part("POST", TABLE, body)])
    if error is not None and error.status not in _EXISTS:
        _fail(run, f"{number} {body['name']}", f"{error} {error.hint}".strip())
        return
    _couple(run, sales, bc_key, key, number, [(line, str(new_key(run, line))) for line, _ in rows], marks)


def _free_key(run: JobRun, bc_key: UUID) -> UUID:
    """An order that was made for it before and deleted in Sales is made under another key."""
    for times in range(100):
        key = derived_key(run.connection.slug, ORDERS.mapping, bc_key, times)
        if not SalesDocument.objects.filter(connection=run.connection, sales_key=key, sales_gone=True).exists():
            return key
    raise RuntimeError(f"No key is left for order {bc_key}.")


def _couple(
    run: JobRun,
    sales: SalesClient,
    bc_key: UUID,
    key: UUID,
    number: str,
    lines: Sequence[tuple[Mapping[str, Any], str]],
    marks: Mapping[str, Any],
) -> None:
    try:
        with transaction.atomic():
            Coupling.objects.create(
                connection=run.connection, mapping=run.mapping, bc_table=ORDERS.bc_table, bc_key=bc_key,
                sales_table=TABLE, sales_key=key, origin=CouplingOrigin.CREATED, created_by=run.job.user,
                last_synchronised_at=timezone.now(), last_job_id=run.job.pk,
            )  # fmt: skip
    except IntegrityError:
        run.progress.log(f"Order {number} was coupled meanwhile.", LogLevel.WARNING)
        return
    document = read_keys(sales, run.connection, ORDERS, [key])[0]
    change = Change(document, SALES, TABLE, OperationKind.UPDATE, dict(SUBMITTED), key=key)
    submitted = not [result for _, result in journal.write(run, [change]) if result.error is not None]
    rows = {str(line["id"]): line for line in document.lines}
    document.bc_key, document.bc_number, document.transfer_state = bc_key, number, TransferState.TRANSFERRED
    links = [new_link(rows[row], line) | {"number": int(line["sequence"])} for line, row in lines if row in rows]
    document.marks = {**keep_links(document, links), **agreed_amounts(document), **marks, "numbered": number}
    if submitted:
        document.sales_state, document.sales_status = int(OrderState.SUBMITTED), SUBMITTED["statuscode"]
    document.save()
    note_agreed(run, [document])
    text = f"Order {number} of Business Central was created in Sales."
    note(document, EventKind.CREATED, text, key=f"created:{bc_key}", job=run.job)
    SynchJob.objects.filter(pk=run.job.pk).update(inserted=F("inserted") + 1, coupled=F("coupled") + 1)
    run.progress.log(f"{document}: {text}")
    run_after(HookContext(Step.CREATE_IN_SALES, document, log=run.progress.log))


def _fail(run: JobRun, title: str, message: str) -> None:
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    run.progress.log(f"{title}: {message}", LogLevel.ERROR)
