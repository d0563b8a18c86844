"""The order processor: what a person does in the product and no public API offers, for the control API and pages."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sandbox.business_central.codec import DECIMAL_SCALE, MAX_DECIMAL
from sandbox.business_central.documents import payments, posting
from sandbox.business_central.query import Query
from sandbox.business_central.reader import Reader
from sandbox.business_central.schema import STANDARD_SERVICE
from sandbox.business_central.session import Session
from sandbox.http import Request, Response, ServiceError
from sandbox.storage import Row

if TYPE_CHECKING:
    from sandbox.state import Sandbox

_PATH = re.compile(r"/sandbox/business-central/(sales-orders|sales-invoices)(?:/([0-9a-fA-F-]{36})/([a-z-]+))?/?")
ORDER_ACTIONS = ("release", "reopen", "ship", "invoice")
_INVOICE_ACTIONS = ("payment", "unapply-payment")


class ProcessorRequestError(Exception):
    """A request outside of the control contract; ``status`` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def handle(sandbox: "Sandbox", request: Request) -> Response:
    """Answers `POST /sandbox/business-central/…`."""
    try:
        return Response.json(_route(sandbox, request))
    except ProcessorRequestError as error:
        return _error(error.status, str(error))
    except ServiceError as error:
        return _error(404 if error.status == 404 else 409, error.message)


def _error(status: int, message: str) -> Response:
    code = {404: "NotFound", 405: "MethodNotAllowed", 409: "Conflict"}.get(status, "BadRequest")
    return Response.json({"error": {"code": code, "message": message}}, status)


def _route(sandbox: "Sandbox", request: Request) -> dict[str, Any]:
    found = _PATH.fullmatch(request.path)
    if found is None:
        raise ProcessorRequestError(404, f"There is no {request.path}.")
    if request.method != "POST":
        raise ProcessorRequestError(405, "Only POST is answered here.")
    kind, key, action = found.groups()
    body = request.json() if request.body.strip() else {}
    if not isinstance(body, dict):
        raise ProcessorRequestError(400, "The body is a JSON object.")
    if kind == "sales-orders" and key and action in ORDER_ACTIONS:
        return order_action(sandbox, key.lower(), action, body)
    if kind == "sales-invoices" and not key:
        return invoice_shipments(sandbox, body)
    if kind == "sales-invoices" and action in _INVOICE_ACTIONS:
        return invoice_action(sandbox, key.lower(), action, body)
    raise ProcessorRequestError(404, f"There is no {request.path}.")


def _in_transaction(
    sandbox: "Sandbox", table: str, key: str, work: Callable[[Session], dict[str, Any]]
) -> dict[str, Any]:
    """``work`` in the company that holds the row."""
    service = sandbox.business_central
    with service.companies.store_with(table, key).write() as tx:
        session = service.session(tx)
        company = service.companies.all(tx)[0]
        result = work(session)
        changes = list(session.changes)
        tx.on_commit(lambda: service.notifier.record(company["id"], changes))
        return result


def _shown(session: Session, entity_set: str, row: Row | None) -> dict[str, Any] | None:
    """The row as the API shows it, or None when it is gone."""
    if row is None:
        return None
    page = session.schema.services[STANDARD_SERVICE][entity_set]
    reader = Reader(session.tx, session.schema, session.today, session.profile)
    select = [prop for prop in page.properties.values() if prop.kind != "stream"]
    return reader.one(page, ["t.system_id = ?"], [row["system_id"]], Query(select=select))


def _quantities(body: Mapping[str, Any]) -> dict[int, Decimal] | None:
    given = body.get("quantities")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise ProcessorRequestError(400, "quantities is an object of quantities by line sequence, or null.")
    try:
        return {int(line): _number(quantity, "A quantity") for line, quantity in given.items()}
    except ValueError as error:
        raise ProcessorRequestError(400, "quantities is an object of quantities by line sequence, or null.") from error


def _number(value: Any, name: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ProcessorRequestError(400, f"{name} is a number.") from error
    if not number.is_finite() or abs(number) >= MAX_DECIMAL:
        raise ProcessorRequestError(400, f"{name} is out of range.")
    return round(number, DECIMAL_SCALE)


def _posting_date(body: Mapping[str, Any]) -> str:
    given = body.get("posting_date")
    if given is None or given == "":
        return ""
    try:
        return date.fromisoformat(str(given)).isoformat()
    except ValueError as error:
        raise ProcessorRequestError(400, "posting_date is a date such as 2026-08-21, or null.") from error


def order_action(sandbox: "Sandbox", key: str, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """release, reopen, ship or invoice; answers the order (null once it is gone), the shipment and the invoice."""
    quantities, posting_date = _quantities(body), _posting_date(body)

    def work(session: Session) -> dict[str, Any]:
        order = session.by_id("Sales Header", key)
        if order is None or order["document_type"] != "Order":
            raise ProcessorRequestError(404, "The sales order does not exist.")
        shipment = invoice = None
        match action:
            case "release":
                posting.release(session, order)
            case "reopen":
                posting.reopen(session, order)
            case "ship":
                shipment = posting.ship(session, order, quantities, posting_date)
            case "invoice":
                invoice = posting.invoice(session, order, quantities, posting_date)
        return {
            "order": _shown(session, "salesOrders", session.by_id("Sales Header", key)),
            "shipment": _shown(session, "salesShipments", shipment),
            "invoice": _shown(session, "salesInvoices", invoice),
        }

    return _in_transaction(sandbox, "Sales Header", key, work)


def invoice_shipments(sandbox: "Sandbox", body: Mapping[str, Any]) -> dict[str, Any]:
    """One invoice over the given shipments."""
    ids = body.get("shipments")
    if not isinstance(ids, list) or not ids:
        raise ProcessorRequestError(400, "shipments is a list of shipment ids.")

    def work(session: Session) -> dict[str, Any]:
        shipments = []
        for system_id in ids:
            shipment = session.by_id("Sales Shipment Header", str(system_id).lower())
            if shipment is None:
                raise ProcessorRequestError(404, f"The shipment {system_id} does not exist.")
            shipments.append(shipment)
        posted = posting.invoice_shipments(session, shipments)
        return {"order": None, "shipment": None, "invoice": _shown(session, "salesInvoices", posted)}

    return _in_transaction(sandbox, "Sales Shipment Header", str(ids[0]).lower(), work)


def invoice_action(sandbox: "Sandbox", key: str, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Registers or unapplies a payment of a posted invoice."""
    amount = body.get("amount")
    paid = None if amount is None else _number(amount, "amount")

    def work(session: Session) -> dict[str, Any]:
        invoice = session.by_id("Sales Header", key)
        if invoice is None or invoice["document_type"] != "Invoice":
            raise ProcessorRequestError(404, "The sales invoice does not exist.")
        if action == "payment":
            payments.pay(session, invoice, paid)
        else:
            payments.unapply(session, invoice)
        return {"order": None, "shipment": None, "invoice": _shown(session, "salesInvoices", invoice)}

    return _in_transaction(sandbox, "Sales Header", key, work)
