"""Credit memos: the correction of a posted invoice, posting with its ledger entry, and the cancellation of either."""

from decimal import Decimal

from sandbox.business_central.documents import dimensions, payments, posting, totals
from sandbox.business_central.documents.prices import exchange_rate
from sandbox.business_central.errors import dialog
from sandbox.business_central.number_series import next_number
from sandbox.business_central.session import Session
from sandbox.storage import Row

CREDIT_MEMO = "Credit Memo"


def correct(session: Session, invoice: Row) -> Row:
    """A draft that takes back all of a posted invoice. Raises unless the invoice is fully open."""
    entry = payments.entry_of(session, invoice)
    if invoice["invoice_state"] != "Open" or entry["remaining_amount"] != entry["amount"]:
        raise dialog(f"You cannot correct the invoice {invoice['no']} because it is not fully open.")
    made = _copy_header(session, invoice, CREDIT_MEMO, "S-CR")
    made.update(invoice_state="Draft", status="Open", applies_to_doc_no=invoice["no"])
    return _insert(session, made, invoice)


def cancel_invoice(session: Session, invoice: Row) -> Row:
    """Posts the correction of an invoice at once and returns the posted credit memo. Lines of an order that is still
    there count as neither shipped nor invoiced again, as far as the invoice went."""
    memo = post(session, correct(session, invoice))
    touched: dict[str, Row] = {}
    for billed in totals.lines_of(session, invoice):
        number = billed["order_no"]
        order = session.find("Sales Header", document_type="Order", no=number) if number and billed["type"] else None
        line = order and session.find("Sales Line", document_id=order["system_id"], line_no=billed["order_line_no"])
        if not order or not line:
            continue
        shipped, invoiced = (line[name] - billed["quantity"] for name in ("quantity_shipped", "quantity_invoiced"))
        changed = {**line, "quantity_shipped": shipped, "quantity_invoiced": invoiced}
        changed.update(qty_to_ship=line["quantity"] - shipped, qty_to_invoice=shipped - invoiced)
        session.update("Sales Line", changed, line)
        touched[number] = order
    for order in touched.values():
        totals.recalculate(session, order, touched=True)
    return memo


def post(session: Session, memo: Row) -> Row:
    """Posts a draft: its id stays, number and status change, stock comes back, the customer owes less."""
    if memo["posted"]:
        raise dialog(f"The credit memo {memo['no']} is posted already.")
    lines = [line for line in totals.lines_of(session, memo) if line["type"]]
    if not lines or any(not line["quantity"] for line in lines):
        raise dialog("There is nothing to post.")
    customer = session.find("Customer", no=memo["bill_to_customer_no"])
    if customer is None or customer["blocked"] == "All":
        raise dialog("You cannot post this type of document because the customer is blocked with type All.")
    posting.check_products(session, lines)
    date = posting.check_date(session, memo["posting_date"])
    number = next_number(session, "Sales Header", "S-CR+")
    posted = {**memo, "no": number, "posted": True, "status": "Released", "posting_date": date}
    posted["invoice_state"] = _apply(session, posted)
    session.update("Sales Header", posted, memo)
    for line in lines:
        back = -line["quantity"]
        posting.move_stock(session, line, number, memo["sell_to_customer_no"], back, date, "Sales Credit Memo")
    _mark_lines_posted(session, posted)
    return posted


def cancel(session: Session, memo: Row) -> Row:
    """Undoes the cancellation of an invoice by posting a corrective invoice, which is returned."""
    if memo["invoice_state"] != "Corrective":
        raise dialog(f"You cannot cancel the credit memo {memo['no']} because it is not a corrective document.")
    made = _copy_header(session, memo, "Invoice", "S-INV+")
    made.update(invoice_state="Corrective", status="Released", posted=True)
    _insert(session, made, memo)
    for line in totals.lines_of(session, made):
        if line["type"]:
            quantity, customer = line["quantity"], made["sell_to_customer_no"]
            posting.move_stock(session, line, made["no"], customer, quantity, made["posting_date"], "Sales Invoice")
    _mark_lines_posted(session, made)
    posting.finish_invoice(session, made)
    session.update("Sales Header", {**memo, "invoice_state": "Canceled"}, memo)
    return made


def _copy_header(session: Session, source: Row, document_type: str, series: str) -> Row:
    made = session.new_row("Sales Header", document_type=document_type)
    for column in posting.COPIED:
        made[column] = source[column]
    made["no"] = next_number(session, "Sales Header", series)
    made["document_date"] = made["posting_date"] = made["due_date"] = session.today
    made["invoice_discount_amount"] = source["invoice_discount_amount"]
    return made


def _insert(session: Session, made: Row, source: Row) -> Row:
    session.insert("Sales Header", made)
    dimensions.copy(session, source["system_id"], "Sales Header", made)
    for line in totals.lines_of(session, source):
        copy = {**line, "system_id": session.new_id(), "document_id": made["system_id"], "document_no": made["no"]}
        copy.update(document_type=made["document_type"], quantity_shipped=Decimal(0), quantity_invoiced=Decimal(0))
        copy.update(qty_to_ship=line["quantity"], qty_to_invoice=line["quantity"], order_no="", shipment_no="")
        session.insert("Sales Line", copy)
        dimensions.copy(session, line["system_id"], "Sales Line", copy)
    totals.recalculate(session, made)
    return made


def _mark_lines_posted(session: Session, posted: Row) -> None:
    for line in totals.lines_of(session, posted):
        done = {**line, "document_no": posted["no"]}
        done.update(quantity_shipped=line["quantity"], quantity_invoiced=line["quantity"])
        done.update(qty_to_ship=Decimal(0), qty_to_invoice=Decimal(0))
        session.update("Sales Line", done, line)


def _apply(session: Session, memo: Row) -> str:
    """Writes the ledger entry, sets it against the invoice that the memo names, and returns the memo's state."""
    amount = memo["amount_including_vat"]
    rate = exchange_rate(session, memo["currency_code"], memo["posting_date"])
    number = memo["applies_to_doc_no"]
    invoice = session.find("Sales Header", document_type="Invoice", posted=True, no=number) if number else None
    applied = applied_lcy = Decimal(0)
    state = "Open"
    if invoice is not None:
        entry = payments.entry_of(session, invoice)
        whole = invoice["invoice_state"] == "Open" and amount == entry["amount"] == entry["remaining_amount"]
        applied = min(amount, entry["remaining_amount"])
        applied_lcy = payments.reduce(session, entry, applied)
        paid = applied == entry["remaining_amount"]
        payments.set_state(session, invoice, "Canceled" if whole else "Paid" if paid else "Open")
        state = "Corrective" if whole else "Paid" if applied == amount else "Open"
    local = applied_lcy if applied == amount and applied else totals.rounded(amount * rate)
    session.insert(
        "Cust. Ledger Entry",
        session.new_row(
            "Cust. Ledger Entry",
            entry_no=posting.next_entry(session, "Cust. Ledger Entry"),
            customer_no=memo["bill_to_customer_no"],
            posting_date=memo["posting_date"],
            due_date=memo["due_date"],
            document_type=CREDIT_MEMO,
            document_no=memo["no"],
            description=f"Credit Memo {memo['no']}",
            currency_code=memo["currency_code"],
            amount=-amount,
            remaining_amount=applied - amount,
            amount_lcy=-local,
            remaining_amt_lcy=applied_lcy - local,
            sales_lcy=-totals.rounded(memo["amount"] * rate),
            open=applied != amount,
            applies_to_doc_no=number,
        ),
    )
    return state
