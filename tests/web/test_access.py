"""Every address, for every role: open to whom the table says, closed to all others before anything happens."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, get_resolver, reverse
from rest_framework.authtoken.models import Token

from config.access import ADDRESSES, PUBLIC
from config.roles import ROLE_CAPABILITIES, Capability, Role, capabilities_of, ensure_groups
from tests.coupling.factories import make_person

ROLES = [role.value for role in Role]
HANDLED = {200, 202, 204, 302, 400, 404, 405, 409, 415, 422}
"""Any answer but a refusal or a crash: the gate let the request through to the view."""


def addresses() -> Iterator[tuple[str, dict]]:
    def walk(resolver, converters: dict) -> Iterator[tuple[str, dict]]:
        for entry in resolver.url_patterns:
            known = converters | entry.pattern.converters
            if isinstance(entry, URLPattern):
                yield entry.name or str(entry.pattern), known
            else:
                yield from walk(entry, known)

    yield from walk(get_resolver(), {})


ALL = dict(addresses())
PAGES = sorted(name for name in ALL if not name.startswith("api-") and name not in {*PUBLIC, "schema", "metrics"})
API = sorted(name for name in ALL if name.startswith("api-") and name != "api-docs")


def test_every_address_stands_in_the_table_and_nothing_else_does():
    assert set(ALL) - PUBLIC == set(ADDRESSES)


def test_roles_have_the_capabilities_of_the_role_table():
    everybody = {Capability.READ, Capability.COUPLE, Capability.PROCESS_DOCUMENTS}
    assert ROLE_CAPABILITIES[Role.SALESPERSON] == everybody
    assert ROLE_CAPABILITIES[Role.OPERATOR] == everybody | {Capability.READ_SETTINGS, Capability.OPERATE}
    assert ROLE_CAPABILITIES[Role.VIEWER] == {Capability.READ, Capability.READ_SETTINGS}
    assert ROLE_CAPABILITIES[Role.ADMINISTRATOR] == set(Capability)


def test_capabilities_of_several_roles_add_up_and_inactive_people_have_none(db):
    ensure_groups()
    person = make_person("both", "salesperson")
    person.groups.add(*type(person.groups.first()).objects.filter(name="operator"))
    assert capabilities_of(person) == ROLE_CAPABILITIES[Role.OPERATOR]
    person.is_active = False
    assert capabilities_of(person) == frozenset()


def refused_roles(name: str, method: str) -> set[str]:
    needed = ADDRESSES[name].capability(method)
    return {role for role in ROLES if needed not in ROLE_CAPABILITIES[Role(role)]} | {"outsider"}


@pytest.mark.parametrize("name", PAGES)
def test_page_refuses_strangers_and_roles_without_the_capability(name, hub, people, client, sandbox_is_off):
    url = reverse(name, kwargs=hub.arguments(name, ALL[name]))
    for method in ("get", "post"):
        answer = getattr(client, method)(url)
        assert answer.status_code == 302, f"{method} {url} as a stranger"
        assert answer.url.startswith("/accounts/login/")
        for role, person in people.items():
            client.force_login(person)
            answer = getattr(client, method)(url)
            if role in refused_roles(name, method.upper()):
                assert answer.status_code == 403, f"{method} {url} as {role}"
            else:
                assert answer.status_code in HANDLED, f"{method} {url} as {role}"
        client.logout()


@pytest.mark.parametrize("name", API)
def test_endpoint_refuses_strangers_and_roles_without_the_capability(name, hub, people, client, sandbox_is_off):
    url = reverse(name, kwargs=hub.arguments(name, ALL[name]))
    for method in ("get", "post", "patch", "delete"):
        send = getattr(client, method)
        assert send(url).status_code == 401, f"{method} {url} as a stranger"
        for role in sorted(refused_roles(name, method.upper())):
            key, _ = Token.objects.get_or_create(user=people[role])
            answer = send(url, headers={"Authorization": f"Token {key}"}, content_type="application/json")
            assert answer.status_code == 403, f"{method} {url} as {role}"


def test_address_outside_the_table_is_closed_to_administrators_too(hub, people, client, monkeypatch):
    monkeypatch.delitem(ADDRESSES, "job-list")
    client.force_login(people["administrator"])
    assert client.get("/c/default/jobs/").status_code == 403


def test_unknown_connection_is_not_found_but_only_for_whom_may_look(hub, people, client):
    client.force_login(people["administrator"])
    assert client.get("/c/nowhere/mappings/").status_code == 404
    client.force_login(people["salesperson"])
    assert client.get("/c/nowhere/mappings/").status_code == 403


def test_a_run_over_all_records_needs_more_than_one_over_the_changes(hub, people, client):
    client.force_login(people["operator"])
    assert client.post("/c/default/mappings/CUSTOMER/synchronize/", {"mode": "full"}).status_code == 403
    assert hub.connection.jobs.count() == 1


def test_pages_without_a_connection_in_their_path_show_the_one_last_visited(hub, people, client):
    other = type(hub.connection).objects.create(slug="second", company_name="Second Company")
    client.force_login(people["administrator"])
    assert client.get("/").context["connection"] == hub.connection
    client.get(f"/c/{other.slug}/jobs/")
    assert client.get("/").context["connection"] == other
