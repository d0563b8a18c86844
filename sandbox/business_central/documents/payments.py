"""Payments of posted invoices and their reversal; the open amounts of the customer ledger."""

from decimal import Decimal

from sandbox.business_central.documents.posting import next_entry
from sandbox.business_central.documents.prices import exchange_rate
from sandbox.business_central.documents.totals import rounded
from sandbox.business_central.errors import dialog
from sandbox.business_central.session import Session
from sandbox.storage import Row


def entry_of(session: Session, invoice: Row) -> Row:
    """The ledger entry of a posted invoice; raises for a draft."""
    entry = session.find("Cust. Ledger Entry", document_type="Invoice", document_no=invoice["no"])
    if entry is None or not invoice["posted"]:
        raise dialog(f"The invoice {invoice['no']} is not posted.")
    return entry


def pay(session: Session, invoice: Row, amount: Decimal | None) -> Row:
    """Registers a payment, by default of all that is open, and returns the invoice."""
    entry = entry_of(session, invoice)
    remaining = entry["remaining_amount"]
    paid = remaining if amount is None else rounded(amount)
    if paid <= 0 or paid > remaining:
        raise dialog(f"The payment must be more than 0 and at most {remaining}.")
    local = reduce(session, entry, paid)
    payment = session.new_row(
        "Cust. Ledger Entry",
        entry_no=next_entry(session, "Cust. Ledger Entry"),
        customer_no=entry["customer_no"],
        posting_date=session.today,
        document_type="Payment",
        document_no=f"P-{invoice['no']}",
        description=f"Payment of {invoice['no']}",
        currency_code=entry["currency_code"],
        amount=-paid,
        amount_lcy=-local,
        applies_to_doc_no=invoice["no"],
    )
    session.insert("Cust. Ledger Entry", payment)
    return set_state(session, invoice, "Paid" if paid == remaining else "Open")


def reduce(session: Session, entry: Row, amount: Decimal) -> Decimal:
    """Lowers the open amount of an invoice's entry and returns by how much in local currency."""
    rate = exchange_rate(session, entry["currency_code"], entry["posting_date"])
    left = entry["remaining_amount"] - amount
    local = min(rounded(amount * rate), entry["remaining_amt_lcy"]) if left else entry["remaining_amt_lcy"]
    changed = {**entry, "remaining_amount": left, "open": left > 0}
    changed["remaining_amt_lcy"] = entry["remaining_amt_lcy"] - local
    session.update("Cust. Ledger Entry", changed, entry)
    return local


def unapply(session: Session, invoice: Row) -> Row:
    """Takes all payments back: the whole amount is open again."""
    entry = entry_of(session, invoice)
    payments = session.all("Cust. Ledger Entry", document_type="Payment", applies_to_doc_no=invoice["no"])
    if not payments:
        raise dialog("There is no payment to unapply.")
    for payment in payments:
        session.delete("Cust. Ledger Entry", payment)
    changed = {**entry, "remaining_amount": entry["amount"], "remaining_amt_lcy": entry["amount_lcy"], "open": True}
    session.update("Cust. Ledger Entry", changed, entry)
    return set_state(session, invoice, "Open")


def set_state(session: Session, invoice: Row, state: str) -> Row:
    """The visible change of an invoice whose open amount moved: state, stamp and tag."""
    changed = {**invoice, "invoice_state": state}
    if not session.update("Sales Header", changed, invoice):
        session.touch("Sales Header", changed)
    return changed
