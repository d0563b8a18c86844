"""Orders, quotes and invoices: what a customer fills in, which changes a released document refuses, bound actions."""

import re
from datetime import date, timedelta
from typing import Any

from sandbox.business_central.bindings import LOCAL_CURRENCY, fixed, register_property
from sandbox.business_central.documents import archive, dimensions, posting, quotes, totals
from sandbox.business_central.documents.prices import exchange_rate
from sandbox.business_central.errors import dialog, field_validation, refuse_relation
from sandbox.business_central.number_series import next_number
from sandbox.business_central.rules.registry import (
    action,
    after_modify,
    before_delete,
    before_insert,
    before_modify,
    on_new_row,
    sets,
    validates,
)
from sandbox.business_central.schema import BLANK_DATE, ZERO_GUID
from sandbox.business_central.session import Session
from sandbox.storage import Row

TABLE = "Sales Header"
_SERIES = {"Quote": "S-QUO", "Order": "S-ORD", "Invoice": "S-INV", "Credit Memo": "S-CR"}
_PERIOD = re.compile(r"([+-]?)(C?)(\d*)([DWMQY])(\d*)")

register_property(
    "salesOrders",
    "status",
    fixed("CASE t.status WHEN 'Open' THEN 'Draft' WHEN 'Pending Approval' THEN 'In Review' ELSE 'Open' END"),
)
register_property(
    "salesQuotes",
    "status",
    fixed(
        "CASE WHEN t.quote_accepted_date <> '0001-01-01' THEN 'Accepted'"
        " WHEN t.quote_sent_to_customer <> '0001-01-01T00:00:00.000Z' THEN 'Sent' ELSE 'Draft' END"
    ),
)
register_property("salesInvoices", "status", fixed("t.invoice_state"))
register_property(
    "salesInvoices",
    "remainingAmount",
    fixed(
        "CASE WHEN t.posted = 1 THEN coalesce((SELECT e.remaining_amount FROM bc_cust_ledger_entry e"
        " WHERE e.document_no = t.no AND e.document_type = 'Invoice'), 0) ELSE t.amount_including_vat END"
    ),
)
for _set in ("salesOrders", "salesQuotes", "salesInvoices"):
    register_property(_set, "discountAppliedBeforeTax", fixed("1 - t.prices_including_vat"))
register_property("salesOrders", "partialShipping", fixed("CASE t.shipping_advice WHEN 'Complete' THEN 0 ELSE 1 END"))
_SHIPMENT_CURRENCY = fixed(f"CASE t.currency_code WHEN '' THEN {LOCAL_CURRENCY} ELSE t.currency_code END")
register_property("salesShipments", "currencyCode", _SHIPMENT_CURRENCY)


@sets("salesOrders", "partialShipping")
def _set_partial_shipping(session: Session, row: Row, value: Any) -> None:
    row["shipping_advice"] = "Partial" if value else "Complete"


@on_new_row(TABLE)
def _defaults(session: Session, row: Row) -> None:
    today = session.today
    row.update(status="Open", shipping_advice="Partial", document_date=today, posting_date=today, order_date=today)
    if row["document_type"] == "Quote":
        row["posting_date"] = BLANK_DATE
    if row["document_type"] in ("Invoice", "Credit Memo"):
        row["invoice_state"] = "Draft"


@validates(TABLE, "Sell-to Customer No.")
def _sell_to(session: Session, row: Row, old: Any) -> None:
    """Everything that follows from the customer; body properties after it may overwrite any of it."""
    customer = session.find("Customer", no=row["sell_to_customer_no"])
    if customer is None:
        if row["sell_to_customer_no"]:
            raise dialog(f"The customer {row['sell_to_customer_no']} does not exist.")
        return
    if customer["blocked"] == "All":
        raise dialog(
            f"You cannot create this type of document when Customer {customer['no']} is blocked with type All."
        )
    for prefix in ("sell_to_", "ship_to_"):
        _fill_address(row, prefix, customer)
    row["sell_to_customer_name"] = customer["name"]
    row["sell_to_phone_no"], row["sell_to_e_mail"] = customer["phone_no"], customer["e_mail"]
    row["sell_to_contact_no"] = customer["primary_contact_no"]
    row["salesperson_code"] = customer["salesperson_code"]
    row["location_code"] = customer["location_code"]
    row["shipment_method_code"] = customer["shipment_method_code"]
    row["shipping_agent_code"] = customer["shipping_agent_code"]
    row["shipping_agent_service_code"] = customer["shipping_agent_service_code"]
    row["bill_to_customer_no"] = customer["bill_to_customer_no"] or customer["no"]
    _bill_to(session, row, "")


