"""Sales & Receivables Setup: the hub's own values, and Business Central's where the hub has none.

The setup is in no standard API. It is read from the companion API or from the published page; a company that offers
neither is served by the hub's own values alone.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.business_central import BusinessCentralClient
from connector.cached import cached
from connector.choices import WriteInProductType
from connector.errors import HubError
from connector.models import Connection

log = logging.getLogger(__name__)
COMPANION_SETUP = "salesReceivablesSetups"

_SOURCES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    (
        "companion",
        COMPANION_SETUP,
        {
            "write_in_type": "writeInProductType",
            "write_in_no": "writeInProductNumber",
            "freight_account": "freightAccountNumber",
            "archive_quotes": "archiveQuotes",
            "archive_orders": "archiveOrders",
            "external_number_mandatory": "extDocNoMandatory",
        },
    ),
    *(
        (
            "pages",
            service,
            {
                "write_in_type": "Write_in_Product_Type",
                "write_in_no": "Write_in_Product_No",
                "freight_account": "Freight_G_L_Acc_No",
                "archive_quotes": "Archive_Quotes",
                "archive_orders": "Archive_Orders",
                "external_number_mandatory": "Ext_Doc_No_Mandatory",
            },
        )
        for service in ("Sales_Receivables_Setup", "hub_SalesSetup")
    ),
)


@dataclass(frozen=True, slots=True)
class SalesSetup:
    """What documents need of the setup; `from_hub` names the values that are the hub's own."""

    write_in_type: str = WriteInProductType.ITEM
    write_in_no: str = ""
    freight_account: str = ""
    archive_quotes: str = ""
    archive_orders: bool | None = None
    external_number_mandatory: bool = False
    from_hub: frozenset[str] = frozenset()
    source: str = ""


def read_setup(client: BusinessCentralClient, connection: Connection, *, fresh: bool = False) -> SalesSetup:
    """The values in force. Raises RemoteError; at most a minute's request per ten minutes unless `fresh`."""
    theirs = _read(client, connection) if fresh else _cached(client, connection)
    return in_force(connection, theirs)


def in_force(connection: Connection, theirs: Mapping[str, Any]) -> SalesSetup:
    """The hub's values win; an empty one means Business Central's."""
    own = set()
    write_in_type, write_in_no = _write_in_type(theirs.get("write_in_type")), str(theirs.get("write_in_no") or "")
    if connection.write_in_product_no:
        write_in_type, write_in_no = connection.write_in_product_type, connection.write_in_product_no
        own.add("write_in")
    freight = str(theirs.get("freight_account") or "")
    if connection.freight_account_no:
        freight = connection.freight_account_no
        own.add("freight_account")
    return SalesSetup(
        write_in_type=write_in_type,
        write_in_no=write_in_no,
        freight_account=freight,
        archive_quotes=str(theirs.get("archive_quotes") or "").strip(),
        archive_orders=theirs.get("archive_orders"),
        external_number_mandatory=bool(theirs.get("external_number_mandatory")),
        from_hub=frozenset(own),
        source=str(theirs.get("source") or ""),
    )


def theirs_of(client: BusinessCentralClient, connection: Connection) -> dict[str, Any]:
    """Business Central's own values, read now; empty where no source is offered."""
    return _read(client, connection)


def _cached(client: BusinessCentralClient, connection: Connection) -> dict[str, Any]:
    values: dict[str, Any] = cached(
        f"{client.session.root}:{connection.company_id}:sales-setup", lambda: _read(client, connection)
    )
    return values


def _read(client: BusinessCentralClient, connection: Connection) -> dict[str, Any]:
    capabilities = connection.capabilities or {}
    for service, table, names in _SOURCES:
        if table not in capabilities.get(service, ()):
            continue
        try:
            row = client.singleton(table)
        except HubError as error:
            log.info("The sales setup cannot be read from %s: %s", table, error)
            continue
        return {name: row.get(theirs) for name, theirs in names.items()} | {"source": table}
    return {}


def _write_in_type(value: Any) -> str:
    return WriteInProductType.RESOURCE if str(value or "").lower() == "resource" else WriteInProductType.ITEM
