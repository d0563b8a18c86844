"""Payments of posted invoices, their reversal, and cancelled invoices."""

from decimal import Decimal

from sandbox.business_central.documents.posting import next_entry
from sandbox.business_central.documents.prices import exchange_rate
from sandbox.business_central.documents.totals import rounded
from sandbox.business_central.errors import dialog
from sandbox.business_central.session import Session
from sandbox.storage import Row


def _entry_of(session: Session, invoice: Row) -> Row:
    entry = session.find("Cust. Ledger Entry", document_type="Invoice", document_no=invoice["no"])
    if entry is None or not invoice["posted"]:
        raise dialog("Only posted invoices can be paid.")
    return entry


def pay(session: Session, invoice: Row, amount: Decimal | None) -> Row:
    """Registers a payment, by default of all that is open, and returns the invoice."""
    entry = _entry_of(session, invoice)
    remaining = entry["remaining_amount"]
    paid = remaining if amount is None else rounded(amount)
    if paid <= 0 or paid > remaining:
        raise dialog(f"The payment must be more than 0 and at most {remaining}.")
    _close(session, entry, paid, "Payment", f"P-{invoice['no']}")
    return _set_state(session, invoice, "Paid" if paid == remaining else "Open")


def _close(session: Session, entry: Row, amount: Decimal, kind: str, document: str) -> None:
    rate = exchange_rate(session, entry["currency_code"], entry["posting_date"])
    local = min(rounded(amount * rate), entry["remaining_amt_lcy"])
    left = entry["remaining_amount"] - amount
    changed = {**entry, "remaining_amount": left, "open": left > 0}
    changed["remaining_amt_lcy"] = entry["remaining_amt_lcy"] - local if left else Decimal(0)
    session.update("Cust. Ledger Entry", changed, entry)
    payment = session.new_row(
        "Cust. Ledger Entry",
        entry_no=next_entry(session, "Cust. Ledger Entry"),
        customer_no=entry["customer_no"],
        posting_date=session.today,
        document_type=kind,
        document_no=document,
        description=f"{kind} of {entry['document_no']}",
        currency_code=entry["currency_code"],
        amount=-amount,
        amount_lcy=-local,
        applies_to_doc_no=entry["document_no"],
    )
    session.insert("Cust. Ledger Entry", payment)


def unapply(session: Session, invoice: Row) -> Row:
    """Takes all payments back: the whole amount is open again."""
    entry = _entry_of(session, invoice)
    payments = session.all("Cust. Ledger Entry", document_type="Payment", applies_to_doc_no=invoice["no"])
    if not payments:
        raise dialog("There is no payment to unapply.")
    for payment in payments:
        session.delete("Cust. Ledger Entry", payment)
    changed = {**entry, "remaining_amount": entry["amount"], "remaining_amt_lcy": entry["amount_lcy"], "open": True}
    session.update("Cust. Ledger Entry", changed, entry)
    return _set_state(session, invoice, "Open")


def cancel(session: Session, invoice: Row) -> Row:
    """Cancels an unpaid posted invoice by a credit memo of the same amount."""
    entry = _entry_of(session, invoice)
    if invoice["invoice_state"] != "Open" or entry["remaining_amount"] != entry["amount"]:
        raise dialog(f"You cannot cancel the invoice {invoice['no']} because it is not fully open.")
    _close(session, entry, entry["remaining_amount"], "Credit Memo", f"CM-{invoice['no']}")
    closed = session.find("Cust. Ledger Entry", document_type="Invoice", document_no=invoice["no"])
    if closed is not None:
        session.update("Cust. Ledger Entry", {**closed, "sales_lcy": Decimal(0)}, closed)
    return _set_state(session, invoice, "Canceled")


def _set_state(session: Session, invoice: Row, state: str) -> Row:
    """The visible change of an invoice whose open amount moved: state, stamp and tag."""
    changed = {**invoice, "invoice_state": state}
    if not session.update("Sales Header", changed, invoice):
        session.touch("Sales Header", changed)
    return changed
