"""Who may ask what: strangers, the three roles and somebody without one, at every endpoint and with every method."""

import pytest

from config.access import ADDRESSES
from config.roles import ROLE_CAPABILITIES, Role
from connector.choices import System
from coupling.models import RecordTemplate
from syncjobs.documents.choices import DocumentKind
from syncjobs.documents.models import SalesDocument
from tests.api.builders import make_full_synch, make_job, make_operation, make_pair, make_schedule
from tests.api.conftest import ROLES
from tests.api.schema import description

METHODS = ("get", "post", "put", "patch", "delete")
NAMES = sorted(name for name in ADDRESSES if name.startswith("api-") and name != "api-docs")


def described_methods(path: str) -> set[str]:
    """What the description says an address understands."""
    return set(description()["paths"][path]) & set(METHODS)


@pytest.fixture
def addresses(connection):
    """Name of every endpoint → (its path in the description, an address of something that exists)."""
    from django.urls import get_resolver

    pair = make_pair(connection, conflict=True)
    job = make_job(connection)
    known = {
        "connection": connection.slug,
        "name": "CUSTOMER",
        "system": System.SALES,
        "table": "accounts",
        "job": job.pk,
        "key": pair.sales_key,
    }
    customers = connection.mappings.get(name="CUSTOMER")
    make_schedule(connection)
    SalesDocument.objects.create(connection=connection, kind=DocumentKind.QUOTE, sales_key=pair.sales_key)
    ids = {
        "api-job": job.pk,
        "api-operation": make_operation(job, pair, state="conflict").pk,
        "api-coupling": pair.pk,
        "api-field": customers.fields.first().pk,
        "api-template": RecordTemplate.objects.filter(mapping=customers).first().pk,
        "api-ruled-out": customers.ruled_out.create(bc_key=pair.bc_key, sales_key=pair.sales_key).pk,
        "api-full-synch": make_full_synch(connection, "CURRENCY").pk,
    }
    found = {}
    for name in NAMES:
        [(pattern, arguments)] = get_resolver().reverse_dict.getlist(name)[0][0]
        pk = next((pk for begin, pk in ids.items() if name.startswith(begin)), 0)
        template = "/" + pattern % {each: f"{{{'id' if each == 'pk' else each}}}" for each in arguments}
        # What no address of ours names here is an id of something that need not exist.
        values = {each: known.get(each, pair.sales_key) for each in arguments}
        if name.startswith("api-option"):
            values["name"] = "PAYMENT TERMS"
        found[name] = template, "/" + pattern % {**values, "pk": pk}
    return found


def test_strangers_are_401_everywhere(addresses, api):
    for template, address in addresses.values():
        for method in described_methods(template):
            answer = api("").send(method, address)
            assert answer.status_code == 401, f"{method} {address}"
            assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_a_token_that_was_replaced_is_401(connection, api):
    client = api("operator")
    client.client.credentials(HTTP_AUTHORIZATION="Token 0123456789")
    assert client.get("/api/v1/status/").status_code == 401


@pytest.mark.parametrize("person", [*ROLES, "outsider"])
def test_every_endpoint_answers_403_exactly_to_roles_without_its_capability(addresses, api, person):
    allowed = ROLE_CAPABILITIES[Role(person)] if person in ROLES else frozenset()
    client = api(person)
    for name, (template, address) in addresses.items():
        for method in sorted(described_methods(template)):
            if ADDRESSES[name].capability(method.upper()) not in allowed:
                answer = client.send(method, address)
                assert answer.status_code == 403, f"{method} {address}"
                assert answer.json() == {"detail": "You do not have permission to perform this action."}
            elif method == "get":
                assert client.get(address).status_code == 200, f"{method} {address}"


@pytest.mark.parametrize(
    ("person", "address", "body", "status"),
    [
        ("operator", "mappings/CUSTOMER/synchronize/", {"mode": "full"}, 403),
        ("operator", "mappings/CUSTOMER/synchronize/", {"mode": "modified"}, 409),
        ("operator", "mappings/CUSTOMER/synchronize/", {"mode": "preview"}, 409),
        ("administrator", "mappings/CUSTOMER/synchronize/", {"mode": "full"}, 409),
        ("operator", "full-synchs/", {}, 403),
        ("operator", "full-synchs/", {"preview": False}, 403),
        ("operator", "full-synchs/", {"preview": True}, 409),
        ("salesperson", "full-synchs/", {"preview": True}, 403),
        ("administrator", "full-synchs/", {}, 409),
    ],
)
def test_what_a_body_asks_for_decides_too(connection, api, person, address, body, status):
    """The connection is disabled: whoever gets as far as the work gets 409."""
    connection.enabled = False
    connection.save()
    assert api(person).post(address, body).status_code == status


def test_an_operator_pauses_schedules_and_does_not_change_their_intervals(connection, api):
    make_schedule(connection)
    assert api("operator").patch("schedules/CUSTOMER/", {"enabled": False}).status_code == 200
    for body in ({"interval_minutes": 5}, {"enabled": False, "inactivity_timeout_minutes": 5}):
        assert api("operator").patch("schedules/CUSTOMER/", body).status_code == 403
        assert api("administrator").patch("schedules/CUSTOMER/", body).status_code == 200


def test_a_method_that_an_address_does_not_know_is_405(addresses, api):
    client = api("administrator")
    for template, address in addresses.values():
        for method in set(METHODS) - described_methods(template):
            answer = client.send(method, address)
            assert answer.status_code == 405, f"{method} {address}"
            assert answer.json() == {"detail": f'Method "{method.upper()}" not allowed.'}


def test_an_unknown_connection_is_404_for_whom_may_look_and_403_for_others(connection, api):
    answer = api("operator").send("get", "/api/v1/connections/other/mappings/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no connection of this name."})
    assert api("salesperson").send("get", "/api/v1/connections/other/mappings/").status_code == 403
