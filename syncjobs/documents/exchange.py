"""Bidirectional orders, from Sales into Business Central: lines, freight and discount of coupled orders.

Both orders were just read. What was changed in Sales goes across as long as the order is open in Business Central; a
released one takes no changes, so the change waits until somebody reopens it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F

from connector.bulk import WriteStatus
from connector.choices import Direction, System
from coupling.choices import UpdateConflict
from coupling.models import TableMapping
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.amounts import ZERO, amount, header_discount, net_price, plain
from syncjobs.documents.attention import attend, settle_attention
from syncjobs.documents.choices import EventKind, OrderState
from syncjobs.documents.events import note
from syncjobs.documents.facts import Facts
from syncjobs.documents.following import Seen, read_with_lines
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.line_dates import add_dates, write_date
from syncjobs.documents.lines import FREIGHT, LineBuilder
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.order_lines import (
    APART,
    ATTRIBUTES,
    DELIVERY,
    DISCOUNT,
    LinePlan,
    Link,
    Ways,
    agree_on,
    agreed_amounts,
    bc_view,
    comments_after,
    discount_of_business_central,
    discount_of_sales,
    freight_of_sales,
    keep_links,
    links_of,
    new_link,
    plan_lines,
    sales_view,
)
from syncjobs.documents.order_prices import keep_prices
from syncjobs.documents.orders import facts_of
from syncjobs.documents.records import ORDERS
from syncjobs.documents.releasing import WAITS, offers_extras
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

BC = System.BUSINESS_CENTRAL
LINES_MAPPING = "SOLINE-ORDERDETAIL"
OPEN = "Open"
_UNKNOWN = "order.lines_unknown"
_UNKNOWN_WORDS = (
    "It is not clear which lines of the two orders belong together, so none is carried. They are joined once both have"
    " the same number of lines, in the same order and with the same quantities."
)


@dataclass(slots=True)
class Exchanged:
    """One coupled order with what there is to do."""

    document: SalesDocument
    seen: Seen
    links: list[Link]
    plan: LinePlan
    open_in_bc: bool

    @property
    def bc_lines(self) -> list[dict[str, Any]]:
        return list(self.seen.order[ORDERS.bc_lines]) if self.seen.order else []


def compare_lines(run: JobRun, seen: Sequence[Seen]) -> list[Exchanged]:
    """What changed since both sides agreed, of orders that are submitted; nothing where the line mapping is off."""
    mapping = TableMapping.objects.filter(connection=run.connection, name=LINES_MAPPING, enabled=True).first()
    if mapping is None:
        return []
    policy, ways = UpdateConflict(mapping.update_conflict_resolution), _ways(mapping)
    add_dates(run, [each.order for each in seen if each.order is not None])
    orders = []
    for each in seen:
        if each.order is not None and each.document.sales_state == OrderState.SUBMITTED:
            links = links_of(each.document)
            if links is None:
                attend(each.document, _UNKNOWN, _UNKNOWN_WORDS)
                continue
            settle_attention(each.document, _UNKNOWN)
            plan = plan_lines(
                links, each.document.lines, each.order[ORDERS.bc_lines], policy=policy,
                ways=ways, apart=each.document.marks.get(APART, ()),
            )  # fmt: skip
            links += [new_link(ours, theirs) for ours, theirs in plan.joined]
            each.document.marks = keep_links(each.document, links)
            orders.append(Exchanged(each.document, each, links, plan, each.status == OPEN))
            _part_shipped(orders[-1])
    for order in orders:
        _tell_clashes(run, order)
    return orders


def _ways(mapping: TableMapping) -> Ways:
    """Where the field mappings of lines let their values go."""
    fields = mapping.fields.filter(sales_attribute__in=ATTRIBUTES)
    return {
        ATTRIBUTES[field.sales_attribute]: Direction(field.direction).targets if field.enabled else frozenset()
        for field in fields
    }


def _part_shipped(order: Exchanged) -> None:
    """A line that was deleted in Sales and is shipped already stays in Business Central, alone: said once."""
    code, document = "order.line_kept", order.document
    lines = {str(line["id"]): line for line in order.bc_lines}
    kept = [key for key in document.marks.get(APART, ()) if key in lines]
    for link in [link for link in order.plan.delete_in_bc if amount(lines[link["bc"]].get("shippedQuantity"))]:
        order.plan.delete_in_bc.remove(link)
        order.links.remove(link)
        kept.append(link["bc"])
    document.marks = {**keep_links(document, order.links), APART: kept}
    if not kept:
        settle_attention(document, code)
        return
    names = ", ".join(f"{lines[key]['lineObjectNumber']} {lines[key]['description']}".strip() for key in kept)
    attend(
        document, code,
        f"Deleted in Sales, but shipped already, so it stays in {document.bc_number}: {names}. Nothing of it is carried"
        " any more. Take it back in Business Central where it was not meant.",
    )  # fmt: skip


def _tell_clashes(run: JobRun, order: Exchanged) -> None:
    code = "order.lines_conflict"
    if not order.plan.clashes:
        settle_attention(order.document, code)
        return
    names = sorted({name for _, found in order.plan.clashes for name in found})
    attend(
        order.document, code,
        f"{len(order.plan.clashes)} lines were changed on both sides ({', '.join(names)}). Make them equal, or set"
        f" the conflict policy of {LINES_MAPPING}.",
    )  # fmt: skip
    SynchJob.objects.filter(pk=run.job.pk).update(conflicts=F("conflicts") + 1)


def tell_locked(run: JobRun, order: Exchanged) -> None:
    """Whether a change from Sales waits because the order is released."""
    code, document = WAITS, order.document
    if order.open_in_bc or not (order.plan.changes_bc or discount_of_sales(document) or freight_of_sales(document)):
        settle_attention(document, code)
        return
    way = (
        "Choose Reopen below"
        if offers_extras(run.connection)
        else "Reopen it there: open the sales order and choose Release, then Reopen"
    )
    message = (
        f"The order was changed in Sales, but {document.bc_number} is released in Business Central and takes no"
        f" changes. {way}; the change follows by itself, and the order is to be released again."
    )
    attend(document, code, message)
    run.progress.log(f"{document}: {message}", LogLevel.WARNING)


# -- Into Business Central


def into_business_central(run: JobRun, orders: Sequence[Exchanged]) -> None:
    """Writes open orders that were changed in Sales. Raises RemoteError."""
    changed = [
        order for order in orders
        if order.plan.changes_bc or discount_of_sales(order.document) or freight_of_sales(order.document)
    ]  # fmt: skip
    if not changed:
        return
    facts = facts_of(run, [order.document for order in changed])
    for order in changed:
        context = HookContext(Step.UPDATE_ORDER, order.document, log=run.progress.log)
        if (refused := run_before(context)) is not None:
            attend(order.document, "order.lines_refused", refused.message)
            continue
        if problem := _write_bc(run, order, facts):
            attend(order.document, "order.lines_refused", problem)
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
            run.progress.log(f"{order.document}: {problem}", LogLevel.ERROR)
            continue
        settle_attention(order.document, "order.lines_refused")
        keep_prices(run, order.document, _repriced(order))
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
        text = f"Changes of the lines went from Sales into order {order.document.bc_number}; it is to be released."
        note(order.document, EventKind.UPDATED, text, job=run.job)
        run_after(context)


def _repriced(order: Exchanged) -> list[dict[str, Any]]:
    keys = {link["sales"] for link, names in order.plan.to_bc if "price" in names}
    return [line for line in order.document.lines if str(line["id"]) in keys]


def _write_bc(run: JobRun, order: Exchanged, facts: Facts) -> str:
    """Blank for success; otherwise what stood in the way. What was done before that is agreed on already."""
    document, plan, lines = order.document, order.plan, order.bc_lines
    customer = facts.customer_keys.get(UUID(str(document.values["_customerid_value"])))
    # A product is chosen once: a line with another one is a new line.
    replaced = [link for link, names in plan.to_bc if "product" in names]
    source = {str(line["id"]): line for line in document.lines}
    builder = LineBuilder(document, facts, customer)
    more = [*plan.new_in_bc, *(source[link["sales"]] for link in replaced)]
    builder.build_more(more, after=max((int(line["sequence"]) for line in lines), default=0))
    if builder.problems:
        return builder.problems[0].message
    by_id = {str(line["id"]): line for line in lines}
    dropped = [*plan.delete_in_bc, *replaced]
    for link in dropped:
        for line in (by_id[link["bc"]], *comments_after(lines, link["bc"])):
            if error := _one(run, order, OperationKind.DELETE, line):
                return error
        order.links.remove(link)
    for link, names in plan.to_bc:
        if link in replaced:
            continue
        line, view = by_id[link["bc"]], sales_view(source[link["sales"]])
        if names != [DELIVERY]:
            body = _bc_body(source[link["sales"]], line, document, names)
            if error := _one(run, order, OperationKind.UPDATE, line, body):
                return error
            agree_on(link, [name for name in names if name != DELIVERY], sales=view)
        if DELIVERY in names:
            if error := write_date(run, document, line, view[DELIVERY]):
                return error
            agree_on(link, [DELIVERY], sales=view, bc=view)
    made: dict[int, str] = {}
    for body, key in zip(builder.lines, builder.sources, strict=True):
        if error := _one(run, order, OperationKind.CREATE, {}, {"documentId": str(document.bc_key), **body}):
            return error
        made[int(body["sequence"])] = key
    return _amounts_and_links(run, order, facts, made)


def _amounts_and_links(run: JobRun, order: Exchanged, facts: Facts, made: Mapping[int, str]) -> str:
    """Freight and discount after the lines, then what stands there now is agreed on."""
    document = order.document
    discount_waits = discount_of_business_central(document)
    if error := _freight(run, order, facts) or _discount(run, order, facts):
        return error
    client = run.client(BC)
    row = read_with_lines(client, ORDERS, [document.bc_key] if document.bc_key else [])  # type: ignore[arg-type]
    now = row.get(document.bc_key) if document.bc_key else None
    if now is None:
        return f"Order {document.bc_number} is gone."
    order.seen.order = now
    values = {name: value for name, value in now.items() if "@" not in name}
    document.bc_lines = values.pop(ORDERS.bc_lines)
    document.bc_values = {**document.bc_values, **values}
    by_id = {str(line["id"]): line for line in document.bc_lines}
    source = {str(line["id"]): line for line in document.lines}
    for line in document.bc_lines:
        sales = source.get(made.get(int(line["sequence"]), ""))
        if sales is not None and line["lineType"] != "Comment":
            order.links.append(new_link(sales, line))
    # What Business Central changed while the order is open goes to Sales once it is released.
    waiting = {link["bc"]: names for link, names in (*order.plan.to_sales, *order.plan.clashes)}
    for link in order.links:
        if link["bc"] in by_id and link["sales"] in source:
            view = bc_view(by_id[link["bc"]], with_text="text" in link["agreed_sales"])
            agree_on(link, [name for name in view if name not in waiting.get(link["bc"], ())], bc=view)
    marks = {**keep_links(document, order.links), **agreed_amounts(document)}
    if discount_waits:
        marks[DISCOUNT]["bc"] = document.marks[DISCOUNT]["bc"]
    document.marks = marks
    document.save(update_fields=["bc_lines", "bc_values"])
    return ""


def _one(
    run: JobRun, order: Exchanged, kind: OperationKind, line: Mapping[str, Any], body: dict[str, Any] | None = None
) -> str:
    """One write to a line, under the token that was read; what went wrong, blank for nothing."""
    new = kind == OperationKind.CREATE
    change = Change(
        order.document, BC, ORDERS.bc_lines, kind, body or {}, key=None if new else UUID(str(line["id"])),
        before={name: line.get(name) for name in body or {}} if kind == OperationKind.UPDATE else {},
        token="" if new else str(line.get("@odata.etag") or ""), sales_key=None if new else UUID(str(line["id"])),
    )  # fmt: skip
    for _, result in journal.write(run, [change]):
        if result.status == WriteStatus.DONE or (kind == OperationKind.DELETE and result.status == WriteStatus.MISSING):
            return ""
        return str(result.error or "The line was just changed in Business Central; the next run looks again.")
    return "The run ended."


def _bc_body(
    sales: Mapping[str, Any], line: Mapping[str, Any], document: SalesDocument, names: Sequence[str]
) -> dict[str, Any]:
    """Quantity, price and discount together: Business Central looks up its own price for another quantity."""
    view, price = sales_view(sales), amount(sales["priceperunit"])
    if str(line["sequence"]) in document.plan.get("gross", {}):
        price = net_price(price, amount(line["taxPercent"]))
    body: dict[str, Any] = {
        "quantity": plain(amount(sales["quantity"] if "quantity" in names else line["quantity"])),
        "unitPrice": plain(price if "price" in names else amount(line["unitPrice"])),
        "discountAmount": plain(amount(view["discount"] if "discount" in names else line["discountAmount"])),
    }
    return {"description": view["text"], **body} if "text" in names else body


def _discount(run: JobRun, order: Exchanged, facts: Facts) -> str:
    """Last of all: every change of lines spreads it anew."""
    document = order.document
    wanted = header_discount(document.values, facts.precision_of(document)) or ZERO
    if discount_of_business_central(document):
        wanted = amount(document.bc_values.get("discountAmount"))
    if not wanted and not amount(document.bc_values.get("discountAmount")):
        return ""
    body = {"discountAmount": plain(wanted)}
    for _, result in journal.write(
        run, [Change(document, BC, ORDERS.bc_table, OperationKind.UPDATE, body, key=document.bc_key)]
    ):
        return "" if result.status == WriteStatus.DONE else str(result.error or "The discount was not taken.")
    return "The run ended."


def _freight(run: JobRun, order: Exchanged, facts: Facts) -> str:
    if not freight_of_sales(order.document):
        return ""
    wanted, account = amount(order.document.values.get("freightamount")), facts.setup.freight_account
    accounts = (each for each in order.bc_lines if each["lineType"] == "Account")
    line = next((each for each in accounts if each["description"] == FREIGHT), None)
    if line is not None and wanted <= 0:
        return _one(run, order, OperationKind.DELETE, line)
    if line is not None:
        body = {"quantity": 1, "unitPrice": plain(wanted), "discountAmount": 0}
        return _one(run, order, OperationKind.UPDATE, line, body)
    if not account:
        return "Freight G/L Acc. No. is empty, but the order has a freight amount now."
    body = {
        "documentId": str(order.document.bc_key), "lineType": "Account", "lineObjectNumber": account,
        "description": FREIGHT, "quantity": 1, "unitPrice": plain(wanted),
    }  # fmt: skip
    return _one(run, order, OperationKind.CREATE, body, body)
