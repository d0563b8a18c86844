"""Set Up Coupling and the actions of a pair from the page to both systems and back."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from coupling.models import Coupling
from coupling.services.schema import look_again
from coupling.synchronisation import service
from syncjobs.models import Operation
from tests.engine.live import BC, SALES, Hub, connect


@pytest.fixture
def live(sandbox, transactional_db, settings) -> Hub:
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    return Hub(connect(sandbox), sandbox)


@pytest.fixture
def salesperson(live, people, client):
    client.force_login(people["salesperson"])
    return client


@pytest.fixture
def records(live: Hub):
    """A customer and an account with other data, read into the mirror."""
    customer = live.bc.create("customers", displayName="Contoso Ltd.", city="Aarhus")
    account = live.sales.create("accounts", name="Kontoso", customertypecode=3, address1_city="Odense")
    for system, table in ((BC, "customers"), (SALES, "accounts")):
        service().refresh_table(connection=live.connection, system=system, table=table)
    return customer, account


def setup_address(customer) -> str:
    arguments = {"connection": "default", "system": "business_central", "table": "customers", "key": customer}
    return reverse("coupling-setup", kwargs=arguments)


def test_the_preview_says_what_each_side_would_become(live, salesperson, records):
    customer, account = records
    page = salesperson.get(f"{setup_address(customer)}?partner={account}&choice=to_sales").text
    assert '<span class="was">Kontoso</span> <span class="becomes">Contoso Ltd.</span>' in page
    page = salesperson.get(f"{setup_address(customer)}?partner={account}&choice=to_business_central").text
    assert '<span class="was">Contoso Ltd.</span> <span class="becomes">Kontoso</span>' in page
    page = salesperson.get(f"{setup_address(customer)}?partner={account}&choice=none").text
    assert 'class="becomes"' not in page


def test_couple_to_sales_from_the_page_carries_the_customer(live, salesperson, records):
    customer, account = records
    answer = salesperson.post(setup_address(customer), {"partner": str(account), "choice": "to_sales"}, follow=True)
    assert "The first synchronisation is queued." in answer.text
    assert live.sales.row("accounts", account, "name", "address1_city") == {
        "name": "Contoso Ltd.",
        "address1_city": "Aarhus",
    }
    page = salesperson.get(
        reverse("coupling-detail", kwargs={"connection": "default", "pk": Coupling.objects.get().pk})
    )
    assert "In sync" in page.text
    assert '<span class="was">Kontoso</span> <span class="becomes">Contoso Ltd.</span>' in page.text


def test_couple_only_changes_neither_side(live, salesperson, records):
    customer, account = records
    salesperson.post(setup_address(customer), {"partner": str(account), "choice": "none"})
    assert Coupling.objects.get().sales_key == account
    assert live.sales.row("accounts", account, "name")["name"] == "Kontoso"
    assert live.bc.row("customers", customer, "displayName")["displayName"] == "Contoso Ltd."


def test_create_new_makes_the_account(live, salesperson, records):
    customer, _ = records
    answer = salesperson.post(setup_address(customer), {"create": "1"}, follow=True)
    assert "created and coupled in the background" in answer.text
    coupling = Coupling.objects.get(bc_key=customer)
    assert live.sales.row("accounts", coupling.sales_key, "name")["name"] == "Contoso Ltd."


def test_a_row_that_vanished_is_told_at_once(live, salesperson, records):
    customer, account = records
    live.sales.delete("accounts", account)
    answer = salesperson.post(setup_address(customer), {"partner": str(account), "choice": "none"}, follow=True)
    assert "There is no such record" in answer.text
    assert not Coupling.objects.exists()


def test_synchronize_now_proposes_the_side_that_changed(live, salesperson, records):
    customer, account = records
    salesperson.post(setup_address(customer), {"partner": str(account), "choice": "to_sales"})
    live.sales.update("accounts", account, name="Renamed in Sales")
    service().refresh_table(connection=live.connection, system=SALES, table="accounts")
    address = reverse("coupling-synchronize", kwargs={"connection": "default", "pk": Coupling.objects.get().pk})
    page = salesperson.get(address).text
    assert "Only Sales changed." in page
    salesperson.post(address, {"direction": "to_business_central"})
    assert live.bc.row("customers", customer, "displayName")["displayName"] == "Renamed in Sales"


def test_uncoupling_from_the_page_keeps_both_records(live, salesperson, records):
    customer, account = records
    salesperson.post(setup_address(customer), {"partner": str(account), "choice": "none"})
    address = reverse("coupling-uncouple", kwargs={"connection": "default", "pk": Coupling.objects.get().pk})
    salesperson.post(address, {"confirmed": "1"})
    assert not Coupling.objects.exists()
    assert live.sales.row("accounts", account, "name")["name"] == "Kontoso"


SECTOR = {
    "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
    "SchemaName": "new_Sector",
    "MaxLength": 20,
    "FormatName": {"Value": "Text"},
    "DisplayName": {"LocalizedLabels": [{"Label": "Sector", "LanguageCode": 1033}]},
    "RequiredLevel": {"Value": "ApplicationRequired"},
}


@pytest.fixture
def sector(live):
    """The organisation asks for a column of its own whenever somebody makes an account."""
    session, table = live.sales.client.session, "EntityDefinitions(LogicalName='account')/Attributes"
    session.send("POST", table, body=SECTOR)
    look_again(live.connection)
    yield
    session.send("DELETE", f"{table}(LogicalName='new_sector')")
    look_again(live.connection)


def test_what_a_new_record_needs_is_typed_in_the_preview_and_written(live, salesperson, records, sector):
    customer, _ = records
    address = setup_address(customer)
    page = salesperson.get(f"{address}?create=1")
    form = page.context["new_values"]
    assert {field.label for field in form} == {"Sector"}
    refused = salesperson.post(address, {"create": "1", "state": "create=1", "new-new_sector": "x" * 21}, follow=True)
    assert "Sector: at most 20 characters, these are 21." in refused.text
    assert f'value="{"x" * 21}"' in refused.text
    empty = salesperson.post(address, {"create": "1", "state": "create=1", "new-new_sector": " "}, follow=True)
    assert "Sector is needed." in empty.text
    assert not Coupling.objects.exists()
    done = salesperson.post(address, {"create": "1", "new-new_sector": "Paper"}, follow=True)
    assert "created and coupled in the background" in done.text
    coupling = Coupling.objects.get(bc_key=customer)
    made = live.sales.row("accounts", coupling.sales_key, "name", "new_sector")
    assert made == {"name": "Contoso Ltd.", "new_sector": "Paper"}
    assert Operation.objects.get(kind="create").after["new_sector"] == "Paper"
    assert 'value="Paper"' not in salesperson.get(address).text


def test_what_a_new_record_needs_is_given_over_rest(live, people, records, sector):
    customer, _ = records
    client = APIClient()
    client.force_authenticate(people["salesperson"])
    root = "/api/v1/connections/default"
    preview = client.get(f"{root}/mappings/CUSTOMER/new/business_central/{customer}/").json()
    assert preview["values"]["name"] == "Contoso Ltd."
    assert [(value["name"], value["label"], value["length"]) for value in preview["missing"]] == [
        ("new_sector", "Sector", 20)
    ]
    body = {"mapping": "CUSTOMER", "business_central_id": str(customer)}
    create = f"{root}/couplings/create/"
    unknown = client.post(create, {**body, "values": {"telephone1": "1"}}, format="json")
    assert (unknown.status_code, list(unknown.json()["values"])) == (400, ["telephone1"])
    assert client.post(create, {**body, "values": {"new_sector": "Paper"}}, format="json").status_code == 202
    coupling = Coupling.objects.get(bc_key=customer)
    assert live.sales.row("accounts", coupling.sales_key, "new_sector") == {"new_sector": "Paper"}
