"""Release, shipment and invoicing of orders, posting of invoices: what an order processor does."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from sandbox.business_central.documents import archive, dimensions, totals
from sandbox.business_central.documents.prices import exchange_rate
from sandbox.business_central.errors import dialog, field_validation
from sandbox.business_central.number_series import next_number
from sandbox.business_central.schema import BLANK_DATE
from sandbox.business_central.session import Session
from sandbox.storage import Row

Quantities = Mapping[int, Decimal] | None
"""By line number; None is everything that is due."""

_ADDRESSES = (
    "sell_to_customer_no", "sell_to_customer_name", "sell_to_address", "sell_to_address_2", "sell_to_city",
    "sell_to_county", "sell_to_post_code", "sell_to_country_region_code", "sell_to_contact", "sell_to_contact_no",
    "sell_to_phone_no", "sell_to_e_mail", "bill_to_customer_no", "bill_to_name", "bill_to_address", "bill_to_address_2",
    "bill_to_city", "bill_to_county", "bill_to_post_code", "bill_to_country_region_code", "bill_to_contact",
    "ship_to_name", "ship_to_contact", "ship_to_address", "ship_to_address_2", "ship_to_city", "ship_to_county",
    "ship_to_post_code", "ship_to_country_region_code", "ship_to_code",
)  # fmt: skip
_TERMS = (
    "external_document_no", "your_reference", "document_date", "currency_code", "payment_terms_code",
    "shipment_method_code", "payment_method_code", "shipping_agent_code", "shipping_agent_service_code",
    "package_tracking_no", "salesperson_code", "location_code", "prices_including_vat", "customer_price_group",
    "gen_bus_posting_group", "vat_bus_posting_group", "customer_posting_group", "work_description", "quote_no",
    "requested_delivery_date", "shortcut_dimension_1_code", "shortcut_dimension_2_code",
)  # fmt: skip
COPIED = _ADDRESSES + _TERMS


def release(session: Session, header: Row) -> Row:
    """Open -> Released. Raises when the order has nothing to release."""
    if header["status"] == "Released":
        return header
    lines = [line for line in totals.lines_of(session, header) if line["type"]]
    if not any(line["quantity"] for line in lines):
        raise dialog(f"There is nothing to release for the document of type Order with the number {header['no']}.")
    if session.setup("Sales & Receivables Setup")["ext_doc_no_mandatory"] and not header["external_document_no"]:
        raise field_validation("External Document No. must have a value in Sales Header.")
    totals.recalculate(session, header)
    session.update("Sales Header", {**header, "status": "Released"}, header)
    return _reload(session, header)


def reopen(session: Session, header: Row) -> Row:
    session.update("Sales Header", {**header, "status": "Open"}, header)
    return _reload(session, header)


def _reload(session: Session, header: Row) -> Row:
    row = session.by_id("Sales Header", header["system_id"])
    if row is None:
        raise dialog("The sales document does not exist any more.")
    return row


# -- Checks


def check_customer(session: Session, header: Row, *, shipping: bool) -> None:
    customer = session.find("Customer", no=header["bill_to_customer_no"] or header["sell_to_customer_no"])
    if customer is None:
        raise dialog("The customer of the document does not exist.")
    blocked = customer["blocked"]
    if blocked in ("All", "Invoice") or (shipping and blocked == "Ship"):
        raise dialog(
            f"You cannot post this type of document when Customer {customer['no']} is blocked with type {blocked}."
        )
    for column, name in (
        ("gen_bus_posting_group", "Gen. Bus. Posting Group"),
        ("customer_posting_group", "Customer Posting Group"),
    ):
        if not header[column] and not customer[column]:
            raise field_validation(f"{name} must have a value in Customer: No.={customer['no']}.")


def check_date(session: Session, date: str) -> str:
    """The posting date, today when none is given. Raises when the period is closed."""
    posting_date = date if date and date != BLANK_DATE else session.today
    setup = session.setup("General Ledger Setup")
    first, last = setup["allow_posting_from"], setup["allow_posting_to"]
    if (first != BLANK_DATE and posting_date < first) or (last != BLANK_DATE and posting_date > last):
        raise dialog(f"The posting date {posting_date} is not within your range of allowed posting dates.")
    return posting_date


def check_products(session: Session, lines: list[Row]) -> None:
    for line in lines:
        table = {"Item": "Item", "Resource": "Resource", "G/L Account": "G/L Account"}.get(line["type"])
        product = session.find(table, no=line["no"]) if table else None
        if table is None or product is None:
            raise dialog(f"{line['type']} {line['no']} does not exist.")
        if product["blocked"]:
            raise dialog(f"Blocked must be equal to 'No' in {table}: No.={line['no']}. Current value is 'Yes'.")
        if not product["gen_prod_posting_group"]:
            raise field_validation(f"Gen. Prod. Posting Group must have a value in {table}: No.={line['no']}.")
        if line["type"] == "Item" and product["type"] == "Inventory" and not product["inventory_posting_group"]:
            raise field_validation(f"Inventory Posting Group must have a value in Item: No.={line['no']}.")


# -- Shipping


def ship(session: Session, header: Row, quantities: Quantities = None, posting_date: str = "") -> Row:
    """Posts a shipment of the given or all outstanding quantities and returns it. The order is released first."""
    header = release(session, header)
    check_customer(session, header, shipping=True)
    date = check_date(session, posting_date)
    archive.archive(session, header)
    lines = totals.lines_of(session, header)
    moving = _moving(lines, quantities, lambda line: line["quantity"] - line["quantity_shipped"], "ship")
    check_products(session, [line for line, _ in moving])
    shipment = _shipment_header(session, header, date)
    amounts = {line["line_no"]: quantity for line, quantity in moving}
    for line in lines:
        quantity = amounts.get(line["line_no"], Decimal(0))
        if quantity or not line["type"]:
            _shipment_line(session, shipment, header, line, quantity, date)
        if quantity:
            move_stock(session, line, shipment["no"], header["sell_to_customer_no"], quantity, date, "Sales Shipment")
            shipped = line["quantity_shipped"] + quantity
            outstanding = line["quantity"] - shipped
            changed = {**line, "quantity_shipped": shipped, "qty_to_ship": outstanding}
            changed["qty_to_invoice"] = shipped - line["quantity_invoiced"]
            session.update("Sales Line", changed, line)
    totals.recalculate(session, header, touched=True)
    return shipment


def _moving(
    lines: list[Row], quantities: Quantities, due: Callable[[Row], Decimal], verb: str
) -> list[tuple[Row, Decimal]]:
    """Lines with the quantity to move. Raises when nothing or more than what is due was asked for."""
    moving = []
    known = {line["line_no"] for line in lines}
    for number in quantities or {}:
        if number not in known:
            raise dialog(f"There is no line {number} to {verb}.")
    for line in lines:
        open_quantity = due(line) if line["type"] else Decimal(0)
        wanted = open_quantity if quantities is None else quantities.get(line["line_no"], Decimal(0))
        if wanted < 0 or wanted > open_quantity:
            raise dialog(f"You cannot {verb} more than {open_quantity} units of line {line['line_no']}.")
        if wanted:
            moving.append((line, Decimal(wanted)))
    if not moving:
        raise dialog(f"There is nothing to {verb}.")
    return moving


def _shipment_header(session: Session, header: Row, date: str) -> Row:
    shipment = session.new_row("Sales Shipment Header", no=next_number(session, "Sales Shipment Header", "S-SHPT"))
    for column in COPIED:
        if column in shipment:
            shipment[column] = header[column]
    shipment.update(order_no=header["no"], posting_date=date, due_date=header["due_date"])
    session.insert("Sales Shipment Header", shipment)
    dimensions.copy(session, header["system_id"], "Sales Shipment Header", shipment)
    return shipment


def _shipment_line(session: Session, shipment: Row, header: Row, line: Row, quantity: Decimal, date: str) -> None:
    row = session.new_row("Sales Shipment Line")
    for column in row:
        if column in line and not column.startswith("system_"):
            row[column] = line[column]
    row.update(document_no=shipment["no"], quantity=quantity, shipment_date=date)
    row.update(order_no=header["no"], order_line_no=line["line_no"], quantity_invoiced=Decimal(0))
    session.insert("Sales Shipment Line", row)
    dimensions.copy(session, line["system_id"], "Sales Shipment Line", row)


def move_stock(
    session: Session, line: Row, document: str, customer: str, quantity: Decimal, date: str, kind: str
) -> None:
    """The item ledger entry of a sale; services and non-inventory items leave none behind."""
    item = session.find("Item", no=line["no"]) if line["type"] == "Item" else None
    if item is None or item["type"] != "Inventory":
        return
    base = quantity * (line["qty_per_unit_of_measure"] or 1)
    entry = session.new_row(
        "Item Ledger Entry",
        entry_no=next_entry(session, "Item Ledger Entry"),
        item_no=line["no"],
        posting_date=date,
        entry_type="Sale",
        source_no=customer,
        source_type="Customer",
        document_no=document,
        document_type=kind,
        description=line["description"],
        quantity=-base,
        location_code=line["location_code"],
    )
    session.insert("Item Ledger Entry", entry)


def next_entry(session: Session, table: str) -> int:
    sql = f"SELECT coalesce(max(entry_no), 0) + 1 FROM {session.table(table).sql_name}"  # noqa: S608
    return int(session.tx.execute(sql).fetchone()[0])


# -- Invoicing


def invoice(session: Session, header: Row, quantities: Quantities = None, posting_date: str = "") -> Row:
    """Posts an invoice of what was shipped and not yet invoiced. A fully invoiced order is archived and vanishes."""
    check_customer(session, header, shipping=False)
    date = check_date(session, posting_date)
    lines = totals.lines_of(session, header)
    moving = _moving(lines, quantities, lambda line: line["quantity_shipped"] - line["quantity_invoiced"], "invoice")
    check_products(session, [line for line, _ in moving])
    posted = _posted_header(session, header, date)
    posted.update(order_no=header["no"], order_id=header["system_id"])
    session.insert("Sales Header", posted)
    dimensions.copy(session, header["system_id"], "Sales Header", posted)
    amounts = {line["line_no"]: quantity for line, quantity in moving}
    total = sum((line["quantity"] for line in lines if line["type"]), Decimal(0))
    share = sum(amounts.values(), Decimal(0)) / total if total else Decimal(1)
    posted["invoice_discount_amount"] = totals.rounded(header["invoice_discount_amount"] * share)
    for line in lines:
        quantity = amounts.get(line["line_no"], Decimal(0))
        if quantity or not line["type"]:
            _invoice_line(session, posted, line, quantity, order=header["no"])
        if quantity:
            invoiced = line["quantity_invoiced"] + quantity
            changed = {**line, "quantity_invoiced": invoiced, "qty_to_invoice": line["quantity_shipped"] - invoiced}
            session.update("Sales Line", changed, line)
            _bill_shipments(session, header["no"], line["line_no"], quantity)
    finish_invoice(session, posted)
    _finish_order(session, header)
    return _reload(session, posted)


def _bill_shipments(session: Session, order: str, line_no: int, quantity: Decimal) -> None:
    for row in session.all("Sales Shipment Line", order_no=order, order_line_no=line_no):
        open_quantity = min(quantity, row["quantity"] - row["quantity_invoiced"])
        if open_quantity > 0:
            changed = {**row, "quantity_invoiced": row["quantity_invoiced"] + open_quantity}
            session.update("Sales Shipment Line", changed, row)
            quantity -= open_quantity


def _posted_header(session: Session, source: Row, date: str) -> Row:
    posted = session.new_row(
        "Sales Header", document_type="Invoice", posted=True, invoice_state="Open", status="Released"
    )
    for column in COPIED:
        posted[column] = source[column]
    posted["no"] = next_number(session, "Sales Header", "S-INV+")
    posted["posting_date"] = date
    posted["due_date"] = source["due_date"] if source["due_date"] != BLANK_DATE else date
    return posted


def _invoice_line(session: Session, posted: Row, line: Row, quantity: Decimal, *, order: str) -> Row:
    row = {**line, "system_id": "", "document_id": posted["system_id"], "document_no": posted["no"]}
    row.update(document_type="Invoice", quantity=quantity, qty_to_ship=Decimal(0), qty_to_invoice=Decimal(0))
    row.update(order_no=order, order_line_no=line["line_no"], quantity_shipped=quantity, quantity_invoiced=quantity)
    if line["quantity"]:
        row["line_discount_amount"] = totals.rounded(line["line_discount_amount"] * quantity / line["quantity"])
    made = session.insert("Sales Line", {**row, "system_id": session.new_id()})
    dimensions.copy(session, line["system_id"], "Sales Line", made)
    return made


def finish_invoice(session: Session, posted: Row) -> None:
    """Totals and the customer ledger entry of a posted invoice."""
    totals.recalculate(session, posted)
    rate = exchange_rate(session, posted["currency_code"], posted["posting_date"])
    local, net = totals.rounded(posted["amount_including_vat"] * rate), totals.rounded(posted["amount"] * rate)
    entry = session.new_row(
        "Cust. Ledger Entry",
        entry_no=next_entry(session, "Cust. Ledger Entry"),
        customer_no=posted["bill_to_customer_no"],
        posting_date=posted["posting_date"],
        due_date=posted["due_date"],
        document_type="Invoice",
        document_no=posted["no"],
        description=f"Invoice {posted['no']}",
        currency_code=posted["currency_code"],
        amount=posted["amount_including_vat"],
        remaining_amount=posted["amount_including_vat"],
        amount_lcy=local,
        remaining_amt_lcy=local,
        sales_lcy=net,
        open=True,
    )
    session.insert("Cust. Ledger Entry", entry)


def _finish_order(session: Session, header: Row) -> None:
    lines = [line for line in totals.lines_of(session, header) if line["type"] and line["quantity"]]
    if all(line["quantity_invoiced"] >= line["quantity"] for line in lines):
        archive.archive(session, header)
        archive.remove(session, header)
    else:
        totals.recalculate(session, header, touched=True)


def invoice_shipments(session: Session, shipments: list[Row]) -> Row:
    """One invoice over the shipments of several orders of one customer."""
    customers = {row["bill_to_customer_no"] for row in shipments}
    currencies = {row["currency_code"] for row in shipments}
    if len(customers) != 1 or len(currencies) != 1:
        raise dialog("The shipments must belong to one bill-to customer and one currency.")
    orders = {
        row["order_no"]: session.find("Sales Header", document_type="Order", no=row["order_no"]) for row in shipments
    }
    source = next((order for order in orders.values() if order is not None), None)
    if source is None:
        raise dialog("The orders of the shipments are invoiced already.")
    check_customer(session, source, shipping=False)
    posted = _posted_header(session, source, check_date(session, ""))
    session.insert("Sales Header", posted)
    dimensions.copy(session, source["system_id"], "Sales Header", posted)
    number, any_billed = 0, False
    for shipment in shipments:
        order = orders[shipment["order_no"]]
        for row in session.all("Sales Shipment Line", "line_no", document_no=shipment["no"]):
            quantity = row["quantity"] - row["quantity_invoiced"]
            line = (
                session.find("Sales Line", document_id=order["system_id"], line_no=row["order_line_no"])
                if order
                else None
            )
            if order is None or line is None or quantity <= 0:
                continue
            number, any_billed = number + 10_000, True
            billed = _invoice_line(session, posted, {**line, "line_no": number}, quantity, order=order["no"])
            links = {
                **billed,
                "order_line_no": line["line_no"],
                "shipment_no": shipment["no"],
                "shipment_line_no": row["line_no"],
            }
            session.update("Sales Line", links, billed)
            invoiced = line["quantity_invoiced"] + quantity
            changed = {**line, "quantity_invoiced": invoiced, "qty_to_invoice": line["quantity_shipped"] - invoiced}
            session.update("Sales Line", changed, line)
            session.update("Sales Shipment Line", {**row, "quantity_invoiced": row["quantity"]}, row)
    if not any_billed:
        raise dialog("There is nothing to invoice.")
    finish_invoice(session, posted)
    for order in orders.values():
        if order is not None:
            _finish_order(session, order)
    return _reload(session, posted)


def post_invoice(session: Session, header: Row) -> None:
    """Posts a draft invoice: its id stays, number and status change, stock and ledger move."""
    if header["posted"]:
        raise dialog(f"The invoice {header['no']} is posted already.")
    lines = [line for line in totals.lines_of(session, header) if line["type"]]
    if not lines or any(not line["quantity"] for line in lines):
        raise dialog("There is nothing to post.")
    check_customer(session, header, shipping=True)
    check_products(session, lines)
    date = check_date(session, header["posting_date"])
    number = next_number(session, "Sales Header", "S-INV+")
    posted = {
        **header,
        "no": number,
        "posted": True,
        "invoice_state": "Open",
        "status": "Released",
        "posting_date": date,
    }
    session.update("Sales Header", posted, header)
    for line in lines:
        move_stock(session, line, number, header["sell_to_customer_no"], line["quantity"], date, "Sales Invoice")
    for line in totals.lines_of(session, posted):
        done = {
            **line,
            "document_no": number,
            "quantity_shipped": line["quantity"],
            "quantity_invoiced": line["quantity"],
        }
        session.update("Sales Line", done, line)
    finish_invoice(session, posted)
