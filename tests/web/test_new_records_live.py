"""Values that new records need and no mapping fills in: lookups, and many records at once."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from coupling.models import Coupling
from coupling.services.schema import look_again
from coupling.synchronisation import service
from tests.engine.live import BC
from tests.web.test_coupling_pages import url
from tests.web.test_coupling_pages_live import (  # noqa: F401  (fixtures)
    live,
    records,
    salesperson,
    sector,
    setup_address,
)

MARKET = {
    "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
    "SchemaName": "new_pricelevel_account_market",
    "ReferencedEntity": "pricelevel",
    "ReferencingEntity": "account",
    "Lookup": {
        "SchemaName": "new_MarketId",
        "DisplayName": {"LocalizedLabels": [{"Label": "Market", "LanguageCode": 1033}]},
        "RequiredLevel": {"Value": "ApplicationRequired"},
    },
}


@pytest.fixture
def market(live):  # noqa: F811
    """The organisation asks for a lookup of its own whenever somebody makes an account; returns a row for it."""
    session = live.sales.client.session
    session.send("POST", "RelationshipDefinitions", body=MARKET)
    look_again(live.connection)
    yield live.sales.create("pricelevels", name="Northern market")
    session.send("DELETE", "RelationshipDefinitions(SchemaName='new_pricelevel_account_market')")
    look_again(live.connection)


def test_a_lookup_that_a_new_record_needs_is_picked_and_bound(live, salesperson, records, market):  # noqa: F811
    customer, _ = records
    address = setup_address(customer)
    (field,) = salesperson.get(f"{address}?create=1").context["new_values"]
    assert field.label == "Market"
    assert (f"pricelevels({market})", "Northern market") in field.field.choices
    refused = salesperson.post(address, {"create": "1", "state": "create=1", field.name: "Southern"}, follow=True)
    assert "Market: Sales has no row “Southern”." in refused.text
    assert not Coupling.objects.exists()
    salesperson.post(address, {"create": "1", field.name: f"pricelevels({market})"})
    made = live.sales.row("accounts", Coupling.objects.get(bc_key=customer).sales_key, "_new_marketid_value")
    assert made == {"_new_marketid_value": str(market)}


def test_a_lookup_is_named_over_rest(live, people, records, market):  # noqa: F811
    customer, _ = records
    client = APIClient()
    client.force_authenticate(people["salesperson"])
    body = {"mapping": "CUSTOMER", "business_central_id": str(customer), "values": {"new_marketid": "Northern market"}}
    assert client.post("/api/v1/connections/default/couplings/create/", body, format="json").status_code == 202
    made = live.sales.row("accounts", Coupling.objects.get(bc_key=customer).sales_key, "_new_marketid_value")
    assert made == {"_new_marketid_value": str(market)}


def test_what_many_new_records_need_is_asked_for_once(live, salesperson, records, sector):  # noqa: F811
    live.bc.create("customers", displayName="Fabrikam")
    service().refresh_table(connection=live.connection, system=BC, table="customers")
    bulk = {"action": "create", "all": "1", "confirmed": "1"}
    answer = salesperson.post(url("customer-list"), bulk, follow=True)
    assert "2 wait for Sector, which nothing fills in." in answer.text
    assert not Coupling.objects.exists()
    once = reverse("create-many", args=["default", "CUSTOMER", "business_central"])
    assert f'href="{once}"' in answer.text
    assert "Sector is needed." in salesperson.post(once, {}, follow=True).text
    done = salesperson.post(once, {"new-new_sector": "Paper"}, follow=True)
    assert "2 queued to be created and coupled." in done.text
    keys = list(Coupling.objects.values_list("sales_key", flat=True))
    assert [live.sales.row("accounts", key, "new_sector")["new_sector"] for key in keys] == ["Paper", "Paper"]
    assert "Select records in the list first." in salesperson.get(once, follow=True).text


@pytest.fixture
def phone(live):  # noqa: F811
    """The organisation asks for the main phone whenever somebody makes an account."""
    session = live.sales.client.session
    column = "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='telephone1')"

    def require(level: str) -> None:
        kind = "Microsoft.Dynamics.CRM.StringAttributeMetadata"
        body = {"@odata.type": kind, "LogicalName": "telephone1", "RequiredLevel": {"Value": level}}
        session.send("PUT", column, body=body)
        look_again(live.connection)

    require("ApplicationRequired")
    yield
    require("None")


def test_records_that_are_blank_where_the_new_one_needs_something_are_left_out(live, salesperson, records, phone):  # noqa: F811
    blank, _ = records
    live.bc.create("customers", displayName="Reachable", phoneNumber="+45 1234")
    service().refresh_table(connection=live.connection, system=BC, table="customers")
    bulk = {"action": "create", "all": "1", "confirmed": "1"}
    answer = salesperson.post(url("customer-list"), bulk, follow=True)
    assert "1 queued, 0 already coupled." in answer.text
    assert "1 left out, since they have no value for Main Phone; fill it in one by one:" in answer.text
    assert f'href="{setup_address(blank)}?create=1"' in answer.text
    assert Coupling.objects.count() == 1
