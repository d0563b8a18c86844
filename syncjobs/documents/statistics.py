"""Account statistics: what a salesperson wants to know of a customer's money, on the account's form in Sales.

One row per coupled account in a table of the base solution. Every run computes all figures from a handful of reads
over the whole company and writes the rows that differ: balances change without leaving a trace on the customer, so
there is nothing to read changes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from connector.bulk import Write, WriteResult, WriteStatus
from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.errors import ErrorKind, HubError
from connector.sales import SalesClient
from coupling.choices import LinkChange
from coupling.link_changes import CouplingChange
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.choices import JobMode, JobState, JobTrigger, LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.amounts import ZERO, amount, plain, rounded
from syncjobs.documents.figures import Figures, read_figures
from syncjobs.engine.apply import mark_sent
from syncjobs.engine.context import JobRun
from syncjobs.engine.keys import derived_key
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import Operation, SynchJob
from syncjobs.services.jobs import start_job

ENTITY = "nav_accountstatistics"
LINK = "_nav_accountstatisticsid_value"
_BIND = "nav_AccountStatisticsId@odata.bind"
_AS_OF = "nav_overdueamountsasof"
_NAME_LENGTH = 160
_KEYS = "account-statistics"
_INVOICES = "POSTEDSALESINV-INV"
_AMOUNTS = (
    "nav_balancelcy", "nav_outstandingorderslcy", "nav_shippednotinvoicedlcy", "nav_outstandinginvoiceslcy",
    "nav_totallcy", "nav_creditlimitlcy", "nav_overdueamountslcy", "nav_totalsaleslcy",
    "nav_invoicedprepaymentamountlcy",
)  # fmt: skip
_ONE = dict.fromkeys(_AMOUNTS, 1)
"""A new row's amounts: one that was never anything but zero shows as blank in Sales."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What is to be written about one account; `link` says whether the account does not point to the row yet."""

    coupling: Coupling
    key: UUID
    body: dict[str, Any]
    before: dict[str, Any]
    is_new: bool
    link: bool


