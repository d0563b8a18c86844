"""Header fields of orders that come back to Sales, as the mapping SALESORDER-ORDER says: constants and rules included.

The engine decides about each pair as for any other record; only the way into Sales is the documents' own, because a
submitted order has to be reopened for it. Two values are known here alone: the day of the last shipment, which no page
shows, and the discount, which Sales may have as a percentage.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils import timezone

from connector.choices import System
from connector.sales import SalesClient
from coupling.models import Coupling
from syncjobs.choices import JobMode, LogLevel, OperationKind
from syncjobs.documents.amounts import amount, header_discount
from syncjobs.documents.attention import attend, settle_attention
from syncjobs.documents.choices import EventKind, OrderState
from syncjobs.documents.events import note
from syncjobs.documents.following import RELEASED, Seen
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.write_back import SUBMITTED, TABLE, toggled
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.context import JobRun
from syncjobs.engine.decide import decide
from syncjobs.engine.decision import Decision
from syncjobs.engine.load import load_slice
from syncjobs.engine.options import PairRef
from syncjobs.engine.pull import refresh_records
from syncjobs.engine.views import PairView
from syncjobs.models import SynchJob

SALES = System.SALES
_WORDS = {
    "shipto_": "the ship-to address", "billto_": "the bill-to address", "datefulfilled": "the last shipment date",
    "requestdeliveryby": "the requested delivery date", "paymenttermscode": "the payment terms",
    "discountamount": "the discount", "ownerid": "the owner", "shippingmethodcode": "the shipping method",
    "bcbi_": "the company",
}  # fmt: skip


def write_headers(run: JobRun, sales: SalesClient, seen: Sequence[Seen]) -> None:
    """Fields that differ, of orders that are released in Business Central and submitted in Sales."""
    due = {each.document.sales_key: each for each in seen if _is_due(run, each)}
    if not due:
        return
    pairs = [PairRef(each.document.bc_key, key) for key, each in due.items()]
    for system, keys in (
        (System.BUSINESS_CENTRAL, [pair.bc_key for pair in pairs if pair.bc_key]),
        (SALES, list(due)),
    ):
        reading = run.reading(system, run.mapping.table(system))
        refresh_records(reading=reading, keys=keys, client=run.client(system), progress=run.progress)
    blueprint = Blueprint.of(run.mapping).limited_to("to_sales")
    loaded = load_slice(blueprint, run.connection, pairs, run.options)
    enabled = set(run.mapping.fields.filter(enabled=True).values_list("sales_attribute", flat=True))
    agreed: dict[Any, tuple[PairView, Decision]] = {}
    changes = []
    for pair in loaded.pairs:
        if pair.coupling is None or pair.bc is None or pair.sales is None:
            continue
        each, decision = due[pair.sales.key], decide(blueprint, pair, loaded.lookups, run.options)
        document = each.document
        if decision.problem is not None:
            _tell(run, each, f"{decision.problem.message} {decision.problem.hint}".strip())
            continue
        settle_attention(document, "order.header")
        body = {name: value for write in decision.writes for name, value in write.after.items()}
        before = {name: value for write in decision.writes for name, value in write.before.items()}
        known = {name: value for name, value in known_here(each).items() if name in enabled}
        agreed[document.sales_key] = (pair, decision)
        if body or known:
            context = HookContext(Step.UPDATE_ORDER, document, body={**body, **known}, log=run.progress.log)
            if (refused := run_before(context)) is not None:
                attend(document, "order.header", refused.message)
                continue
            before |= {name: document.values.get(name) for name in known}
            changes.append(Change(document, SALES, TABLE, OperationKind.UPDATE, context.body, before=before))
        else:
            _agree(pair, decision)
    for change, error in toggled(run, sales, changes, final=SUBMITTED) if changes else ():
        document = change.document
        if error is not None:
            run.progress.log(f"{document}: {error}", LogLevel.WARNING)
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
            continue
        _agree(*agreed[document.sales_key])
        taken = {name: value for name, value in change.body.items() if name in document.values}
        document.values = {**document.values, **taken}
        document.save(update_fields=["values"])
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
        names = ", ".join(sorted({_word(name) for name in change.body}))
        text = f"Sales got {names} from Business Central."
        note(document, EventKind.UPDATED, text, job=run.job, details=change.body)
        run_after(HookContext(Step.UPDATE_ORDER, document, body=change.body, log=run.progress.log))


def _is_due(run: JobRun, seen: Seen) -> bool:
    """A full run looks at all of them, any other one at those that changed since both sides agreed."""
    document = seen.document
    if seen.order is None or seen.status != RELEASED or document.sales_state != OrderState.SUBMITTED:
        return False
    coupling = document.coupling
    unchanged = coupling is not None and bool(coupling.bc_base) and coupling.bc_token == seen.order.get("@odata.etag")
    return run.job.mode == JobMode.FULL or not unchanged or bool(known_here(seen))


def known_here(seen: Seen) -> dict[str, Any]:
    """What differs of the values that no field of the order shows."""
    values = seen.document.values
    body: dict[str, Any] = {}
    if seen.last_shipment and seen.last_shipment != str(values.get("datefulfilled") or "")[:10]:
        body["datefulfilled"] = seen.last_shipment
    discount = amount((seen.order or {}).get("discountAmount"))
    if not amount(values.get("discountpercentage")) and discount != (header_discount(values) or 0):
        body["discountamount"] = discount
    return body


def _agree(pair: PairView, decision: Decision) -> None:
    assert pair.coupling is not None  # noqa: S101 - narrows the type
    assert pair.bc is not None  # noqa: S101 - narrows the type
    bc_base, sales_base = dict(decision.bc_base), dict(decision.sales_base)
    for write in decision.writes:
        bc_base |= write.bc_base
        sales_base |= write.sales_base
    row = Coupling.objects.get(pk=pair.coupling.id)
    row.bc_base, row.sales_base = {**row.bc_base, **bc_base}, {**row.sales_base, **sales_base}
    row.bc_token, row.last_synchronised_at = pair.bc.token, timezone.now()
    row.save(update_fields=["bc_base", "sales_base", "bc_token", "last_synchronised_at"])


def _tell(run: JobRun, seen: Seen, message: str) -> None:
    """The rest of the order goes on; its header waits for a person, or for what is missing."""
    attend(seen.document, "order.header", message)
    SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
    run.progress.log(f"{seen.document}: {message}", LogLevel.ERROR)


def _word(column: str) -> str:
    name = column.lower()
    return next((word for begin, word in _WORDS.items() if name.startswith(begin)), column)
