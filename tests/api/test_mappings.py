"""Mappings, their fields and templates, records and couplings over the REST API: whole bodies."""

import pytest

from coupling.models import BusinessCentralRecord, Coupling
from tests.api.builders import END, iso, make_pair
from tests.coupling.factories import make_account, make_customer

MAPPING = {
    "name": "CURRENCY",
    "business_central_table": "currencies",
    "business_central_label": "Currency",
    "business_central_service": "api",
    "sales_table": "transactioncurrencies",
    "direction": "to_sales",
    "synch_only_coupled_records": True,
    "create_new_in_case_of_no_match": True,
    "synch_after_bulk_coupling": True,
    "update_conflict_resolution": "none",
    "deletion_conflict_resolution": "none",
    "merge_fields": True,
    "business_central_filter": "",
    "sales_filter": "",
    "depends_on": [],
    "enabled": True,
    "available": True,
    "unavailable_reason": "",
    "user_defined": False,
}


def test_a_mapping_is_shown_whole_and_changed(connection, api):
    client = api("administrator")
    assert client.get("mappings/CURRENCY/").json() == MAPPING
    for name, value in (
        ("synch_only_coupled_records", False),
        ("create_new_in_case_of_no_match", False),
        ("update_conflict_resolution", "send_to_sales"),
        ("deletion_conflict_resolution", "restore_records"),
        ("merge_fields", False),
        ("enabled", False),
    ):
        answer = client.patch("mappings/CURRENCY/", {name: value})
        assert (answer.status_code, answer.json()) == (200, {**MAPPING, name: value})
        client.patch("mappings/CURRENCY/", {name: MAPPING[name]})


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({"search": "payment"}, ["PAYMENT TERMS"]),
        ({"search": "transactioncurrencies"}, ["CURRENCY"]),
        ({"direction": "to_business_central"}, ["SALESPEOPLE"]),
        ({"enabled": "false"}, ["VENDOR"]),
        ({"available": "false"}, ["CONTACT"]),
    ],
)
def test_mappings_take_the_filters_of_the_page(connection, api, query, kept):
    connection.mappings.update(available=True, enabled=True)
    connection.mappings.filter(name="VENDOR").update(enabled=False)
    connection.mappings.filter(name="CONTACT").update(available=False)
    rows = api("operator").get("mappings/", **query).json()["results"]
    assert [row["name"] for row in rows] == kept


def test_a_field_comes_disabled_and_is_shown_whole(connection, api):
    client, address = api("administrator"), "mappings/CUSTOMER/fields/"
    connection.enabled = False
    connection.save()
    made = client.post(
        address,
        {
            "sales_attribute": "description",
            "business_central_property": "taxRegistrationNumber",
            "direction": "to_sales",
        },
    )
    field = {
        "id": made.json()["id"],
        "business_central_property": "taxRegistrationNumber",
        "sales_attribute": "description",
        "direction": "to_sales",
        "constant_value": "",
        "enabled": False,
        "not_null": False,
        "clear_value_on_failed_sync": False,
        "transformation": "",
        "use_for_matching": False,
        "case_sensitive": False,
        "match_priority": 0,
        "update_conflict_resolution": "",
        "user_defined": True,
        "available": True,
        "unavailable_reason": "",
    }
    assert (made.status_code, made.json()) == (201, field)
    one = f"{address}{field['id']}/"
    assert client.get(one).json() == field
    changes = {"enabled": True, "use_for_matching": True, "case_sensitive": True, "match_priority": 2}
    assert client.patch(one, changes).json() == {**field, **changes}
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404


def test_a_template_is_shown_whole(connection, api):
    client, address = api("administrator"), "mappings/CUSTOMER/templates/"
    body = {"system": "sales", "priority": 3, "filter": "currencyCode eq 'EUR'", "values": {"creditonhold": True}}
    made = client.post(address, body)
    assert (made.status_code, made.json()) == (201, {"id": made.json()["id"], **body})
    one = f"{address}{made.json()['id']}/"
    assert client.patch(one, {"priority": 1}).json() == {**made.json(), "priority": 1}
    assert client.delete(one).status_code == 204


