"""Set Up Coupling and the actions of a pair from the page to both systems and back."""

import pytest
from django.urls import reverse

from coupling.models import Coupling
from coupling.synchronisation import service
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
