"""Addresses of records in the two systems' own web clients."""

from urllib.parse import urlencode
from uuid import UUID

from connector.models import Connection

# Page numbers of the cards in Business Central's web client.
_CARDS = {
    "customers": 21,
    "vendors": 26,
    "contacts": 5050,
    "items": 30,
    "resources": 76,
    "salespeoplePurchasers": 5116,
    "currencies": 495,
    "opportunities": 5124,
    "salesQuotes": 41,
    "salesOrders": 42,
    "salesInvoices": 132,
}


def sales_url(connection: Connection, entity: str, key: UUID | str) -> str:
    """Form of a row in Dynamics 365 Sales; `entity` is the logical name. A blank `key` gives what every one begins
    with."""
    app = connection.sales_hub_app_id if connection.open_in_sales_hub else None
    # The key comes last, so that an address without one can be completed.
    query = {**({"appid": str(app)} if app else {}), "pagetype": "entityrecord", "etn": entity, "id": str(key)}
    return f"{connection.sales_url.rstrip('/')}/main.aspx?{urlencode(query)}"


def business_central_url(connection: Connection, table: str, number: str) -> str:
    """Card of a record in Business Central, found by its number; blank for a table without a card."""
    page = _CARDS.get(table)
    if page is None or not number:
        return ""
    root = connection.web_client_url or connection.derived_web_client_url
    quoted = number.replace("'", "''")
    query = {"company": connection.company_name, "page": page, "filter": f"'No.' IS '{quoted}'"}
    return f"{root}?{urlencode(query)}"
