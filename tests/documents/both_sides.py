"""What tests of bidirectional orders say in one line."""

from typing import Any
from uuid import UUID

from syncjobs.choices import JobMode
from syncjobs.models import SynchJob
from tests.documents.trade import Trade

ORDERS = "SALESORDER-ORDER"


def exchange(trade: Trade, mode: JobMode = JobMode.MODIFIED, **arguments: Any) -> SynchJob:
    job = trade.run(ORDERS, mode, **arguments)
    assert (job.state, job.failed, job.conflicts) == ("succeeded", 0, 0), list(
        job.log.values_list("message", flat=True)
    )
    return job


def lines(trade: Trade, key: UUID) -> list[dict[str, Any]]:
    """Lines of the order in Business Central, in their order."""
    rows = next(row for row in trade.bc_orders() if row["id"] == str(trade.document(key).bc_key))["salesOrderLines"]
    return sorted(rows, key=lambda line: line["sequence"])


def details(trade: Trade, key: UUID, *names: str) -> list[dict[str, Any]]:
    rows = trade.sales.client.query(
        "salesorderdetails",
        properties=list(names),
        filter=f"_salesorderid_value eq {key}",
        orderby="sequencenumber asc",
    )
    return [record.values for record in rows]


def reopened(trade: Trade, key: UUID) -> None:
    trade.sales.update("salesorders", key, statecode=0, statuscode=1)
