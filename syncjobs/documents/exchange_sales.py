"""Bidirectional orders, from Business Central into Sales: lines, what was shipped of them, the order's own numbers.

A submitted order refuses changes, so everything goes in one change set: reopened, changed, submitted again. Only orders
that are released in Business Central travel this way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.http.batch import Part
from connector.sales import SalesClient
from coupling.models import BusinessCentralRecord, Coupling, FieldMapping
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents.amounts import amount, plain, rounded
from syncjobs.documents.archives import archived
from syncjobs.documents.attention import attend, settle_attention
from syncjobs.documents.choices import EventKind
from syncjobs.documents.events import note
from syncjobs.documents.exchange import LINES_MAPPING, Exchanged
from syncjobs.documents.hooks import HookContext, Step, run_after, run_before
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.order_lines import (
    DELIVERY,
    DISCOUNT,
    FREIGHT_AGREED,
    PRODUCT_LINES,
    agree_on,
    amounts_of,
    bc_view,
    discount_of_business_central,
    discount_of_sales,
    keep_links,
    new_link,
    sales_view,
)
from syncjobs.documents.records import ORDERS, read_keys
from syncjobs.documents.setup import read_setup
from syncjobs.documents.write_back import SUBMITTED, TABLE, toggled
from syncjobs.engine.context import JobRun
from syncjobs.engine.keys import derived_key
from syncjobs.models import SynchJob

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_NUMBER, _OCCURRENCE = "bcbi_businesscentralordernumber", "bcbi_businesscentraldocumentoccurrencenumber"
_LINE_NUMBER = "bcbi_businesscentrallinenumber"


@dataclass(slots=True)
class Products:
    """Products in Sales of items and resources: key and default unit, by `Item 1000`."""

    by_line: dict[str, tuple[UUID, UUID]] = field(default_factory=dict)
    write_in: str = ""
    off: frozenset[str] = frozenset()
    """Columns of lines whose field mapping is switched off."""

    def of(self, line: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a new row of `line` sells; None where its item or resource is not coupled."""
        name = _product_name(line)
        if name == self.write_in:
            text = str(line["description"] or "").strip() or name
            return {"isproductoverridden": True, "productdescription": text}
        if name not in self.by_line:
            return None
        product, unit = self.by_line[name]
        return {"productid@odata.bind": f"/products({product})", "uomid@odata.bind": f"/uoms({unit})"}


def products_of(run: JobRun, lines: Sequence[Mapping[str, Any]]) -> Products:
    """For many lines at once: two queries, and one request for the units. Raises RemoteError."""
    central, sales = run.client(BC), run.client(SALES)
    assert isinstance(central, BusinessCentralClient)  # noqa: S101 - narrows the type
    setup = read_setup(central, run.connection)
    off = FieldMapping.objects.filter(mapping__connection=run.connection, mapping__name=LINES_MAPPING, enabled=False)
    found = Products(
        write_in=f"{str(setup.write_in_type).title()} {setup.write_in_no}" if setup.write_in_no else "",
        off=frozenset(off.values_list("sales_attribute", flat=True)),
    )
    numbers = {str(line["lineObjectNumber"]) for line in lines}
    rows = BusinessCentralRecord.objects.filter(connection=run.connection, number__in=numbers)
    names = {row.key: row.number for row in rows.only("key", "number")}
    coupled = Coupling.objects.filter(
        connection=run.connection, sales_table="products", bc_key__in=list(names),
        mapping__name__in=["ITEM-PRODUCT", "RESOURCE-PRODUCT"],
    )  # fmt: skip
    partners = list(coupled.values_list("mapping__name", "bc_key", "sales_key"))
    keys = [sales_key for _, _, sales_key in partners]
    units = sales.read_records("products", keys, properties=["_defaultuomid_value"]) if keys else {}
    for mapping, bc_key, sales_key in partners:
        unit = units[sales_key].values["_defaultuomid_value"] if sales_key in units else None
        if unit:
            kind = "Item" if mapping == "ITEM-PRODUCT" else "Resource"
            found.by_line[f"{kind} {names[bc_key]}"] = (sales_key, UUID(str(unit)))
    return found


def line_row(run: JobRun, line: Mapping[str, Any], products: Products) -> dict[str, Any] | None:
    """A new row of an order's line in Sales, under a key of ours; None where its product is not coupled."""
    sells = products.of(line)
    if sells is None:
        return None
    return {
        "salesorderdetailid": str(new_key(run, line)),
        **sells,
        **_values(line, ["quantity", "price", "discount"], Decimal(0)),
        **({"requestdeliveryby": day} if (day := bc_view(line, with_text=False).get(DELIVERY)) else {}),
        **one_way(run, line, products.off),
    }


