"""What scenarios of documents say in one line: given a submitted order, when the job runs, then."""

from typing import Any
from uuid import UUID

from syncjobs.documents.models import SalesDocument
from syncjobs.documents.processes import NOTES, ORDER_STATUS, PROCESS_QUOTES
from syncjobs.models import SynchJob
from tests.documents.trade import Trade

STAMP = "lastbackofficesubmit"
_AS_IT_IS = {"Accept": "application/octet-stream"}


class Market(Trade):
    """A trade with the words of the scenarios."""

    # -- Orders

    def order(self, name: str = "First order", *lines: dict[str, Any], **header: Any) -> UUID:
        """A submitted order over these lines; one lamp at 10 where none is given."""
        key = self.make_order(name, lines=0, submit=False, **header)
        for line in lines or ({},):
            self.add_line(key, **line)
        self.submit(key)
        return key

    def created(self, name: str = "First order", *lines: dict[str, Any], **header: Any) -> UUID:
        """An order that is in Business Central."""
        key = self.order(name, *lines, **header)
        job = self.process(key)
        assert self.document(key).bc_key is not None, list(job.log.values_list("message", flat=True))
        return key

    def bc_order(self, key: UUID) -> dict[str, Any]:
        """The Business Central order of a Sales order."""
        return next(row for row in self.bc_orders() if row["id"] == str(self.document(key).bc_key))

    def lines(self, key: UUID) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.bc_order(key)["salesOrderLines"]
        return rows

    def sales_order(self, key: UUID, *names: str) -> tuple[Any, ...]:
        row = self.sales.row("salesorders", key, *names)
        return tuple(row[name] for name in names)

    def state(self, key: UUID) -> tuple[int, int]:
        return self.sales_order(key, "statecode", "statuscode")  # type: ignore[return-value]

    def act(self, key: UUID, action: str, **body: Any) -> dict[str, Any]:
        """`release`, `ship` or `invoice` by the order processor."""
        place = f"/business-central/sales-orders/{self.document(key).bc_key}/{action}"
        answer: dict[str, Any] = self.sandbox.control("POST", place, body)
        return answer

    def follow(self) -> SynchJob:
        return self.process(name=ORDER_STATUS)

    def posts(self, key: UUID) -> list[str]:
        rows = self.sales.rows("posts", "text", "_regardingobjectid_value")
        return [row["text"] for row in rows if row["_regardingobjectid_value"] == str(key)]

    def problems(self, key: UUID) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document(key).problems
        return found

    # -- Products and setup

    def foreign_currency(self, code: str = "USD") -> UUID:
        return self.sales.create(
            "transactioncurrencies", isocurrencycode=code, currencyname=code, currencysymbol=code, exchangerate=2,
            currencyprecision=2,
        )  # fmt: skip

    def write_in(self, kind: str = "item") -> str:
        """Sets the write-in product; its number."""
        if kind == "item":
            self.bc.create("items", number="WRITEIN", displayName="Write-in", type="Service")
        else:
            self.bc.create("resources", number="WRITEIN", displayName="Write-in", baseUnitOfMeasureCode="HOUR")
        self.switch(write_in_product_type=kind, write_in_product_no="WRITEIN")
        return "WRITEIN"

    def resource(self) -> UUID:
        """A coupled resource's product in Sales."""
        key = self.bc.create("resources", number="FITTER", displayName="Fitter", baseUnitOfMeasureCode="HOUR")
        product = self.make_product("Fitter", "FITTER", kind=3)
        self.couple("RESOURCE-PRODUCT", "resources", key, "products", product)
        return product

    def of(self, product: UUID, **values: Any) -> dict[str, Any]:
        """A line over another product."""
        return {"productid@odata.bind": f"/products({product})", **values}

    # -- Notes

    def note(self, key: UUID, text: str, table: str = "salesorder") -> UUID:
        bind = {f"objectid_{table}@odata.bind": f"/{table}s({key})"}
        return self.sales.create("annotations", notetext=text, **bind)

    def bc_notes(self) -> list[str]:
        """Texts of the attachments that carry notes."""
        table = self.bc.client.addresses.table("documentAttachments")
        texts = []
        for record in self.bc.client.query("documentAttachments", properties=["fileName"]):
            content = self.bc.client.session.get(f"{table}({record.key})/attachmentContent", headers=_AS_IT_IS).data
            texts.append(content.decode() if isinstance(content, bytes) else str(content))
        return sorted(texts)

    def carry_notes(self) -> None:
        assert self.process(name=NOTES).failed == 0

    # -- Quotes

    def quote(self, name: str = "First quote", *lines: dict[str, Any], **header: Any) -> UUID:
        """An active quote."""
        header.setdefault("customerid_account@odata.bind", f"/accounts({self.account})")
        key = self.sales.create("quotes", name=name, **header)
        for line in lines or ({},):
            self.add_quote_line(key, **line)
        self.activate(key)
        return key

    def add_quote_line(self, quote: UUID, *, write_in: str = "", **values: Any) -> UUID:
        body = self.line(write_in, values)
        return self.sales.create("quotedetails", **{"quoteid@odata.bind": f"/quotes({quote})"}, **body)

    def activate(self, quote: UUID) -> None:
        self.sales.update("quotes", quote, statecode=1, statuscode=3)

    def call(self, action: str, **body: Any) -> dict[str, Any]:
        return self.sales.client.session.send("POST", action, body=body).data or {}

    def close(self, quote: UUID, action: str, status: int) -> None:
        about = {"subject": "Closed", "quoteid@odata.bind": f"/quotes({quote})"}
        self.call(action, QuoteClose={"@odata.type": "Microsoft.Dynamics.CRM.quoteclose", **about}, Status=status)

    def win(self, quote: UUID) -> None:
        self.close(quote, "WinQuote", 4)

    def order_of(self, quote: UUID) -> UUID:
        """The order that Sales makes of a won quote, not submitted yet."""
        self.call("ConvertQuoteToSalesOrder", QuoteId=str(quote), ColumnSet={"AllColumns": True})
        rows = self.sales.client.query("salesorders", properties=["name"], filter=f"_quoteid_value eq {quote}")
        return next(iter(rows)).key

    def process_quotes(self, *keys: UUID) -> SynchJob:
        return self.process(*keys, name=PROCESS_QUOTES)

    def bc_quotes(self) -> list[dict[str, Any]]:
        return self.documents("salesQuotes")

    def quote_document(self, key: UUID) -> SalesDocument:
        return self.document(key)
