"""What submitted orders cost on their way to Business Central, by the sandbox's own count.

    python -m bench.documents --orders 1000 --lines 10 --sandbox http://127.0.0.1:8480

Drops the sandbox's data and everything that the hub knows of the connection, makes a customer, an item and submitted
orders, and runs the process once. Prints requests and writes per order over both systems, the time and the peak
memory; then the same for a few orders written the plain way, request by request.
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import django
import requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from connector.clients import business_central_client, sales_client  # noqa: E402
from connector.http.batch import ChangeSet, Part, encode_multipart  # noqa: E402
from connector.models import Connection  # noqa: E402
from connector.odata import chunks  # noqa: E402
from connector.services.setup import reset_connection, update_connection  # noqa: E402
from coupling.models import Coupling  # noqa: E402
from syncjobs import tasks  # noqa: E402
from syncjobs.choices import JobTrigger  # noqa: E402
from syncjobs.documents.processes import CREATE_ORDERS, start_process  # noqa: E402
from syncjobs.models import SynchJob  # noqa: E402

_PER_BATCH = 20


class Trade:
    """One customer and one item on both sides, coupled, and orders made as fast as the sandbox takes them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.bc, self.sales = business_central_client(connection), sales_client(connection)
        self.customer = self._make_bc("customers", displayName="Adatum Ltd")
        self.item = self._make_bc("items", number="LAMP", displayName="Lamp")
        self.account = self._make_sales("accounts", name="Adatum Ltd", customertypecode=3)
        group = next(iter(self.sales.query("uomschedules", properties=["name"]))).key
        self.unit = next(
            iter(self.sales.query("uoms", properties=["name"], filter=f"_uomscheduleid_value eq {group}"))
        ).key
        self.product = self._make_sales(
            "products", name="Lamp", productnumber="LAMP", producttypecode=1, quantitydecimal=2,
            **{
                "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
                "defaultuomid@odata.bind": f"/uoms({self.unit})",
            },
        )  # fmt: skip
        row = self.sales.read_records("products", [self.product], properties=["statecode"])[self.product]
        if row.values["statecode"] != 0:
            self._patch(f"products({self.product})", {"statecode": 0, "statuscode": 1})
        self._couple("CUSTOMER", "customers", self.customer, "accounts", self.account)
        self._couple("ITEM-PRODUCT", "items", self.item, "products", self.product)

    def make_orders(self, count: int, lines: int) -> list[UUID]:
        """Submitted orders with a discount of the whole document on every second one."""
        keys = [uuid4() for _ in range(count)]
        for chunk in chunks(list(enumerate(keys)), _PER_BATCH):
            sets = [ChangeSet(list(self._parts(number, key, lines))) for number, key in chunk]
            content_type, content = encode_multipart(sets, root=self.sales.session.root)
            self.sales.session.send("POST", "$batch", body=content, headers={"Content-Type": content_type})
        return keys

    def _parts(self, number: int, key: UUID, lines: int) -> Iterator[Part]:
        line = {
            "quantity": 2, "priceperunit": 10, "ispriceoverridden": True,
            "productid@odata.bind": f"/products({self.product})", "uomid@odata.bind": f"/uoms({self.unit})",
        }  # fmt: skip
        body = {
            "salesorderid": str(key), "name": f"Order {number}",
            "customerid_account@odata.bind": f"/accounts({self.account})",
            "discountamount": 5 if number % 2 else 0, "order_details": [dict(line) for _ in range(lines)],
        }  # fmt: skip
        yield Part("POST", "salesorders", body)
        yield Part("PATCH", f"salesorders({key})", {"statecode": 1, "statuscode": 3}, {"If-Match": "*"})

    def write_plainly(self, key: UUID) -> None:
        """One order as a script would do it: header, each line, discount, stamp; everything in a request of its own."""
        order = self.sales.session.get(f"salesorders({key})?$expand=order_details").data
        table = self.bc.addresses.table("salesOrders")
        header = {"customerId": str(self.customer), "externalDocumentNumber": order["name"][:35]}
        made = self.bc.session.send("POST", table, body=header).data["id"]
        for line in order["order_details"]:
            body = {
                "itemId": str(self.item), "quantity": line["quantity"], "unitPrice": line["priceperunit"],
                "discountAmount": 0,
            }  # fmt: skip
            self.bc.session.send("POST", f"{table}({made})/salesOrderLines", body=body)
        if order["discountamount"]:
            change = {"discountAmount": order["discountamount"]}
            self.bc.session.send("PATCH", f"{table}({made})", body=change, headers={"If-Match": "*"})
        further = self.bc.addresses.table("salesDocuments")
        self.bc.session.send(
            "PATCH", f"{further}({made})", body={"yourReference": order["ordernumber"][:35]}, headers={"If-Match": "*"}
        )
        self._patch(f"salesorders({key})", {"statecode": 0, "statuscode": 1})
        self._patch(f"salesorders({key})", {"lastbackofficesubmit": "2026-01-02"})
        self._patch(f"salesorders({key})", {"statecode": 1, "statuscode": 3})

    def _make_bc(self, table: str, **values: Any) -> UUID:
        return UUID(self.bc.session.send("POST", self.bc.addresses.table(table), body=values).data["id"])

    def _make_sales(self, table: str, **values: Any) -> UUID:
        answer = self.sales.session.send("POST", table, body=values, headers={"Prefer": "return=representation"})
        return UUID(answer.data[self.sales.table(table).primary_id])

    def _patch(self, path: str, body: dict[str, Any]) -> None:
        self.sales.session.send("PATCH", path, body=body, headers={"If-Match": "*"})

    def _couple(self, mapping: str, bc_table: str, bc_key: UUID, sales_table: str, sales_key: UUID) -> None:
        Coupling.objects.create(
            connection=self.connection, mapping=self.connection.mappings.get(name=mapping), bc_table=bc_table,
            bc_key=bc_key, sales_table=sales_table, sales_key=sales_key,
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--plain", type=int, default=20, help="Orders written the plain way, for comparison.")
    parser.add_argument("--sandbox", default="http://127.0.0.1:8480", help="The sandbox's plain HTTP address.")
    parser.add_argument("--connection", default="default")
    arguments = parser.parse_args()
    control = f"{arguments.sandbox}/sandbox"

    requests.post(f"{control}/reset", json={"dataset": "empty"}, timeout=600).raise_for_status()
    connection = Connection.objects.get(slug=arguments.connection)
    reset_connection(connection=connection, confirm=connection.slug, user=None)
    changes = {"sales_order_integration": "legacy", "automatic_jobs": False}
    connection = update_connection(connection=connection, changes=changes, user=None)
    connection.unit_group_mapping = False
    connection.save(update_fields=["unit_group_mapping"])
    trade = Trade(connection)
    print(f"Making {arguments.orders:,} submitted orders of {arguments.lines} lines …")
    trade.make_orders(arguments.orders, arguments.lines)

    requests.delete(f"{control}/requests", timeout=60)
    job = start_process(connection=connection, name=CREATE_ORDERS, trigger=JobTrigger.COMMAND, hand_over=False)
    started = time.perf_counter()
    tasks.run_job(job.pk)
    seconds = time.perf_counter() - started
    job.refresh_from_db()
    report(job, requests.get(f"{control}/requests", timeout=60).json(), arguments.orders, seconds)

    keys = trade.make_orders(arguments.plain, arguments.lines)
    requests.delete(f"{control}/requests", timeout=60)
    started = time.perf_counter()
    for key in keys:
        trade.write_plainly(key)
    seconds = time.perf_counter() - started
    print("\nThe plain way, request by request:")
    counters = requests.get(f"{control}/requests", timeout=60).json()
    print(_line(counters, arguments.plain, seconds))


def report(job: SynchJob, counters: dict[str, Any], orders: int, seconds: float) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{job}: {job.state}. {job.message}")
    print(f"{_line(counters, orders, seconds)}; peak {memory:.0f} MB")
    for name, system in counters.items():
        for entry in sorted(system["by"], key=lambda row: -row["operations"])[:8]:
            print(
                f"    {name:17} {entry['method']:6} {entry['entity_set']:24}"
                f" {entry['requests']:6} requests {entry['operations']:8} operations"
            )


def _line(counters: dict[str, Any], orders: int, seconds: float) -> str:
    sent = sum(system["requests"] for system in counters.values())
    operations = sum(system["operations"] for system in counters.values())
    return (
        f"  {sent} requests, {sent / orders:.2f} per order; {operations / orders:.2f} records written per order;"
        f" {seconds:.1f} s, {orders / seconds:.1f} orders/s"
    )


if __name__ == "__main__":
    main()
