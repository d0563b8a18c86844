"""Connections over the REST API without either system: what is shown, what changes when, what is refused."""

from typing import Any

import pytest

from connector.models import Connection, Credential

WHILE_DISABLED = {
    "tenant_id": "other",
    "client_id": "other",
    "authority_url": "https://login.example",
    "sales_url": "https://other.crm4.dynamics.com",
    "business_central_url": "https://bc.example",
    "business_central_environment": "Other",
    "ownership_model": "team",
    "unit_group_mapping": True,
}
WHENEVER = {
    "name": "Head office",
    "automatic_jobs": False,
    "extended_pricing": True,
    "automatically_process_quotes": True,
    "synchronize_item_availability": True,
    "write_in_product_type": "resource",
    "write_in_product_no": "WRITEIN",
    "freight_account_no": "8400",
    "fulfil_shipped_orders": False,
    "archive_quotes_in_business_central": True,
    "tell_accounts": False,
    "keep_jobs_days": 90,
    "time_zone": "Europe/Rome",
    "full_synch_parallel": 5,
    "full_synch_hold_percent": 50,
    "over_privileged_reason": "A sandbox.",
    "cancel_deleted_orders": True,
}
READ_ONLY = (
    "slug",
    "state",
    "disabled_reason",
    "company_name",
    "base_currency",
    "base_currency_symbol",
    "base_currency_precision",
)


def settings_of(connection: Connection, **more: Any) -> dict[str, Any]:
    """The whole body of the connection that the fixture makes."""
    return {
        "slug": "default",
        "name": "Business Central and Sales",
        "tenant_id": "contoso",
        "client_id": "hub",
        "authority_url": "https://127.0.0.1:9",
        "sales_url": "https://contoso.crm4.dynamics.com",
        "business_central_url": "https://127.0.0.1:9",
        "business_central_environment": "Production",
        "company": "5a1f0c52-0000-4000-8000-000000000001",
        "company_name": "CRONUS",
        "enabled": True,
        "state": "enabled",
        "disabled_reason": "",
        "automatic_jobs": True,
        "ownership_model": "person",
        "unit_group_mapping": False,
        "extended_pricing": False,
        "sales_order_integration": "none",
        "automatically_create_sales_orders": False,
        "automatically_process_quotes": False,
        "synchronize_item_availability": False,
        "write_in_product_type": "item",
        "write_in_product_no": "",
        "freight_account_no": "",
        "fulfil_shipped_orders": True,
        "archive_quotes_in_business_central": False,
        "tell_accounts": True,
        "keep_jobs_days": 30,
        "time_zone": "UTC",
        "full_synch_parallel": 3,
        "full_synch_hold_percent": 20,
        "over_privileged_reason": "",
        "cancel_deleted_orders": False,
        "web_client_url": "",
        "open_in_sales_hub": True,
        "base_currency": "",
        "base_currency_symbol": "",
        "base_currency_precision": None,
        **more,
    }


def test_settings_are_shown_whole(connection, api):
    assert api("operator").get("").json() == settings_of(connection)


def test_connections_are_listed(connection, api):
    answer = api("operator").get("/api/v1/connections/").json()
    assert answer == {"count": 1, "next": None, "previous": None, "results": [settings_of(connection)]}


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_connections_takes_a_constant_number_of_queries(connection, api, django_assert_num_queries, count):
    for number in range(1, count):
        Connection.objects.create(slug=f"more-{number}")
    client = api("operator")
    with django_assert_num_queries(6):
        assert client.get("/api/v1/connections/").json()["count"] == count


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_is_read_only_is_400_under_its_name(connection, api, name):
    answer = api("administrator").patch("", {name: "x"})
    assert (answer.status_code, answer.json()) == (400, {name: ["This property is read-only."]})


@pytest.mark.parametrize(("name", "value"), WHENEVER.items())
def test_switches_change_while_enabled(connection, api, name, value):
    answer = api("administrator").patch("", {name: value})
    assert (answer.status_code, answer.json()) == (200, settings_of(connection, **{name: value}))


@pytest.mark.parametrize(("name", "value"), WHILE_DISABLED.items())
def test_what_holds_couplings_together_is_409_while_enabled(connection, api, name, value):
    answer = api("administrator").patch("", {name: value})
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"Disable the connection before changing {name}."
    connection.refresh_from_db()
    assert getattr(connection, name) != value


@pytest.mark.parametrize(("name", "value"), WHILE_DISABLED.items())
def test_what_holds_couplings_together_changes_while_disabled(connection, api, name, value):
    off = {"enabled": False, "state": "disabled"}
    answer = api("administrator").patch("", {"enabled": False, name: value})
    assert (answer.status_code, answer.json()) == (200, settings_of(connection, **off, **{name: value}))


@pytest.mark.parametrize(
    "body",
    [
        {"automatic_jobs": "maybe"},
        {"enabled": "perhaps"},
        {"ownership_model": "nobody"},
        {"sales_order_integration": "sometimes"},
        {"write_in_product_type": "thing"},
        {"write_in_product_no": "X" * 21},
        {"sales_url": "no address"},
        {"time_zone": "Mars/Olympus"},
        {"full_synch_parallel": 0},
        {"full_synch_hold_percent": 101},
        {"automatically_create_sales_orders": True},
    ],
)
def test_a_bad_value_is_400_under_its_name(connection, api, body):
    answer = api("administrator").patch("", body)
    assert answer.status_code == 400
    assert list(answer.json()) == list(body)


def test_secrets_go_in_and_never_come_out(connection, api):
    Connection.objects.update(enabled=False)
    answer = api("administrator").patch("", {"client_secret": "s3cret-value"})
    assert answer.status_code == 200
    assert "s3cret-value" not in answer.content.decode()
    assert "client_secret" not in answer.json()
    assert Credential.objects.get(connection=connection).secret == "s3cret-value"


def test_another_connection_is_made_disabled(connection, api):
    answer = api("administrator").post("/api/v1/connections/", {"slug": "second", "name": "Second company"})
    assert answer.status_code == 201
    assert answer.json().items() >= {"slug": "second", "name": "Second company", "enabled": False}.items()
    assert api("administrator").get("/api/v1/connections/second/").status_code == 200


@pytest.mark.parametrize("body", [{}, {"slug": "default"}, {"slug": "with blank"}])
def test_a_connection_needs_a_free_slug(connection, api, body):
    answer = api("administrator").post("/api/v1/connections/", body)
    assert (answer.status_code, list(answer.json())) == (400, ["slug"])


@pytest.mark.parametrize("body", [{}, {"confirm": "something else"}])
def test_a_reset_has_to_be_confirmed(connection, api, body):
    answer = api("administrator").post("reset/", body)
    assert (answer.status_code, list(answer.json())) == (400, ["confirm"])


def test_another_environment_gets_a_connection_like_this_one(connection, api):
    before = Connection.objects.values().get()
    answer = api("administrator").post("another/", {"business_central_environment": "Other"})
    made = answer.json()
    assert (answer.status_code, made["slug"], made["enabled"]) == (201, "default-2", False)
    assert (made["business_central_environment"], made["company"]) == ("Other", str(connection.company_id))
    assert Connection.objects.values().get(pk=connection.pk) == before
    refused = api("administrator").post("another/", {"enabled": True})
    assert (refused.status_code, refused.json()) == (400, {"enabled": ["This property is read-only."]})
