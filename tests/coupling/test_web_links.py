"""Addresses in the two systems' own web clients."""

from uuid import UUID

import pytest

from connector.models import DEFAULT_BUSINESS_CENTRAL_URL, Connection
from coupling.services.links import business_central_url, sales_url

APP = UUID("0a990000-0000-4000-8000-000000000001")


@pytest.mark.parametrize(("wanted", "begins"), [(True, f"appid={APP}&pagetype="), (False, "pagetype=")])
def test_rows_open_in_sales_hub_where_that_is_wanted(wanted, begins):
    connection = Connection(
        sales_url="https://contoso.crm4.dynamics.com", sales_hub_app_id=APP, open_in_sales_hub=wanted
    )
    address = sales_url(connection, "account", "1")
    assert address == f"https://contoso.crm4.dynamics.com/main.aspx?{begins}entityrecord&etn=account&id=1"


@pytest.mark.parametrize(
    ("service", "typed", "root"),
    [
        (DEFAULT_BUSINESS_CENTRAL_URL, "", "https://businesscentral.dynamics.com/contoso.com/production?"),
        (DEFAULT_BUSINESS_CENTRAL_URL, "https://bc.contoso.com/nav", "https://bc.contoso.com/nav?"),
        ("https://127.0.0.1:1", "", "https://127.0.0.1:1/business-central/?"),
    ],
)
def test_cards_open_where_the_web_client_is(service, typed, root):
    connection = Connection(
        tenant_id="contoso.com",
        business_central_environment="production",
        business_central_url=service,
        company_name="CRONUS",
        web_client_url=typed,
    )
    assert business_central_url(connection, "customers", "10000").startswith(f"{root}company=CRONUS&page=21&filter=")
