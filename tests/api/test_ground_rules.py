"""What holds at every endpoint: strict bodies, JSON errors, paging."""

import pytest

from tests.api.builders import make_full_synch, make_job, make_operation, make_pair, make_schedule
from tests.api.conftest import ROOT

BODIES = {
    ("patch", ""): {},
    ("post", "reset/"): {"confirm": "default"},
    ("patch", "mappings/CUSTOMER/"): {},
    ("post", "mappings/CUSTOMER/fields/"): {"direction": "to_sales", "sales_attribute": "fax", "constant_value": "1"},
    ("post", "mappings/CUSTOMER/templates/"): {"system": "sales"},
    ("post", "mappings/CUSTOMER/synchronize/"): {"mode": "modified"},
    ("post", "mappings/CUSTOMER/match/"): {"fields": [{"business_central": "number", "sales": "accountnumber"}]},
    ("post", "mappings/CUSTOMER/find-broken/"): {},
    ("post", "couplings/"): {"mapping": "CUSTOMER", "business_central_id": "{bc}", "sales_id": "{sales}"},
    ("post", "couplings/create/"): {"mapping": "CUSTOMER", "sales_id": "{sales}"},
    ("post", "couplings/bulk/"): {"action": "retry", "couplings": [1]},
    ("patch", "couplings/{coupling}/"): {"sales_id": "{sales}"},
    ("post", "couplings/{coupling}/synchronize/"): {},
    ("post", "couplings/{coupling}/retry/"): {},
    ("post", "couplings/{coupling}/restore/"): {},
    ("post", "couplings/{coupling}/delete-record/"): {},
    ("post", "jobs/{job}/cancel/"): {},
    ("post", "jobs/{job}/undo/"): {},
    ("post", "operations/{operation}/retry/"): {},
    ("post", "operations/{operation}/resolve/"): {"use": "sales"},
    ("patch", "schedules/CUSTOMER/"): {},
    ("post", "schedules/CUSTOMER/run/"): {},
    ("post", "full-synchs/"): {},
    ("post", "full-synchs/{full_synch}/restart/"): {"mappings": ["CUSTOMER"]},
    ("post", "full-synchs/{full_synch}/cancel/"): {},
}


@pytest.fixture
def known(connection):
    """What the placeholders of `BODIES` stand for."""
    pair = make_pair(connection)
    job = make_job(connection)
    make_schedule(connection)
    return {
        "bc": str(pair.bc_key),
        "sales": str(pair.sales_key),
        "coupling": pair.pk,
        "job": job.pk,
        "operation": make_operation(job, pair, state="conflict").pk,
        "full_synch": make_full_synch(connection, "CUSTOMER").pk,
    }


def filled(value, known):
    if isinstance(value, str):
        return value.format(**known)
    if isinstance(value, dict):
        return {name: filled(each, known) for name, each in value.items()}
    return [filled(each, known) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("method", "address"), BODIES)
def test_an_unknown_property_is_400_naming_it(known, api, method, address):
    body = filled(BODIES[method, address], known)
    answer = getattr(api("administrator"), method)(address.format(**known), {**body, "colour": "red"})
    assert answer.status_code == 400
    assert answer.json() == {"colour": ["There is no such property."]}


@pytest.mark.parametrize(("method", "address"), BODIES)
def test_a_body_that_is_no_object_is_400(known, api, method, address):
    for body in ([1], 5, "text"):
        answer = getattr(api("administrator"), method)(address.format(**known), body)
        assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"]), body


def test_a_body_that_is_no_json_is_400(connection, api):
    answer = api("administrator").client.patch(f"{ROOT}/", "{oops", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error")


def test_a_form_instead_of_json_is_415(connection, api):
    answer = api("administrator").client.patch(f"{ROOT}/", "name=x", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415


@pytest.mark.parametrize("address", ["/api/v1/nothing/", f"{ROOT}/jobs/x/", "/api/"])
def test_an_address_that_does_not_exist_is_404_as_json(connection, api, address):
    answer = api("operator").send("get", address)
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is nothing at this address."})


def test_a_page_that_does_not_exist_stays_a_page(client):
    answer = client.get("/nothing/")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_mistake_of_the_hub_is_500_as_json(connection, api, monkeypatch):
    client = api("operator")
    client.client.raise_request_exception = False
    monkeypatch.delattr("syncjobs.api.status.queue_lengths")
    answer = client.send("get", "/api/v1/status/")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "The mistake is the hub's own and has been written to its log."}


def test_lists_are_paged(connection, api):
    for _ in range(3):
        make_job(connection)
    first = api("salesperson").get("jobs/", page_size=2).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
    assert first["next"] == f"http://testserver{ROOT}/jobs/?page=2&page_size=2"
    second = api("salesperson").get(first["next"].removeprefix("http://testserver")).json()
    assert (second["count"], len(second["results"]), second["next"]) == (3, 1, None)
    assert second["previous"] == f"http://testserver{ROOT}/jobs/?page_size=2"
    ids = [row["id"] for page in (first, second) for row in page["results"]]
    assert ids == sorted(ids, reverse=True)


def test_a_page_that_does_not_exist_is_404(connection, api):
    answer = api("salesperson").get("jobs/", page=7)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize(
    "address",
    [
        "jobs/999/",
        "jobs/999/log/",
        "couplings/999/",
        "mappings/NONE/",
        "mappings/CUSTOMER/fields/999999/",
        "mappings/NONE/fields/",
        "mappings/CUSTOMER/templates/999999/",
        "schedules/NONE/",
        "full-synchs/999/",
        "records/mars/accounts/",
        "records/sales/nothing/",
    ],
)
def test_what_does_not_exist_is_404_with_a_sentence(connection, api, address):
    answer = api("administrator").get(address)
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])