def update_statistics(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """The statistics of the named accounts, or of all that are coupled. Raises HubError and RemoteError."""
    sales, central = run.client(System.SALES), run.client(System.BUSINESS_CENTRAL)
    assert isinstance(sales, SalesClient)  # noqa: S101 - narrows the type
    assert isinstance(central, BusinessCentralClient)  # noqa: S101 - narrows the type
    table = _table(sales)
    couplings = Coupling.objects.filter(mapping=run.mapping, sales_table="accounts").select_related("mapping")
    if keys:
        couplings = couplings.filter(sales_key__in=keys)
    pairs = list(couplings)
    SynchJob.objects.filter(pk=run.job.pk).update(total=len(pairs))
    today = timezone.localdate()
    if keys:
        figures: dict[UUID, Figures] = {}
        for pair in pairs:
            figures |= read_figures(central, today, pair.bc_key)
    else:
        figures = read_figures(central, today)
    rows = _rows(run, sales, table, pairs, figures, today)
    new = [row for row in rows if row.is_new]
    made = _write(run, table, OperationKind.CREATE, [(row, {**row.body, **_ONE}) for row in new])
    again = [row for row in rows if row.body and (not row.is_new or row.key in made)]
    written = _write(run, table, OperationKind.UPDATE, [(row, row.body) for row in again])
    linked = [row for row in rows if row.link and (not row.is_new or row.key in written)]
    _write(run, "accounts", OperationKind.UPDATE, [(row, {_BIND: f"/{table}({row.key})"}) for row in linked])
    modified = len([row for row in again if not row.is_new and row.key in written])
    SynchJob.objects.filter(pk=run.job.pk).update(
        inserted=F("inserted") + len(made), modified=F("modified") + modified, done=len(pairs)
    )
    if keys:
        _follow_payments(run, pairs)
    else:
        remove_abandoned(run, sales, table)


def _table(sales: SalesClient) -> str:
    found = next((table for table, info in sales.tables().items() if info.entity == ENTITY), "")
    if not found:
        raise HubError(
            "Sales has no table for account statistics.", kind=ErrorKind.CONFIG, code="statistics.no_table",
            hint="Import the Business Central base solution into the organisation, or pause this schedule.",
        )  # fmt: skip
    return found


def _follow_payments(run: JobRun, pairs: Sequence[Coupling]) -> None:
    """What became of the customers' invoices, by the mapping of invoices."""
    invoices = Coupling.objects.filter(
        connection=run.connection, mapping__name=_INVOICES, mapping__enabled=True, mapping__available=True,
        bc_key__in=BusinessCentralRecord.objects.filter(
            connection=run.connection, table="salesInvoices",
            values__customerId__in=[str(pair.bc_key) for pair in pairs],
        ).values("key"),
    ).select_related("mapping")  # fmt: skip
    found = list(invoices)
    if found:
        chosen = [PairRef(each.bc_key, each.sales_key) for each in found]
        job = start_job(
            connection=run.connection, mapping=found[0].mapping, mode=JobMode.SELECTED,
            trigger=JobTrigger(run.job.trigger), user=run.job.user, options=RunOptions().with_pairs(chosen),
        )  # fmt: skip
        run.progress.log(f"{len(chosen)} invoices are looked at by {job}.")


def remove_abandoned(run: JobRun, sales: SalesClient, table: str) -> None:
    """Rows of accounts that were uncoupled since the last run that ended well: their figures would grow old.

    Raises RemoteError.
    """
    last = SynchJob.objects.filter(
        mapping=run.mapping, state=JobState.SUCCEEDED, options__process=run.job.options.get("process")
    ).exclude(options__has_key="documents").order_by("-id").first()  # fmt: skip
    gone = CouplingChange.objects.filter(mapping=run.mapping, kind=LinkChange.UNCOUPLE, undone_at=None)
    if last is not None:
        gone = gone.filter(at__gte=last.created_at)
    coupled = Coupling.objects.filter(mapping=run.mapping).values("sales_key")
    accounts = list(gone.exclude(sales_key__in=coupled).values_list("sales_key", flat=True).distinct())
    if not accounts:
        return
    links = sales.read_records("accounts", accounts, properties=[LINK]).values()
    wanted = {UUID(str(record.values[LINK])) for record in links if record.values[LINK]}
    wanted |= {derived_key(run.connection.slug, _KEYS, account, 0) for account in accounts}
    there = sales.read_records(table, wanted, properties=["nav_name"])
    operations = Operation.objects.bulk_create(
        Operation(
            job=run.job, connection=run.connection, mapping=run.mapping, system=System.SALES, table=table,
            record_id=key, sales_key=key, kind=OperationKind.DELETE, before=dict(record.values), after={},
            record_name=f"Statistics of {record.values['nav_name']}",
        )
        for key, record in there.items()
    )  # fmt: skip
    by_id = {operation.pk: operation for operation in operations}
    writes = [Write(each.pk, "delete", table, each.record_id, {}) for each in operations]
    answers = run.writer(System.SALES).run(writes, before_send=mark_sent, should_stop=run.progress.should_stop)
    for result in (result for results in answers for result in results):
        if _end(run, by_id[result.ref], result):
            SynchJob.objects.filter(pk=run.job.pk).update(deleted=F("deleted") + 1)
    journal.withdraw(Operation.objects.filter(pk__in=by_id))


def _rows(
    run: JobRun,
    sales: SalesClient,
    table: str,
    pairs: Sequence[Coupling],
    figures: dict[UUID, Figures],
    today: date,
) -> list[_Row]:
    """What differs; pairs with a side gone count as failed, those alike as unchanged."""
    accounts = sales.read_records("accounts", [pair.sales_key for pair in pairs], properties=["name", LINK])
    links = {key: UUID(str(record.values[LINK])) for key, record in accounts.items() if record.values[LINK]}
    own = {pair.sales_key: _key(run, pair) for pair in pairs}
    names = ["nav_name", "nav_customerno", _AS_OF, *_AMOUNTS]
    known = sales.read_records(table, {*links.values(), *own.values()}, properties=names)
    rows, unchanged = [], 0
    for pair in pairs:
        account, each = accounts.get(pair.sales_key), figures.get(pair.bc_key)
        if account is None or each is None or not each.number:
            _fail(run, each.number if each else "", str(account.values["name"]) if account else "")
            continue
        linked = links.get(pair.sales_key)
        key = linked if linked in known else own[pair.sales_key]
        wanted = _values(each, today)
        there = known[key].values if key in known else {}
        body = {name: value for name, value in wanted.items() if _differs(there.get(name), value)}
        link = linked != key
        if not body and not link:
            unchanged += 1
            continue
        before = {name: there.get(name) for name in body}
        rows.append(_Row(pair, key, body, before, key not in known, link))
    SynchJob.objects.filter(pk=run.job.pk).update(unchanged=F("unchanged") + unchanged)
    return rows


def _key(run: JobRun, pair: Coupling) -> UUID:
    return derived_key(run.connection.slug, _KEYS, pair.sales_key, 0)


def _values(figures: Figures, today: date) -> dict[str, Any]:
    money: tuple[Decimal, ...] = (
        figures.balance, figures.outstanding_orders, figures.shipped_not_invoiced, figures.outstanding_invoices,
        figures.total, figures.credit_limit, figures.overdue, figures.sales, ZERO,
    )  # fmt: skip
    return {
        "nav_name": f"{figures.number} {figures.name}"[:_NAME_LENGTH].strip(),
        "nav_customerno": figures.number,
        _AS_OF: today.isoformat(),
        **{name: plain(rounded(value)) for name, value in zip(_AMOUNTS, money, strict=True)},
    }


def _differs(there: Any, wanted: Any) -> bool:
    if isinstance(wanted, Decimal):
        return there is None or amount(there) != wanted
    return str(there or "")[:_NAME_LENGTH] != wanted


def _write(
    run: JobRun, table: str, kind: OperationKind, rows: Sequence[tuple[_Row, dict[str, Any]]]
) -> dict[UUID, _Row]:
    """Journalled writes; the rows that are there now, by the key of their statistics."""
    operations = Operation.objects.bulk_create(
        Operation(
            job=run.job, connection=run.connection, mapping=run.mapping, coupling=row.coupling, system=System.SALES,
            table=table, record_id=_target(row, table), bc_key=row.coupling.bc_key, sales_key=row.key, kind=kind,
            record_name=f"Statistics of {row.body.get('nav_name', 'an account')}", after=body,
            before=row.before if kind == OperationKind.UPDATE and table != "accounts" else {},
        )
        for row, body in rows
    )  # fmt: skip
    by_id = {operation.pk: (operation, row) for operation, (row, _) in zip(operations, rows, strict=True)}
    writes = [
        Write(operation.pk, _KINDS[kind], table, _target(row, table), body)
        for operation, (row, body) in zip(operations, rows, strict=True)
    ]
    done = {}
    answers = run.writer(System.SALES).run(writes, before_send=mark_sent, should_stop=run.progress.should_stop)
    for result in (result for results in answers for result in results):
        operation, row = by_id[result.ref]
        if _end(run, operation, result):
            done[row.key] = row
    journal.withdraw(Operation.objects.filter(pk__in=by_id))
    return done


_KINDS: dict[OperationKind, Any] = {OperationKind.CREATE: "create", OperationKind.UPDATE: "update"}


def _target(row: _Row, table: str) -> UUID:
    return row.coupling.sales_key if table == "accounts" else row.key


def _end(run: JobRun, operation: Operation, result: WriteResult) -> bool:
    """What is written is absolute and under keys of ours: a lost answer is settled by the next run."""
    journal.end(operation, result)
    gone = operation.kind == OperationKind.DELETE and result.status == WriteStatus.MISSING
    if gone or result.status in (WriteStatus.DONE, WriteStatus.EXISTS):
        return True
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    run.progress.log(f"{operation.record_name}: {result.error or 'not written; the next run tries again'}.")
    return False


def _fail(run: JobRun, customer: str, account: str) -> None:
    """Names the side that is left."""
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    if customer:
        message = f"Customer {customer}: its account was not found in Sales."
    elif account:
        message = f"Account {account}: its customer was not found in Business Central."
    else:
        message = "A coupled customer and its account are both gone."
    run.progress.log(message, LogLevel.ERROR)