def new_key(run: JobRun, line: Mapping[str, Any]) -> UUID:
    return derived_key(run.connection.slug, LINES_MAPPING, str(line["id"]), 0)


def one_way(run: JobRun, line: Mapping[str, Any], off: frozenset[str]) -> dict[str, Any]:
    """What only Business Central knows of a line: its tax, what was shipped of it, its number."""
    tax = amount(line["netAmountIncludingTax"]) - amount(line["netAmount"])
    body: dict[str, Any] = {"tax": plain(rounded(tax)), "quantityshipped": plain(amount(line["shippedQuantity"]))}
    body |= {_LINE_NUMBER: int(line["sequence"])} if has_solution(run) else {}
    return {name: value for name, value in body.items() if name not in off}


def has_solution(run: JobRun) -> bool:
    """Whether Sales has the columns of Microsoft's solution."""
    return TABLE in (run.connection.capabilities or {}).get("company_tables", ())


def into_sales(run: JobRun, orders: Sequence[Exchanged]) -> None:
    """Writes submitted orders whose Business Central order is released. Raises RemoteError."""
    client = run.client(SALES)
    assert isinstance(client, SalesClient)  # noqa: S101 - narrows the type
    wanted = [line for order in orders for line in order.bc_lines if line["lineType"] in PRODUCT_LINES]
    products = products_of(run, wanted) if wanted else Products()
    changes, by_key = [], {}
    for order in orders:
        document = order.document
        parts, told, missing = _parts(run, order, products)
        if missing:
            text = f"{missing} of order {document.bc_number} is not coupled with a product; its line waits for that."
            attend(document, "order.product_not_coupled", text)
            run.progress.log(f"{document}: {text}", LogLevel.ERROR)
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
        else:
            settle_attention(document, "order.product_not_coupled")
        body = {**_numbering(run, document), **_discount(document)}
        if not (parts or body):
            continue
        context = HookContext(Step.UPDATE_ORDER, document, body=body, log=run.progress.log)
        if (refused := run_before(context)) is not None:
            attend(document, "order.sales_refused", refused.message)
            continue
        by_key[document.sales_key] = order
        change = Change(document, SALES, TABLE, OperationKind.UPDATE, context.body, beside=parts, told=told)
        changes.append(change)
    done = []
    for change, error in toggled(run, client, changes, final=SUBMITTED) if changes else ():
        document = change.document
        if error is not None:
            attend(document, "order.sales_refused", f"Sales did not take the order's lines: {error}")
            SynchJob.objects.filter(pk=run.job.pk).update(failed=F("failed") + 1)
            run.progress.log(f"{document}: {error}", LogLevel.WARNING)
            continue
        settle_attention(document, "order.sales_refused")
        SynchJob.objects.filter(pk=run.job.pk).update(modified=F("modified") + 1)
        if change.beside:
            text = f"Sales got the lines of order {document.bc_number} as they are in Business Central."
            note(document, EventKind.UPDATED, text, job=run.job, details=change.told)
        run_after(HookContext(Step.UPDATE_ORDER, document, body=change.body, log=run.progress.log))
        done.append(by_key[document.sales_key])
    if done:
        _agree(run, client, done)


def _parts(run: JobRun, order: Exchanged, products: Products) -> tuple[list[Part], dict[str, Any], str]:
    """Requests about lines, what the journal says of them, and an item that has no product yet."""
    sales = {str(line["id"]): line for line in order.document.lines}
    bc = {str(line["id"]): line for line in order.bc_lines}
    parts: list[Part] = []
    told: dict[str, Any] = {}
    missing = ""
    names_of = {link["bc"]: names for link, names in order.plan.to_sales}
    # A line that was changed in Sales waits for its order to be reopened; it is not overwritten meanwhile.
    waiting = {link["bc"] for link, _ in (*order.plan.to_bc, *order.plan.clashes)}
    for link in order.links:
        ours, theirs = sales.get(link["sales"]), bc.get(link["bc"])
        if ours is None or theirs is None:
            continue
        body: dict[str, Any] = {}
        names = names_of.get(link["bc"], [])
        if "product" in names:
            sells = products.of(theirs)
            if sells is None:
                missing = _product_name(theirs)
                continue
            body |= sells
        if names:
            body |= _values(theirs, names, _volume(ours))
        if "text" in names and "product" not in names:
            body["productdescription"] = str(theirs["description"] or "-")
        known = {**ours, _LINE_NUMBER: link.get("number")}
        if link["bc"] not in waiting:
            news = one_way(run, theirs, products.off)
            body |= {name: value for name, value in news.items() if not _same(known.get(name), value)}
        if body:
            link["number"] = int(theirs["sequence"])
            parts.append(Part("PATCH", f"salesorderdetails({link['sales']})", body, {"If-Match": "*"}))
            told[f"line {theirs['sequence']}"] = {name: str(value) for name, value in body.items()}
    for line in order.plan.new_in_sales:
        row = line_row(run, line, products)
        if row is None:
            missing = _product_name(line)
            continue
        row["salesorderid@odata.bind"] = f"/salesorders({order.document.sales_key})"
        parts.append(Part("POST", "salesorderdetails", row))
        told[f"line {line['sequence']}"] = {name: str(value) for name, value in row.items()}
    for link in order.plan.delete_in_sales:
        parts.append(Part("DELETE", f"salesorderdetails({link['sales']})", None, {"If-Match": "*"}))
        told[f"deleted {link['sales']}"] = True
    return parts, told, missing