@validates(TABLE, "Bill-to Customer No.")
def _bill_to(session: Session, row: Row, old: Any) -> None:
    customer = session.find("Customer", no=row["bill_to_customer_no"])
    if customer is None:
        return
    _fill_address(row, "bill_to_", customer)
    row["currency_code"] = customer["currency_code"]
    row["payment_terms_code"] = customer["payment_terms_code"]
    row["payment_method_code"] = customer["payment_method_code"]
    row["customer_price_group"] = customer["customer_price_group"]
    row["customer_disc_group"] = customer["customer_disc_group"]
    row["prices_including_vat"] = customer["prices_including_vat"]
    row["gen_bus_posting_group"] = customer["gen_bus_posting_group"]
    row["vat_bus_posting_group"] = customer["vat_bus_posting_group"]
    row["customer_posting_group"] = customer["customer_posting_group"]
    _due_date(session, row, "")
    _currency_factor(session, row, "")


def _fill_address(row: Row, prefix: str, customer: Row) -> None:
    for name in ("address", "address_2", "city", "county", "post_code", "country_region_code"):
        row[prefix + name] = customer[name]
    row[prefix + "contact"] = customer["contact"]
    if prefix != "sell_to_":
        row[prefix + "name"] = customer["name"]


@validates(TABLE, "Payment Terms Code", "Document Date")
def _due_date(session: Session, row: Row, old: Any) -> None:
    terms = session.find("Payment Terms", code=row["payment_terms_code"]) if row["payment_terms_code"] else None
    formula = terms["due_date_calculation"] if terms else ""
    if row["document_date"] != BLANK_DATE:
        row["due_date"] = calculate_date(row["document_date"], formula)


@validates(TABLE, "Currency Code")
def _currency_factor(session: Session, row: Row, old: Any) -> None:
    if row["currency_code"] and not session.exists("Currency", code=row["currency_code"]):
        raise dialog('The "currencyCode" does not match to a Currency.')
    row["currency_factor"] = round(1 / exchange_rate(session, row["currency_code"], session.today), 10)


def calculate_date(start: str, formula: str) -> str:
    """A date formula (14D, 1M, CM+10D) applied to an ISO date."""
    moment = date.fromisoformat(start)
    for sign, current, number, unit, _ in _PERIOD.findall(formula):
        step = (-1 if sign == "-" else 1) * int(number or (0 if current else 1))
        if current and unit == "M":
            moment = _add_months(moment.replace(day=1), 1) - timedelta(days=1)
        elif unit in ("M", "Q", "Y"):
            moment = _add_months(moment, step * {"M": 1, "Q": 3, "Y": 12}[unit])
        else:
            moment += timedelta(days=step * (7 if unit == "W" else 1))
    return moment.isoformat()


def _add_months(moment: date, months: int) -> date:
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(moment.day, last))


def _clear_ship_to_code(session: Session, row: Row, old: Any) -> None:
    row["ship_to_code"] = ""


for _field in ("Name", "Contact", "Address", "Address 2", "City", "County", "Post Code", "Country/Region Code"):
    validates(TABLE, f"Ship-to {_field}")(_clear_ship_to_code)


@validates(TABLE, "Dispute Status")
def _no_dispute_statuses(session: Session, row: Row, old: Any) -> None:
    """The table of dispute statuses is empty here, so no code can be found in it."""
    if row["dispute_status"]:
        refuse_relation("Dispute Status", row["dispute_status"], TABLE)


