"""Bidirectional orders in a preview: what a run would make new on either side, beside the headers of coupled ones.

An order without its lines is none, so the engine rehearses no new ones. They are looked at here as a run looks at them,
both systems are only read, and each becomes an operation of the preview.
"""

from collections import Counter
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from connector.choices import Direction, System
from connector.sales import SalesClient
from syncjobs.choices import JobMode, OperationKind, OperationState
from syncjobs.documents.agreeing import is_both_ways
from syncjobs.documents.both_ways import may_create
from syncjobs.documents.new_in_sales import orders_to_make
from syncjobs.documents.orders import facts_of, submitted_filter
from syncjobs.documents.preflight import prepare
from syncjobs.documents.records import ORDERS, read_where
from syncjobs.engine.closing import add_to_plan
from syncjobs.engine.context import JobRun
from syncjobs.models import Operation, SynchJob

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_PARTNER_MISSING = ("account.not_coupled", "product.not_coupled", "unit.not_coupled")


def previews_both_ways(run: JobRun) -> bool:
    return run.mapping.name == ORDERS.mapping and is_both_ways(run) and run.job.mode == JobMode.PREVIEW


def preview_orders(run: JobRun) -> None:
    """Adds orders that a run would create to the plan of a preview. Raises RemoteError."""
    targets = Direction(run.job.direction).targets & Direction(run.mapping.direction).targets
    plan: Counter[str] = Counter()
    operations: list[Operation] = []
    if BC in targets and may_create(run, BC):
        _in_business_central(run, plan, operations)
    if SALES in targets and may_create(run, SALES):
        _in_sales(run, plan, operations)
    made = plan["create_in_business_central"] + plan["create_in_sales"]
    with transaction.atomic():
        Operation.objects.bulk_create(operations)
        add_to_plan(run.job, plan)
        SynchJob.objects.filter(pk=run.job.pk).update(
            inserted=F("inserted") + made, coupled=F("coupled") + made,
            failed=F("failed") + plan["blocked"] + plan["failing"],
        )  # fmt: skip


def _in_business_central(run: JobRun, plan: Counter[str], operations: list[Operation]) -> None:
    sales = run.client(SALES)
    assert isinstance(sales, SalesClient)  # noqa: S101 - narrows the type
    read = read_where(sales, run.connection, ORDERS, submitted_filter(run))
    documents = [document for document in read if document.coupling_id is None]
    facts = facts_of(run, documents) if documents else None
    for document in documents:
        if facts is None:
            return
        prepared = prepare(document, facts)
        name = f"{document.number} {document.name}"
        if not prepared.problems:
            plan["create_in_business_central"] += 1
            body = {**prepared.header, ORDERS.bc_lines: prepared.lines}
            operations.append(_operation(run, BC, ORDERS.bc_table, name, body, sales_key=document.sales_key))
            continue
        waits = all(problem.code in _PARTNER_MISSING for problem in prepared.problems)
        plan["blocked" if waits else "failing"] += 1
        text = " ".join(problem.message for problem in prepared.problems)
        operations.append(_operation(run, BC, ORDERS.bc_table, name, {}, text, sales_key=document.sales_key))


def _in_sales(run: JobRun, plan: Counter[str], operations: list[Operation]) -> None:
    for new in orders_to_make(run):
        if new.problem:
            plan["blocked" if new.waits_for_partner else "failing"] += 1
            body: dict[str, Any] = {}
        else:
            plan["create_in_sales"] += 1
            body = {**new.header, ORDERS.lines: [row for _, row in new.rows]}
        operations.append(_operation(run, SALES, ORDERS.table, new.title, body, new.problem, bc_key=new.key))


def _operation(
    run: JobRun, system: System, table: str, name: str, body: dict[str, Any], problem: str = "", **keys: UUID
) -> Operation:
    return Operation(
        job=run.job, connection=run.connection, mapping=run.mapping, system=system, table=table, preview=True,
        record_name=name.strip()[:500], kind=OperationKind.CREATE, before={}, after=body,
        state=OperationState.FAILED if problem else OperationState.PLANNED,
        error_code="document.problems" if problem else "", error_message=problem, **keys,
    )  # fmt: skip
