"""The demo company's documents: orders, quotes and invoices in every state, made by the rules that people meet too."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.business_central import writer
from sandbox.business_central.documents import credit_memos, payments, posting, quotes, totals
from sandbox.business_central.schema import STANDARD_SERVICE
from sandbox.business_central.session import Session
from sandbox.datasets.people import random_id
from sandbox.storage import Row, Transaction

if TYPE_CHECKING:
    from sandbox.state import Sandbox

_START = datetime(2025, 4, 1, 9, tzinfo=UTC)
ORDERS: tuple[str, ...] = (
    ("open",) * 6 + ("released",) * 6 + ("part shipped",) * 4 + ("shipped",) * 4 + ("part invoiced",) * 3
)
ORDERS += ("invoiced",) * 5 + ("part paid",) * 2 + ("paid",) * 5
QUOTES: tuple[str, ...] = ("draft",) * 6 + ("sent",) * 4 + ("accepted",) * 2 + ("ordered",) * 4
INVOICES: tuple[str, ...] = ("draft",) * 3 + ("posted",) * 2 + ("canceled",) * 1


class DocumentMaker:
    """Creates documents one after another, each a little later than the one before."""

    def __init__(self, sandbox: "Sandbox", tx: Transaction, rng: random.Random) -> None:
        self._service = sandbox.business_central
        self._tx = tx
        self._rng = rng
        self._now = _START
        self._customers = [
            row["no"] for row in tx.select("bc_customer", "blocked = ''", order_by="no", columns=("no",))
        ]
        self._items = [
            row["no"]
            for row in tx.select("bc_item", "blocked = 0 AND type = 'Inventory'", order_by="no", columns=("no",))
        ]
        self._resources = [row["no"] for row in tx.select("bc_resource", "blocked = 0", order_by="no", columns=("no",))]

    def make_all(self) -> None:
        for state in QUOTES:
            self._quote(state)
        for state in ORDERS:
            self._order(state)
        for state in INVOICES:
            self._invoice(state)

    def _session(self) -> Session:
        self._now += timedelta(hours=self._rng.randrange(2, 30))
        session: Session = self._service.session(self._tx)
        session.now = self._now
        session.new_id = lambda: random_id(self._rng)
        return session

    def _document(self, session: Session, entity_set: str) -> Row:
        rng = self._rng
        lines: list[dict[str, Any]] = [
            {"lineType": "Item", "lineObjectNumber": number, "quantity": rng.randrange(1, 24)}
            for number in rng.sample(self._items, rng.randrange(1, 5))
        ]
        if rng.random() < 0.4:
            lines.append(
                {
                    "lineType": "Resource",
                    "lineObjectNumber": rng.choice(self._resources),
                    "quantity": rng.randrange(1, 9),
                }
            )
        if rng.random() < 0.3:
            lines.append({"description": "Please call before delivery"})
        if rng.random() < 0.25:
            lines[0]["discountPercent"] = rng.choice((5, 10, 15))
        page = session.schema.services[STANDARD_SERVICE][entity_set]
        nested = next(name for name in page.navigation if name.endswith("Lines") and name.startswith("sales"))
        body: dict[str, Any] = {"customerNumber": rng.choice(self._customers), nested: lines}
        if rng.random() < 0.5:
            body["externalDocumentNumber"] = f"PO-{rng.randrange(10_000, 99_999)}"
        return writer.insert(session, page, body)

    def _order(self, state: str) -> None:
        session = self._session()
        order = self._document(session, "salesOrders")
        if state == "open":
            return
        order = self._reload(session, order)
        if state == "released":
            posting.release(session, order)
            return
        posting.ship(session, order, self._part(session, order) if state == "part shipped" else None)
        if state in ("part shipped", "shipped"):
            return
        order = self._reload(session, order)
        invoice = posting.invoice(session, order, self._part(session, order) if state == "part invoiced" else None)
        if state in ("part paid", "paid"):
            half = totals.rounded(invoice["amount_including_vat"] / 2)
            payments.pay(session, invoice, half if state == "part paid" else None)

    def _part(self, session: Session, order: Row) -> dict[int, Decimal]:
        """Half of the first line, at least one unit; documents are made so that something is left."""
        line = next(line for line in totals.lines_of(session, order) if line["type"])
        lines = [other for other in totals.lines_of(session, order) if other["type"]]
        quantity = line["quantity"] if len(lines) > 1 else max(Decimal(1), line["quantity"] // 2)
        return {line["line_no"]: quantity}

    def _quote(self, state: str) -> None:
        session = self._session()
        quote = self._reload(session, self._document(session, "salesQuotes"))
        if state == "ordered":
            quotes.convert(session, quote, "Order")
        elif state != "draft":
            changed = {**quote, "quote_sent_to_customer": session.stamp}
            if state == "accepted":
                changed["quote_accepted_date"] = session.today
            session.update("Sales Header", changed, quote)

    def _invoice(self, state: str) -> None:
        session = self._session()
        invoice = self._reload(session, self._document(session, "salesInvoices"))
        if state == "draft":
            return
        posting.post_invoice(session, invoice)
        if state == "canceled":
            credit_memos.cancel_invoice(session, self._reload(session, invoice))

    @staticmethod
    def _reload(session: Session, row: Row) -> Row:
        return session.by_id("Sales Header", row["system_id"]) or row