@validates(TABLE, "Dispute Status Id")
def _no_dispute_status_ids(session: Session, row: Row, old: Any) -> None:
    if row["dispute_status_id"] != ZERO_GUID:
        raise dialog('The "disputeStatusId" does not match to a Dispute Status.')


@before_insert(TABLE)
def _complete(session: Session, row: Row) -> None:
    if not row["sell_to_customer_no"]:
        raise dialog("The customer must be given: customerId or customerNumber.")
    if not row["no"]:
        row["no"] = next_number(session, TABLE, _SERIES[row["document_type"]])


@before_modify(TABLE)
def _changeable(session: Session, row: Row, old: Row) -> None:
    if old["posted"]:
        raise dialog(f"The {old['document_type'].lower()} {old['no']} is posted and cannot be changed.")
    if old["status"] != "Open":
        raise field_validation(
            f"Status must be equal to 'Open' in Sales Header: Document Type={old['document_type']}, No.={old['no']}."
            f" Current value is '{old['status']}'."
        )
    if not row["sell_to_customer_no"]:
        raise dialog("The customer must be given: customerId or customerNumber.")


@after_modify(TABLE)
def _recalculate(session: Session, row: Row, old: Row) -> None:
    if any(row[name] != old[name] for name in ("invoice_discount_amount", "prices_including_vat")):
        totals.recalculate(session, row)


@before_delete(TABLE)
def _deletable(session: Session, row: Row) -> None:
    if row["posted"]:
        raise dialog(f"The posted {row['document_type'].lower()} {row['no']} cannot be deleted.")
    if row["document_type"] == "Order" and any(
        line["quantity_shipped"] > line["quantity_invoiced"] for line in totals.lines_of(session, row)
    ):
        raise dialog(f"You cannot delete the order {row['no']} because it has been shipped and not invoiced.")
    archive.archive(session, row)
    for line in totals.lines_of(session, row):
        dimensions.remove(session, line)
        session.delete("Sales Line", line)
    dimensions.remove(session, row)


# -- Bound actions


@action("salesOrders", "shipAndInvoice")
def _ship_and_invoice(session: Session, row: Row) -> None:
    lines = totals.lines_of(session, row)
    if any(line["type"] and line["quantity_shipped"] < line["quantity"] for line in lines) or not lines:
        posting.ship(session, row)
    header = session.by_id(TABLE, row["system_id"]) or row
    posted = posting.invoice(session, header)
    session.result = f"salesInvoices({posted['system_id']})"


@action("salesOrderExtras", "release")
def _release(session: Session, row: Row) -> None:
    posting.release(session, row)


@action("salesOrderExtras", "reopen")
def _reopen(session: Session, row: Row) -> None:
    posting.reopen(session, row)


@action("salesQuotes", "makeOrder")
def _make_order(session: Session, row: Row) -> None:
    session.result = f"salesOrders({quotes.convert(session, row, 'Order')['system_id']})"


@action("salesQuotes", "makeInvoice")
def _make_invoice(session: Session, row: Row) -> None:
    session.result = f"salesInvoices({quotes.convert(session, row, 'Invoice')['system_id']})"


@action("salesQuotes", "send")
def _send_quote(session: Session, row: Row) -> None:
    if not row["sell_to_e_mail"]:
        raise dialog("The customer has no e-mail address to send the quote to.")
    session.update(TABLE, {**row, "quote_sent_to_customer": session.stamp}, row)


@action("salesInvoices", "post")
def _post(session: Session, row: Row) -> None:
    posting.post_invoice(session, row)
    session.result = f"salesInvoices({row['system_id']})"


@action("salesInvoices", "postAndSend")
def _post_and_send(session: Session, row: Row) -> None:
    require_mail(row)
    _post(session, row)


@action("salesInvoices", "send")
def _send_invoice(session: Session, row: Row) -> None:
    require_mail(row)


def require_mail(row: Row) -> None:
    """Sending asks for an address; the sandbox sends nothing."""
    if not row["sell_to_e_mail"]:
        raise dialog("The customer has no e-mail address to send the document to.")
