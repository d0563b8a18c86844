"""Credit memos on the API: their status, the invoice they name, and the actions of invoices that make them."""

from typing import Any

from sandbox.business_central.bindings import fixed, register_property
from sandbox.business_central.documents import credit_memos
from sandbox.business_central.errors import dialog
from sandbox.business_central.rules.registry import action, sets, validates
from sandbox.business_central.rules.sales_headers import TABLE, require_mail
from sandbox.business_central.schema import ZERO_GUID
from sandbox.business_central.session import Session
from sandbox.storage import Row

register_property("salesCreditMemos", "status", fixed("t.invoice_state"))
register_property("salesCreditMemos", "discountAppliedBeforeTax", fixed("1 - t.prices_including_vat"))
register_property(
    "salesCreditMemos",
    "invoiceId",
    fixed(
        "coalesce((SELECT x.system_id FROM bc_sales_header x WHERE x.no = t.applies_to_doc_no"  # noqa: S608
        f" AND x.document_type = 'Invoice' AND x.posted = 1 AND t.applies_to_doc_no <> ''), '{ZERO_GUID}')"
    ),
)


@sets("salesCreditMemos", "invoiceId")
def _set_invoice(session: Session, row: Row, value: Any) -> None:
    invoice = session.by_id(TABLE, value) if value != ZERO_GUID else None
    if value != ZERO_GUID and (invoice is None or invoice["document_type"] != "Invoice"):
        raise dialog('The "invoiceId" does not match to a posted invoice.')
    row["applies_to_doc_no"] = invoice["no"] if invoice else ""
    _check_invoice(session, row, "")


@validates(TABLE, "Applies-to Doc. No.")
def _check_invoice(session: Session, row: Row, old: Any) -> None:
    number = row["applies_to_doc_no"]
    if not number:
        return
    invoice = session.find(TABLE, document_type="Invoice", posted=True, no=number)
    if invoice is None:
        raise dialog(f"The posted invoice {number} does not exist.")
    if row["bill_to_customer_no"] and invoice["bill_to_customer_no"] != row["bill_to_customer_no"]:
        raise dialog(f"The invoice {number} belongs to another customer.")


@action("salesInvoices", "makeCorrectiveCreditMemo")
def _make_corrective(session: Session, row: Row) -> None:
    session.result = f"salesCreditMemos({credit_memos.correct(session, row)['system_id']})"


@action("salesInvoices", "cancel")
def _cancel_invoice(session: Session, row: Row) -> None:
    session.result = f"salesCreditMemos({credit_memos.cancel_invoice(session, row)['system_id']})"


@action("salesInvoices", "cancelAndSend")
def _cancel_invoice_and_send(session: Session, row: Row) -> None:
    require_mail(row)
    _cancel_invoice(session, row)


@action("salesCreditMemos", "post")
def _post(session: Session, row: Row) -> None:
    session.result = f"salesCreditMemos({credit_memos.post(session, row)['system_id']})"


@action("salesCreditMemos", "postAndSend")
def _post_and_send(session: Session, row: Row) -> None:
    require_mail(row)
    _post(session, row)


@action("salesCreditMemos", "send")
def _send(session: Session, row: Row) -> None:
    require_mail(row)


@action("salesCreditMemos", "cancel")
def _cancel(session: Session, row: Row) -> None:
    session.result = f"salesInvoices({credit_memos.cancel(session, row)['system_id']})"


@action("salesCreditMemos", "cancelAndSend")
def _cancel_and_send(session: Session, row: Row) -> None:
    require_mail(row)
    _cancel(session, row)