def _values(line: Mapping[str, Any], names: Sequence[str], volume: Decimal) -> dict[str, Any]:
    """Price and discount are Business Central's; the price list does not change them again."""
    body: dict[str, Any] = {}
    if "quantity" in names:
        body["quantity"] = plain(amount(line["quantity"]))
    if "price" in names:
        body |= {"priceperunit": plain(amount(line["unitPrice"])), "ispriceoverridden": True}
    if DELIVERY in names:
        body["requestdeliveryby"] = bc_view(line, with_text=False)[DELIVERY] or None
    if "discount" in names or ("quantity" in names and volume):
        manual = amount(line["discountAmount"]) - amount(line["quantity"]) * volume
        body["manualdiscountamount"] = plain(rounded(max(manual, Decimal(0))))
    return body


def _volume(line: Mapping[str, Any]) -> Decimal:
    return amount(line.get("volumediscountamount"))


def _same(now: Any, wanted: Any) -> bool:
    return amount(now) == amount(wanted)


def _product_name(line: Mapping[str, Any]) -> str:
    return f"{line['lineType']} {line['lineObjectNumber']}"


def _numbering(run: JobRun, document: SalesDocument) -> dict[str, Any]:
    """The order's number in Business Central and which order of that number it is, once."""
    if not has_solution(run) or document.marks.get("numbered") == document.bc_number:
        return {}
    document.marks = {**document.marks, "numbered": document.bc_number}
    reference = str(document.bc_values.get("externalDocumentNumber") or "")
    return {_NUMBER: document.bc_number, _OCCURRENCE: occurrence(run, document.bc_number, reference)}


def occurrence(run: JobRun, number: str, reference: str) -> int:
    """Which order of this number it is: one more than the newest in the archive, unless that is this very order."""
    client = run.client(BC)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    version = archived(client, number)
    if version is None:
        return 1
    return int(version["docNoOccurrence"]) + (str(version["externalDocumentNumber"]) != reference)


def _discount(document: SalesDocument) -> dict[str, Any]:
    """The discount of the whole document, where it changed in Business Central alone: an amount, no percentage."""
    now = amounts_of(document)
    if not discount_of_business_central(document) or now["bc"] == now["sales"]:
        return {}
    return {"discountpercentage": None, "discountamount": plain(rounded(amount(now["bc"])))}


def _agree(run: JobRun, client: SalesClient, orders: Sequence[Exchanged]) -> None:
    """What both sides hold now is agreed on, except what still waits."""
    keys = [order.document.sales_key for order in orders]
    read = {each.sales_key: each for each in read_keys(client, run.connection, ORDERS, keys)}
    for order in orders:
        fresh, document = read[order.document.sales_key], order.document
        for name in ("values", "lines", "total", "sales_token", "sales_state", "sales_status"):
            setattr(document, name, getattr(fresh, name))
        sales = {str(line["id"]): line for line in document.lines}
        bc = {str(line["id"]): line for line in order.bc_lines}
        waiting = {link["bc"]: names for link, names in (*order.plan.clashes, *order.plan.to_bc)}
        links = []
        for link in order.links:
            if link["sales"] not in sales and link["bc"] not in bc:
                continue
            if link["bc"] in bc and link["sales"] in sales:
                ours = sales_view(sales[link["sales"]])
                theirs = bc_view(bc[link["bc"]], with_text="text" in ours)
                agree_on(
                    link, [name for name in ours if name not in waiting.get(link["bc"], ())], sales=ours, bc=theirs
                )
            links.append(link)
        for line in order.plan.new_in_sales:
            if (row := sales.get(str(new_key(run, line)))) is not None:
                links.append({**new_link(row, line), "number": int(line["sequence"])})
        marks = keep_links(document, links)
        if DISCOUNT in marks and not discount_of_sales(document):
            marks[DISCOUNT] = amounts_of(document)
        marks.setdefault(FREIGHT_AGREED, str(plain(amount(document.values.get("freightamount")))))
        document.marks = marks
        document.save(update_fields=["marks"])
