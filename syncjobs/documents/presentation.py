"""How documents are put into words and rows for pages: what happens next, both sides' lines beside each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.choices import SalesOrderIntegration
from syncjobs.documents import links, steps
from syncjobs.documents.amounts import amount, line_discount, plain
from syncjobs.documents.choices import DocumentKind, TransferState
from syncjobs.documents.models import SalesDocument

STEP_BADGES = {steps.DONE: "succeeded", steps.TODO: "queued", steps.FAILED: "failed"}


@dataclass(frozen=True, slots=True)
class LineRow:
    """One Sales line and what it becomes: the product line first, then its comment lines."""

    sales: Mapping[str, Any] | None
    business_central: list[Mapping[str, Any]] = field(default_factory=list)
    differs: bool = False


@dataclass(frozen=True, slots=True)
class FieldRow:
    label: str
    sales: Any
    business_central: Any
    note: str = ""


def next_words(document: SalesDocument, *, automatic: bool) -> str:
    """One sentence: what the hub or a person does next."""
    match TransferState(document.transfer_state):
        case TransferState.WAITING:
            if automatic:
                return "The next run creates it in Business Central; you need not wait for it."
            return "It is ready: create it in Business Central when you like."
        case TransferState.PROBLEMS:
            return "Remove what is listed below; the next run, or Check again, sees whether it is ready."
        case TransferState.CREATING:
            return "A job has it in hand."
        case TransferState.UNCERTAIN:
            if document.marks.get("candidates"):
                return "Choose below which document in Business Central belongs to it."
            return "The answer of Business Central got lost. The next run looks for the document before it sends again."
        case TransferState.CREATED:
            return "It is in Business Central; the next run does the steps that are left."
        case TransferState.INCOMPLETE:
            return (
                "It is in Business Central, but a step could not be done. Do it by hand, or try to complete it again."
            )
        case TransferState.FAILED:
            return "Business Central refused it and nothing was left there. Correct it, then try again."
        case TransferState.TRANSFERRED:
            if document.attention:
                return "It is in Business Central; somebody has to look at what is listed below."
            if document.marks.get("won"):
                return "Its order is in Business Central; the quote may be deleted there."
            if document.kind == DocumentKind.QUOTE:
                return "It is in Business Central. A new revision takes its place; once it is won, its order follows."
            if document.connection.sales_order_integration == SalesOrderIntegration.BIDIRECTIONAL:
                return "It is in both systems. Sales' changes go into the open order, a released order goes to Sales."
            return "It is in Business Central. What happens to it there is written back to Sales."
        case TransferState.CLOSED:
            return "Nothing more happens to it."
        case _:
            if document.kind == DocumentKind.ORDER:
                return "It is picked up once it is submitted in Sales."
            return "It is picked up once it is activated in Sales."


def readiness_words(document: SalesDocument) -> str:
    """The state in the words of a list: `3 things missing`, `Created SO1001`."""
    state = TransferState(document.transfer_state)
    if state == TransferState.PROBLEMS:
        count = len(document.problems)
        return "1 thing missing" if count == 1 else f"{count} things missing"
    if state == TransferState.TRANSFERRED and document.attention:
        return "Needs attention"
    if state == TransferState.TRANSFERRED:
        return f"Created {document.bc_number}".strip()
    return str(state.label)


def readiness_badge(document: SalesDocument) -> str:
    """The state that colours those words: what needs somebody's eye is amber, wherever it stands."""
    state = TransferState(document.transfer_state)
    return "warning" if state == TransferState.TRANSFERRED and document.attention else state


def line_rows(document: SalesDocument) -> list[LineRow]:
    """Sales lines in their order, each with what it became or will become; freight last."""
    actual = {int(line["sequence"]): line for line in document.bc_lines}
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for body, source in zip(document.plan.get("lines", ()), document.plan.get("sources", ()), strict=False):
        label = document.plan.get("labels", {}).get(str(body["sequence"]), "")
        by_source.setdefault(source, []).append({**_planned(body, label), **actual.get(int(body["sequence"]), {})})
    differing = {difference["line"] for difference in document.differences}
    rows = []
    for line in document.lines:
        made = by_source.pop(str(line["id"]), [])
        named = line.get("names", {})
        shown = {
            **line,
            "discount": line_discount(line),
            "product": named.get("_productid_value") or line["productdescription"] or line["productname"],
            "unit": named.get("_uomid_value", ""),
            "write_in": line["_productid_value"] is None,
        }
        differs = any(str(each["sequence"]) in differing for each in made)
        rows.append(LineRow(shown, made, differs))
    freight = by_source.pop("freight", [])
    if freight:
        text = {"product": "Freight", "quantity": None, "priceperunit": document.values.get("freightamount")}
        rows.append(LineRow(text, freight))
    rows += [LineRow(None, lines) for lines in by_source.values()]
    return rows