def test_records_of_both_systems_are_shown_whole(connection, api):
    pair = make_pair(connection, last_synchronised_at=END)
    BusinessCentralRecord.objects.update(modified_at=END)
    [customer] = api("salesperson").get("records/business_central/customers/").json()["results"]
    assert customer == {
        "id": str(pair.bc_key),
        "number": "10000",
        "name": "Customer 10000",
        "table": "customers",
        "modified_at": iso(END),
        "deleted_at": None,
        "values": {"number": "10000", "displayName": "Customer 10000", "blocked": "_x0020_"},
        "coupling": {
            "id": pair.pk,
            "mapping": "CUSTOMER",
            "state": "in_sync",
            "partner_id": str(pair.sales_key),
            "partner_name": "Account 10000",
        },
    }
    [account] = api("salesperson").get("records/sales/accounts/").json()["results"]
    assert account["coupling"]["partner_id"] == str(pair.bc_key)
    assert account["modified_at"] is None


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({}, ["Account 1", "Account 2", "Blocked", "Free"]),
        ({"search": "free"}, ["Free"]),
        ({"coupled": "true"}, ["Account 1", "Account 2"]),
        ({"coupled": "false"}, ["Blocked", "Free"]),
        ({"number": "A1"}, ["Account 1"]),
        ({"mapping": "CUSTOMER"}, ["Account 1", "Account 2", "Free"]),
        ({"mapping": "CUSTOMER", "coupled": "false"}, ["Free"]),
        ({"state": "broken"}, ["Account 2"]),
        ({"admitted": "outside"}, ["Blocked"]),
    ],
)
def test_records_take_the_filters_of_the_page(connection, api, query, kept):
    make_pair(connection, "1")
    make_pair(connection, "2", missing="business_central")
    make_account(connection, "Free")
    make_account(connection, "Blocked", customertypecode=8)
    rows = api("salesperson").get("records/sales/accounts/", **query).json()["results"]
    assert sorted(row["name"] for row in rows) == kept


def test_refreshing_needs_an_enabled_connection(connection, api):
    connection.enabled = False
    connection.save()
    answer = api("salesperson").get("records/sales/accounts/", refresh=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "connection.disabled")


def test_a_system_that_cannot_be_signed_in_to_is_409_with_a_sentence(connection, api):
    answer = api("salesperson").get("records/sales/accounts/", refresh=1)
    assert (answer.status_code, list(answer.json())) == (409, ["detail", "code", "hint"])
    assert answer.json()["code"].startswith("sign_in.")


def test_a_coupling_is_shown_whole(connection, api):
    pair = make_pair(
        connection, last_synchronised_at=END, error_code="record.too_long", error_message="Too long.",
        error_hint="Shorten it.", failures=1,
    )  # fmt: skip
    shown = api("salesperson").get(f"couplings/{pair.pk}/").json()
    sales_url, bc_url = shown.pop("sales_url"), shown.pop("business_central_url")
    assert shown == {
        "id": pair.pk,
        "mapping": "CUSTOMER",
        "business_central_id": str(pair.bc_key),
        "sales_id": str(pair.sales_key),
        "state": "failing",
        "error": {"code": "record.too_long", "message": "Too long.", "hint": "Shorten it."},
        "origin": "manual",
        "created_at": iso(pair.created_at),
        "last_synchronised_at": iso(END),
        "assigned_to": None,
        "merged_into": None,
    }
    assert str(pair.sales_key) in sales_url
    assert "10000" in bc_url


def test_couplings_are_listed_newest_first_and_found_by_either_side(connection, api):
    first, second = make_pair(connection, "1"), make_pair(connection, "2", error_code="x", failures=1)
    client = api("salesperson")
    for query, kept in (
        ({}, [second, first]),
        ({"mapping": "CUSTOMER"}, [second, first]),
        ({"mapping": "NONE"}, []),
        ({"business_central_id": first.bc_key}, [first]),
        ({"sales_id": second.sales_key}, [second]),
        ({"state": "failing"}, [second]),
        ({"state": ["failing", "never_synchronised"]}, [second, first]),
        ({"error": "x"}, [second]),
    ):
        rows = client.get("couplings/", **query).json()["results"]
        assert [row["id"] for row in rows] == [pair.pk for pair in kept], query


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"missing": "sales"}, "broken"),
        ({"skipped_at": END}, "skipped"),
        ({"conflict": True}, "conflict"),
        ({"error_code": "x"}, "failing"),
        ({"outside_filter": "sales"}, "outside_filter"),
        ({}, "never_synchronised"),
        ({"last_synchronised_at": END}, "in_sync"),
    ],
)
def test_states_have_the_documented_names(connection, api, values, state):
    pair = make_pair(connection)
    Coupling.objects.update(**values)
    assert api("salesperson").get(f"couplings/{pair.pk}/").json()["state"] == state


def test_match_names_a_property_that_is_not_read(connection, api):
    body = {"fields": [{"business_central": "colour", "sales": "name"}]}
    answer = api("salesperson").post("mappings/CUSTOMER/match/", body)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "colour is not read from Business Central."


def test_a_direction_that_the_mapping_rules_out_is_400_under_its_name(connection, api):
    make_customer(connection, "1", "One")
    client = api("administrator")
    match = {"fields": [{"business_central": "code", "sales": "isocurrencycode"}], "synchronize": "to_business_central"}
    answer = client.post("mappings/CURRENCY/match/", match)
    assert (answer.status_code, list(answer.json())) == (400, ["synchronize"])
    answer = client.post("mappings/CURRENCY/synchronize/", {"mode": "full", "direction": "to_business_central"})
    assert (answer.status_code, list(answer.json())) == (400, ["direction"])
