"""Whether the numbers of the setup exist in Business Central and may be used; read live."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.business_central import BusinessCentralClient
from connector.choices import WriteInProductType
from connector.clients import INTERACTIVE, business_central_client
from connector.models import Connection
from connector.odata import literal
from coupling.models import Coupling

_OFFERS = 300


@dataclass(slots=True)
class Checked:
    """Sentences per setting that stop it, and such as only warn."""

    errors: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def check_values(connection: Connection, values: Mapping[str, Any]) -> Checked:
    """Raises RemoteError where Business Central cannot be asked."""
    client = business_central_client(connection, patience=INTERACTIVE)
    checked = Checked()
    _check_write_in(client, connection, values, checked)
    _check_freight(client, values, checked)
    return checked


def write_in_offers(client: BusinessCentralClient, connection: Connection) -> list[tuple[str, str]]:
    """(number, name) of items that suit write-in lines: without stock, not blocked, not coupled. Raises RemoteError."""
    condition = "type ne 'Inventory' and blocked eq false"
    found = client.query("items", properties=["number", "displayName"], filter=condition, top=_OFFERS)
    records = list(found)
    coupled = set(
        Coupling.objects.filter(
            connection=connection, sales_table="products", bc_key__in=[record.key for record in records]
        ).values_list("bc_key", flat=True)
    )
    return [
        (str(record.values["number"]), str(record.values["displayName"] or ""))
        for record in records
        if record.key not in coupled
    ]


def _check_write_in(
    client: BusinessCentralClient, connection: Connection, values: Mapping[str, Any], checked: Checked
) -> None:
    number = str(values.get("write_in_product_no") or "")
    if not number:
        return
    item = values["write_in_product_type"] == WriteInProductType.ITEM
    table = "items" if item else "resources"
    offered = (connection.capabilities or {}).get("companion", ())
    if not item and table not in offered:
        checked.warnings.append(f"Whether the resource {number} exists cannot be seen; the first order shows it.")
        return
    names = ["number", "type", "blocked"] if item else ["number", "blocked"]
    found = next(iter(client.query(table, properties=names, filter=f"number eq {literal(number)}")), None)
    name = "write_in_product_no"
    if found is None:
        checked.errors[name] = f"There is no {'item' if item else 'resource'} {number} in Business Central."
        return
    if Coupling.objects.filter(connection=connection, bc_key=found.key, sales_table="products").exists():
        checked.errors[name] = f"{number} is coupled to a Sales product, so it cannot be the write-in product."
        return
    if found.values["blocked"]:
        checked.warnings.append(f"{number} is blocked in Business Central: orders with write-in lines will wait.")
    if item and found.values["type"] == "Inventory":
        checked.warnings.append(f"{number} is an inventory item; a Service or Non-Inventory item does not touch stock.")


def _check_freight(client: BusinessCentralClient, values: Mapping[str, Any], checked: Checked) -> None:
    number = str(values.get("freight_account_no") or "")
    if not number:
        return
    names = ["number", "directPosting", "blocked"]
    found = next(iter(client.query("accounts", properties=names, filter=f"number eq {literal(number)}")), None)
    if found is None:
        checked.errors["freight_account_no"] = f"There is no G/L account {number} in Business Central."
    elif found.values["blocked"] or not found.values["directPosting"]:
        checked.errors["freight_account_no"] = f"The G/L account {number} does not allow direct posting, or is blocked."