def _planned(body: Mapping[str, Any], label: str) -> dict[str, Any]:
    """A line that is not there yet: what it sells in words, and its amount as the price says."""
    net = amount(body.get("quantity")) * amount(body.get("unitPrice")) - amount(body.get("discountAmount"))
    return {"description": label, **body, "amountExcludingTax": plain(net), "planned": True}


def header_rows(document: SalesDocument) -> list[FieldRow]:
    """Header fields of both sides where either has a value, with where the Business Central one comes from."""
    values, named = document.values, document.values.get("names", {})
    header = {**document.plan.get("header", {}), **document.bc_values}
    further = document.plan.get("further", {})
    rows = [
        FieldRow("Customer", document.customer_name, _customer(document)),
        FieldRow("External Document No.", document.name, header.get("externalDocumentNumber"), "from the name"),
        FieldRow("Your Reference", document.number, further.get("yourReference")),
        FieldRow("Currency", named.get("_transactioncurrencyid_value"), header.get("currencyCode")),
        FieldRow("Payment terms", named.get("paymenttermscode"), _set(header, "paymentTermsId")),
        FieldRow("Shipment method", named.get("freighttermscode"), _set(header, "shipmentMethodId")),
        FieldRow("Shipping agent", named.get("shippingmethodcode"), further.get("shippingAgentCode")),
    ]
    if document.kind == DocumentKind.ORDER:
        requested = str(values.get("requestdeliveryby") or "")[:10]
        rows.append(FieldRow("Requested delivery", requested, _date(header.get("requestedDeliveryDate"))))
        fulfilled = str(values.get("datefulfilled") or "")[:10]
        rows.append(FieldRow("Fulfilled, last shipped", fulfilled, document.marks.get("last_shipment", "")))
    else:
        until = str(values.get("effectiveto") or "")[:10]
        rows.append(FieldRow("Valid until", until, _date(header.get("validUntilDate"))))
    rows += [
        FieldRow("Ship to", _address(values, "shipto_"), _ship_to(header)),
        FieldRow("Discount", _money(document.plan.get("discount")), _money(header.get("discountAmount"))),
        FieldRow("Total without tax", _money(_without_tax(values)), _money(header.get("totalAmountExcludingTax"))),
        FieldRow(
            "Total with tax",
            _money(values.get("totalamount")),
            _money(header.get("totalAmountIncludingTax")),
            "each side computes its own tax",
        ),
    ]
    return [row for row in rows if row.sales or row.business_central]


def step_rows(document: SalesDocument) -> list[tuple[str, str, str]]:
    """(label, state, badge) of the steps that the document has."""
    return [
        (steps.LABELS[name], state.replace("_", " "), STEP_BADGES[state])
        for name, state in document.steps.items()
        if state != steps.NOT_NEEDED and name in steps.LABELS
    ]


def problems_of(document: SalesDocument) -> list[dict[str, Any]]:
    return links.with_urls(document.connection, document.problems)


def _without_tax(values: Mapping[str, Any]) -> Any:
    return amount(values.get("totalamountlessfreight")) + amount(values.get("freightamount"))


def _customer(document: SalesDocument) -> str:
    """Number and name: of the document that is there, or of the customer that it will be for."""
    there = document.bc_values
    if there.get("customerName"):
        return f"{there.get('customerNumber', '')} {there['customerName']}".strip()
    return str(document.plan.get("customer") or "")


def _money(value: Any) -> str:
    """Blank for nothing and for none."""
    return f"{amount(value):,.2f}".replace(",", "\N{NARROW NO-BREAK SPACE}") if amount(value) else ""


def _set(header: Mapping[str, Any], name: str) -> str:
    value = str(header.get(name) or "")
    return "" if not value.strip("0-") else "set"


def _date(value: Any) -> str:
    text = str(value or "")
    return "" if text.startswith("0001") else text


def _address(values: Mapping[str, Any], prefix: str) -> str:
    names = ("line1", "line2", "postalcode", "city", "stateorprovince", "country")
    return ", ".join(str(values[prefix + name]) for name in names if values.get(prefix + name))


def _ship_to(header: Mapping[str, Any]) -> str:
    names = ("shipToAddressLine1", "shipToAddressLine2", "shipToPostCode", "shipToCity", "shipToState", "shipToCountry")
    return ", ".join(str(header[name]) for name in names if header.get(name))
