"""Makes the clients of a connection's two systems.

Both share tokens and budget with all other clients of the same application; a client is cheap and lives as long as
the work it was made for.
"""

from connector.auth import token_source
from connector.business_central import BusinessCentralClient
from connector.business_central_addresses import Addresses
from connector.choices import System
from connector.http.budget import Budget
from connector.http.session import BACKGROUND, INTERACTIVE, ODataSession, Patience
from connector.meter import Meter
from connector.models import Connection
from connector.records import ChangePage, ChangeQuery, Client, FirstPage, WireRecord
from connector.sales import SalesClient
from connector.webhooks.own_steps import own_steps

__all__ = [
    "BACKGROUND",
    "INTERACTIVE",
    "ChangePage",
    "ChangeQuery",
    "Client",
    "FirstPage",
    "Meter",
    "WireRecord",
    "budget_of",
    "business_central_client",
    "sales_client",
]


def budget_of(connection: Connection, system: System) -> Budget:
    """What all workers may ask of one of the connection's systems together."""
    url = connection.sales_url if system is System.SALES else connection.business_central_url
    return Budget(system, connection.client_id, url)


def sales_client(connection: Connection, *, meter: Meter | None = None, patience: Patience = BACKGROUND) -> SalesClient:
    """Raises RemoteError (kind config) when address or credential are missing."""

    session = ODataSession(
        system=System.SALES,
        root=connection.sales_api_url,
        tokens=token_source(connection, System.SALES),
        budget=budget_of(connection, System.SALES),
        headers={"OData-Version": "4.0", "OData-MaxVersion": "4.0"},
        meter=meter or Meter(),
        patience=patience,
    )
    return SalesClient(session, own_steps=lambda: own_steps(connection))


def business_central_client(
    connection: Connection, *, meter: Meter | None = None, patience: Patience = BACKGROUND
) -> BusinessCentralClient:
    """Raises RemoteError (kind config) when address or credential are missing."""

    session = ODataSession(
        system=System.BUSINESS_CENTRAL,
        root=connection.business_central_root,
        tokens=token_source(connection, System.BUSINESS_CENTRAL),
        budget=budget_of(connection, System.BUSINESS_CENTRAL),
        # Messages and captions follow this language; errors stay the same whatever the application user's is.
        headers={"Accept-Language": "en-US"},
        meter=meter or Meter(),
        patience=patience,
    )
    return BusinessCentralClient(session, Addresses(connection.company_id, connection.capabilities))
