"""What becomes of a quote: an order or an invoice with another number and id; the quote itself is archived and gone."""

from decimal import Decimal

from sandbox.business_central.documents import archive, dimensions, totals
from sandbox.business_central.documents.posting import COPIED
from sandbox.business_central.errors import dialog
from sandbox.business_central.number_series import next_number
from sandbox.business_central.session import Session
from sandbox.storage import Row

_SERIES = {"Order": "S-ORD", "Invoice": "S-INV"}


def convert(session: Session, quote: Row, document_type: str) -> Row:
    """Makes an order or a draft invoice of the quote and returns it."""
    lines = totals.lines_of(session, quote)
    if not any(line["type"] and line["quantity"] for line in lines):
        raise dialog("There is nothing to convert: the quote has no lines with a quantity.")
    customer = session.find("Customer", no=quote["sell_to_customer_no"])
    if customer is None or customer["blocked"] in ("All", "Ship", "Invoice"):
        raise dialog("You cannot create this type of document because the customer is blocked.")
    made = session.new_row("Sales Header", document_type=document_type, status="Open", quote_no=quote["no"])
    for column in (*COPIED, "due_date", "customer_disc_group", "shipping_advice", "opportunity_no"):
        if column != "quote_no":
            made[column] = quote[column]
    made["no"] = next_number(session, "Sales Header", _SERIES[document_type])
    made["posting_date"] = made["order_date"] = session.today
    made["invoice_discount_amount"] = quote["invoice_discount_amount"]
    if document_type == "Invoice":
        made["invoice_state"] = "Draft"
    session.insert("Sales Header", made)
    dimensions.copy(session, quote["system_id"], "Sales Header", made)
    for line in lines:
        copy = {**line, "system_id": session.new_id(), "document_id": made["system_id"], "document_no": made["no"]}
        copy.update(document_type=document_type, qty_to_ship=line["quantity"], qty_to_invoice=line["quantity"])
        copy.update(quantity_shipped=Decimal(0), quantity_invoiced=Decimal(0))
        session.insert("Sales Line", copy)
        dimensions.copy(session, line["system_id"], "Sales Line", copy)
    totals.recalculate(session, made)
    archive.archive(session, quote)
    archive.remove(session, quote)
    return made
