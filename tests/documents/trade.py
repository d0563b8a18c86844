"""What tests of documents do on both sides: make customers, products, orders and quotes, and run the processes."""

from typing import Any
from uuid import UUID

from coupling.models import Coupling
from syncjobs import tasks
from syncjobs.choices import JobTrigger
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.processes import CREATE_ORDERS, start_process
from syncjobs.models import SynchJob
from tests.engine.live import BC, SALES, Hub

__all__ = ["BC", "SALES", "Trade"]


class Trade(Hub):
    """`customer` and `account`, `item` and `product` are coupled pairs."""

    customer: UUID
    account: UUID
    item: UUID
    product: UUID
    unit: UUID
    unit_group: UUID

    def set_up(self) -> None:
        self.customer = self.bc.create("customers", displayName="Adatum Ltd")
        self.account = self.sales.create("accounts", name="Adatum Ltd", customertypecode=3)
        self.couple("CUSTOMER", "customers", self.customer, "accounts", self.account)
        group = self.sales.client.query("uomschedules", properties=["name"])
        self.unit_group = next(iter(group)).key
        units = self.sales.client.query(
            "uoms", properties=["name"], filter=f"_uomscheduleid_value eq {self.unit_group}"
        )
        self.unit = next(iter(units)).key
        self.item = self.bc.create("items", number="LAMP", displayName="Lamp", unitPrice=99)
        self.product = self.make_product("Lamp", "LAMP")
        self.couple("ITEM-PRODUCT", "items", self.item, "products", self.product)

    def couple(self, mapping: str, bc_table: str, bc_key: UUID, sales_table: str, sales_key: UUID) -> Coupling:
        return Coupling.objects.create(
            connection=self.connection, mapping=self.mapping(mapping), bc_table=bc_table, bc_key=bc_key,
            sales_table=sales_table, sales_key=sales_key,
        )  # fmt: skip

    def make_product(self, name: str, number: str, *, kind: int = 1, active: bool = True) -> UUID:
        key = self.sales.create(
            "products", name=name, productnumber=number, producttypecode=kind, quantitydecimal=2,
            **{
                "defaultuomscheduleid@odata.bind": f"/uomschedules({self.unit_group})",
                "defaultuomid@odata.bind": f"/uoms({self.unit})",
            },
        )  # fmt: skip
        state = self.sales.row("products", key, "statecode")["statecode"]
        if active and state != 0:
            self.sales.update("products", key, statecode=0, statuscode=1)
        return key

    def make_order(self, name: str = "First order", *, lines: int = 1, submit: bool = True, **header: Any) -> UUID:
        """An order of the coupled account over so many lamps, submitted unless said otherwise."""
        header.setdefault("customerid_account@odata.bind", f"/accounts({self.account})")
        key = self.sales.create("salesorders", name=name, **header)
        for number in range(1, lines + 1):
            self.add_line(key, quantity=number, priceperunit=10)
        if submit:
            self.submit(key)
        return key

    def add_line(self, order: UUID, *, write_in: str = "", **values: Any) -> UUID:
        body = self.line(write_in, values)
        return self.sales.create("salesorderdetails", **{"salesorderid@odata.bind": f"/salesorders({order})"}, **body)

    def line(self, write_in: str, values: dict[str, Any]) -> dict[str, Any]:
        """A line of an order or quote: a lamp unless it is written in."""
        body = {"ispriceoverridden": True, "quantity": 1, "priceperunit": 10, **values}
        if write_in:
            return body | {"isproductoverridden": True, "productdescription": write_in}
        body.setdefault("productid@odata.bind", f"/products({self.product})")
        body.setdefault("uomid@odata.bind", f"/uoms({self.unit})")
        return body

    def submit(self, order: UUID) -> None:
        self.sales.update("salesorders", order, statecode=1, statuscode=3)

    def process(self, *keys: UUID, name: str = CREATE_ORDERS) -> SynchJob:
        """Runs a process in this process of ours, over the named documents or over all."""
        job = start_process(
            connection=self.connection, name=name, trigger=JobTrigger.COMMAND, documents=keys, hand_over=False
        )
        tasks.run_job(job.pk)
        job.refresh_from_db()
        return job

    def document(self, key: UUID) -> SalesDocument:
        return SalesDocument.objects.get(connection=self.connection, sales_key=key)

    def bc_orders(self) -> list[dict[str, Any]]:
        return self.documents("salesOrders")

    def documents(self, table: str) -> list[dict[str, Any]]:
        """All documents of a kind in Business Central with their lines."""
        lines = {"salesOrders": "salesOrderLines", "salesQuotes": "salesQuoteLines"}[table]
        address = f"{self.bc._address(table)}?$expand={lines}"
        rows: list[dict[str, Any]] = self.bc.client.session.get(address).data["value"]
        return rows
