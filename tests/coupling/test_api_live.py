"""Couplings over the REST API against the sandbox: both records are read live, jobs do what was asked."""

from uuid import uuid4

import pytest

from coupling.models import Coupling
from tests.engine.live import Hub

ROOT = "/api/v1/connections/default"


@pytest.fixture
def customer_key(hub: Hub):
    return hub.bc.create("customers", displayName="Contoso Ltd.")


@pytest.fixture
def account_key(hub: Hub):
    return hub.sales.create("accounts", name="Kontoso", customertypecode=3)


def body(customer_key, account_key, **more):
    return {
        "mapping": "CUSTOMER",
        "business_central_id": str(customer_key),
        "sales_id": str(account_key),
        **more,
    }


def test_couple_without_a_first_synchronisation_starts_no_job(hub, api, customer_key, account_key):
    answer = api("salesperson").post(f"{ROOT}/couplings/", body(customer_key, account_key), format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert made["job"] is None
    assert (made["state"], made["business_central_id"]) == ("never_synchronised", str(customer_key))
    assert hub.sales.row("accounts", account_key, "name")["name"] == "Kontoso"


def test_couple_to_sales_carries_the_customer_and_leaves_it_alone(hub, api, customer_key, account_key):
    answer = api("salesperson").post(
        f"{ROOT}/couplings/", body(customer_key, account_key, synchronize="to_sales"), format="json"
    )
    assert answer.status_code == 201
    assert answer.json()["job"]["mapping"] == "CUSTOMER"
    assert hub.sales.row("accounts", account_key, "name")["name"] == "Contoso Ltd."
    assert hub.bc.row("customers", customer_key, "displayName")["displayName"] == "Contoso Ltd."
    assert api("salesperson").get(f"{ROOT}/couplings/{answer.json()['id']}/").json()["state"] == "in_sync"


def test_couple_answers_404_409_and_400(hub, api, customer_key, account_key):
    client = api("salesperson")
    assert client.post(f"{ROOT}/couplings/", body(customer_key, uuid4()), format="json").status_code == 404
    assert client.post(f"{ROOT}/couplings/", body(customer_key, account_key), format="json").status_code == 201
    second = hub.bc.create("customers", displayName="Second")
    taken = client.post(f"{ROOT}/couplings/", body(second, account_key), format="json")
    assert (taken.status_code, taken.json()["code"]) == (409, "coupling.taken")
    prospect = hub.sales.create("accounts", name="Prospect", customertypecode=8)
    outside = client.post(f"{ROOT}/couplings/", body(second, prospect), format="json")
    assert outside.status_code == 400
    assert "CUSTOMER filter" in outside.json()["detail"]


def test_moving_couples_another_row(hub, api, customer_key, account_key):
    client = api("salesperson")
    made = client.post(f"{ROOT}/couplings/", body(customer_key, account_key), format="json").json()
    other = hub.sales.create("accounts", name="Other", customertypecode=3)
    moved = client.patch(f"{ROOT}/couplings/{made['id']}/", {"sales_id": str(other)}, format="json")
    assert (moved.status_code, moved.json()["sales_id"]) == (200, str(other))
    assert Coupling.objects.count() == 1


def test_create_makes_the_missing_account_and_couples_it(hub, api, customer_key):
    answer = api("salesperson").post(
        f"{ROOT}/couplings/create/",
        {"mapping": "CUSTOMER", "business_central_id": str(customer_key)},
        format="json",
    )
    assert answer.status_code == 202
    job = answer.json()["job"]
    coupling = Coupling.objects.get(bc_key=customer_key)
    assert hub.sales.row("accounts", coupling.sales_key, "name", "customertypecode") == {
        "name": "Contoso Ltd.",
        "customertypecode": 3,
    }
    again = api("salesperson").post(
        f"{ROOT}/couplings/create/",
        {"mapping": "CUSTOMER", "business_central_id": str(customer_key)},
        format="json",
    )
    assert again.status_code == 409
    assert job["mode"] == "create"


def test_delete_uncouples_in_the_background_and_both_records_stay(hub, api, customer_key, account_key):
    client = api("salesperson")
    made = client.post(f"{ROOT}/couplings/", body(customer_key, account_key), format="json").json()
    assert client.delete(f"{ROOT}/couplings/{made['id']}/").status_code == 202
    assert not Coupling.objects.exists()
    assert hub.sales.row("accounts", account_key, "name")["name"] == "Kontoso"


def test_records_refreshed_on_request_show_what_was_just_made(hub, api, customer_key):
    client = api("salesperson")
    rows = client.get(f"{ROOT}/records/business_central/customers/?refresh=1&search=contoso").json()["results"]
    assert [row["id"] for row in rows] == [str(customer_key)]


def test_match_by_name_couples_the_clear_ones(hub, api):
    for name in ("Adatum", "Relecloud"):
        hub.bc.create("customers", displayName=name)
    hub.sales.create("accounts", name="ADATUM", customertypecode=3)
    answer = api("salesperson").post(
        f"{ROOT}/mappings/CUSTOMER/match/",
        {"fields": [{"business_central": "displayName", "sales": "name"}]},
        format="json",
    )
    assert answer.status_code == 202
    assert Coupling.objects.count() == 1


def test_a_filter_may_use_columns_that_the_organisation_has(hub, api):
    client = api("administrator")
    good = client.patch(f"{ROOT}/mappings/CUSTOMER/", {"sales_filter": "creditonhold eq false"}, format="json")
    assert good.status_code == 200, good.json()
    bad = client.patch(f"{ROOT}/mappings/CUSTOMER/", {"sales_filter": "new_colour eq 'red'"}, format="json")
    assert (bad.status_code, list(bad.json())) == (400, ["sales_filter"])
