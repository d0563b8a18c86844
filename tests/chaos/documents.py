"""Submitted orders and active quotes under fire: each becomes one document in Business Central, whole or not at all."""

from collections import Counter
from typing import Any
from uuid import UUID

from connector.models import Connection
from coupling.models import TableMapping
from syncjobs import tasks
from syncjobs.choices import LIVE_JOB_STATES, JobState, JobTrigger
from syncjobs.documents.choices import TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.processes import CREATE_ORDERS, PROCESS_QUOTES, start_process
from syncjobs.models import SynchJob
from tests.engine.live import Hub

_ORDERS, _QUOTES, _UNCOUPLED = 30, 15, 3
_ROUNDS = 8
_PROCESSES = (CREATE_ORDERS, PROCESS_QUOTES)
_SETTLED = (TransferState.NONE, TransferState.PROBLEMS, TransferState.TRANSFERRED, TransferState.CLOSED)


class Documents:
    """Orders and quotes of coupled customers over coupled products; some customers are not coupled."""

    name = "documents"
    sizes = {"customers": 12, "accounts": _UNCOUPLED, "contacts": 0, "items": 12}
    share = 5
    variants = 2

    def __init__(self) -> None:
        self._rounds = 0

    def prepare(self, hub: Hub, variant: int) -> None:
        hub.switch(
            sales_order_integration="legacy", unit_group_mapping=variant % 2 == 0, extended_pricing=False,
            ownership_model="team",
        )  # fmt: skip
        accounts = self._accounts(hub)
        TableMapping.objects.filter(name="CUSTOMER").update(direction="to_sales")
        units = ("UNIT GROUP", "ITEM UOM") if variant % 2 == 0 else ("UNIT OF MEASURE",)
        for name in (
            "CURRENCY",
            "PAYMENT TERMS",
            "SHIPMENT METHOD",
            "SHIPPING AGENT",
            *units,
            "CUSTOMER",
            "ITEM-PRODUCT",
        ):
            job = hub.run_full(name)
            if job.state != JobState.SUCCEEDED:
                raise AssertionError(f"{name}: {job.message}")
        coupled = sorted(self._accounts(hub) - accounts)
        products = sorted(
            (row["productid"], row["_defaultuomid_value"])
            for row in hub.sales.rows("products", "productid", "_defaultuomid_value")
        )
        parties = [*coupled, *sorted(accounts)[:_UNCOUPLED]]
        for number in range(_ORDERS):
            self._make(hub, "salesorder", number, parties, products)
        for number in range(_QUOTES):
            self._make(hub, "quote", number, parties, products)

    def start(self, connection: Connection) -> None:
        self._rounds = 0
        self._start(connection)

    def is_over(self) -> bool:
        """What is uncertain or incomplete is taken up by the next run of its schedule; here that comes at once."""
        if SynchJob.objects.filter(state__in=[*LIVE_JOB_STATES]).exists():
            return False
        unsettled = SalesDocument.objects.exclude(transfer_state__in=_SETTLED).exists()
        if unsettled and self._rounds < _ROUNDS:
            self._start(Connection.objects.get())
            return False
        return True

    def failures(self) -> list[str]:
        found = [
            f"{document}: {document.transfer_state}: {document.error_message}"
            for document in SalesDocument.objects.exclude(transfer_state__in=_SETTLED)
        ]
        taken = Counter(SalesDocument.objects.exclude(bc_key=None).values_list("bc_key", flat=True))
        return found + [f"{key} was made for {count} documents" for key, count in taken.items() if count > 1]

    def run_again(self, connection: Connection) -> list[SynchJob]:
        jobs = []
        for name in _PROCESSES:
            job = start_process(connection=connection, name=name, trigger=JobTrigger.COMMAND, hand_over=False)
            tasks.run_job(job.pk)
            job.refresh_from_db()
            jobs.append(job)
        return jobs

    def outcome(self) -> dict[str, Any]:
        documents = SalesDocument.objects.values_list("kind", "transfer_state")
        return {"documents": dict(sorted(Counter(f"{kind} {state}" for kind, state in documents).items()))}

    def _start(self, connection: Connection) -> None:
        self._rounds += 1
        for name in _PROCESSES:
            start_process(connection=connection, name=name, trigger=JobTrigger.SCHEDULE)

    def _accounts(self, hub: Hub) -> set[str]:
        return {row["accountid"] for row in hub.sales.rows("accounts", "accountid")}

    def _make(self, hub: Hub, entity: str, number: int, parties: list[str], products: list[tuple[str, str]]) -> None:
        """A document with one to four lines, ready for Business Central."""
        table, owner = f"{entity}s", f"{entity}id"
        party = parties[number % len(parties)]
        key = hub.sales.create(
            table, name=f"{entity} {number}", description=f"Wanted by {number}",
            **{"customerid_account@odata.bind": f"/accounts({party})"},
        )  # fmt: skip
        hub.create(hub.sales, f"{entity}details", [
            self._line(table, owner, key, products[(number + line) % len(products)], line)
            for line in range(1 + number % 4)
        ])  # fmt: skip
        hub.sales.update(table, key, statecode=1, statuscode=3)

    def _line(self, table: str, owner: str, key: UUID, product: tuple[str, str], line: int) -> dict[str, Any]:
        return {
            f"{owner}@odata.bind": f"/{table}({key})",
            "productid@odata.bind": f"/products({product[0]})",
            "uomid@odata.bind": f"/uoms({product[1]})",
            "ispriceoverridden": True,
            "quantity": line + 1,
            "priceperunit": 10 + line,
        }
