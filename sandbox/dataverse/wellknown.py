"""Ids and facts of the organisation that are the same after every reset, so a configured connection stays valid."""

import uuid

from sandbox.identity.clients import GUEST_CLIENT_ID, HUB_CLIENT_ID

_NAMESPACE = uuid.UUID("5a1e5000-0000-4000-8000-000000000000")


def fixed_id(*names: str) -> str:
    """The same id for the same names in every sandbox; datasets use it for everything that must survive a reset."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))


ORGANIZATION_ID = "0a9a0000-0000-4000-8000-000000000001"
ORGANIZATION_NAME = "Couplet Sandbox"
BUSINESS_UNIT_ID = "0b000000-0000-4000-8000-000000000001"
BUSINESS_UNIT_NAME = "couplet"
DEFAULT_TEAM_ID = "07ea0000-0000-4000-8000-000000000001"

SYSTEM_USER_ID = "05e50000-0000-4000-8000-000000000000"
"""The platform's own account: owner of what the system itself creates."""
HUB_USER_ID = "05e50000-0000-4000-8000-0000000000a1"
GUEST_USER_ID = "05e50000-0000-4000-8000-0000000000a2"
APPLICATION_USERS = {HUB_CLIENT_ID: (HUB_USER_ID, "Couplet Hub"), GUEST_CLIENT_ID: (GUEST_USER_ID, "Sandbox Guest")}

USER_IDS = tuple(f"05e50000-0000-4000-8000-00000000000{number}" for number in range(1, 6))
USERS = (
    ("Amira", "Nolan"),
    ("Jonas", "Lindqvist"),
    ("Priya", "Raman"),
    ("Tomas", "Havel"),
    ("Greta", "Okafor"),
)
USER_DOMAIN = "couplet.example"

CURRENCY_IDS = {
    "EUR": "0c000000-0000-4000-8000-000000000978",
    "USD": "0c000000-0000-4000-8000-000000000840",
    "GBP": "0c000000-0000-4000-8000-000000000826",
    "DKK": "0c000000-0000-4000-8000-000000000208",
    "SEK": "0c000000-0000-4000-8000-000000000752",
    "CHF": "0c000000-0000-4000-8000-000000000756",
}
BASE_CURRENCY_ID = CURRENCY_IDS["EUR"]
CURRENCIES = {
    "EUR": ("Euro", "€", "1"),
    "USD": ("US Dollar", "$", "1.0825"),
    "GBP": ("Pound Sterling", "£", "0.8546"),
    "DKK": ("Danish Krone", "kr.", "7.4592"),
    "SEK": ("Swedish Krona", "kr", "11.3215"),
    "CHF": ("Swiss Franc", "CHF", "0.9412"),
}
"""Name, symbol and units per one unit of the base currency."""

UNIT_GROUP_ID = "00e50000-0000-4000-8000-000000000001"
PRIMARY_UNIT_ID = "00e50000-0000-4000-8000-000000000002"

SYSTEM_ADMINISTRATOR_ROLE_ID = "007e0000-0000-4000-8000-000000000001"
SALESPERSON_ROLE_ID = "007e0000-0000-4000-8000-000000000002"
INTEGRATION_ROLE_ID = "007e0000-0000-4000-8000-000000000003"
