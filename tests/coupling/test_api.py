"""Mappings, records and couplings over the REST API, without either system: what is stored, refused and allowed."""

from uuid import uuid4

import pytest

from coupling.models import Coupling
from tests.coupling.factories import make_account, make_connection, make_coupling, make_customer

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/connections/default"


@pytest.fixture
def connection():
    """Disabled, so that nothing is asked of the two systems."""
    return make_connection(enabled=False, state="disabled")


@pytest.fixture
def pair(connection):
    customer = make_customer(connection, "10000", "Adatum", city="Aarhus")
    account = make_account(connection, "Adatum Corp.", number="A1", creditlimit=12.5)
    return make_coupling(connection.mappings.get(name="CUSTOMER"), customer, account)


def test_mappings_are_listed_in_execution_order_with_their_settings(connection, api):
    answer = api("operator").get(f"{ROOT}/mappings/").json()
    names = [row["name"] for row in answer["results"]]
    assert answer["count"] == len(names)
    assert names[:3] == ["SALESPEOPLE", "CURRENCY", "PAYMENT TERMS"]
    customer = next(row for row in answer["results"] if row["name"] == "CUSTOMER")
    assert (
        customer.items()
        >= {
            "business_central_table": "customers",
            "sales_table": "accounts",
            "direction": "bidirectional",
            "synch_only_coupled_records": True,
            "create_new_in_case_of_no_match": False,
            "update_conflict_resolution": "none",
            "deletion_conflict_resolution": "none",
            "merge_fields": True,
            "business_central_filter": "blocked eq '_x0020_'",
            "enabled": True,
            "available": True,
            "unavailable_reason": "",
        }.items()
    )
    assert customer["depends_on"][0] == "SALESPEOPLE"


def test_a_mapping_with_a_blank_in_its_name_is_found_percent_encoded(connection, api):
    assert api("operator").get(f"{ROOT}/mappings/PAYMENT%20TERMS/").json()["name"] == "PAYMENT TERMS"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"name": "X"}, "name"),
        ({"direction": "sideways"}, "direction"),
        ({"update_conflict_resolution": "maybe"}, "update_conflict_resolution"),
        ({"sales_filter": "statecode eq"}, "sales_filter"),
        ({"sales_filter": "colour eq 'red'"}, "sales_filter"),
        ({"business_central_filter": "nothing eq 1"}, "business_central_filter"),
    ],
)
def test_a_bad_change_of_a_mapping_is_400_under_its_own_name(connection, api, body, named):
    answer = api("administrator").patch(f"{ROOT}/mappings/CUSTOMER/", body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [named]


def test_an_option_mapping_never_runs_both_ways(connection, api):
    answer = api("administrator").patch(
        f"{ROOT}/mappings/PAYMENT%20TERMS/", {"direction": "bidirectional"}, format="json"
    )
    assert answer.json() == {"direction": ["Payment Terms can follow only one side."]}


def test_a_good_change_of_a_mapping_is_stored(connection, api):
    changes = {"synch_only_coupled_records": False, "sales_filter": "statecode eq 0", "merge_fields": False}
    answer = api("administrator").patch(f"{ROOT}/mappings/CUSTOMER/", changes, format="json")
    assert answer.status_code == 200
    assert answer.json().items() >= changes.items()
    mapping = connection.mappings.get(name="CUSTOMER")
    assert (mapping.synch_only_coupled_records, mapping.sales_filter) == (False, "statecode eq 0")


def test_fields_are_added_disabled_changed_and_removed(connection, api):
    client, address = api("administrator"), f"{ROOT}/mappings/CUSTOMER/fields/"
    body = {
        "business_central_property": "taxRegistrationNumber",
        "sales_attribute": "tickersymbol",
        "direction": "to_sales",
    }
    made = client.post(address, body, format="json")
    assert made.status_code == 400
    assert list(made.json()) == ["sales_attribute"]
    made = client.post(address, {**body, "sales_attribute": "description"}, format="json")
    assert made.status_code == 201
    assert made.json().items() >= {"enabled": False, "user_defined": True, "use_for_matching": False}.items()
    one = f"{address}{made.json()['id']}/"
    assert client.patch(one, {"enabled": True, "use_for_matching": True}, format="json").json()["use_for_matching"]
    refused = client.patch(one, {"not_null": True, "clear_value_on_failed_sync": True}, format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["not_null"])
    assert client.delete(one).status_code == 204
    assert client.patch(one, {}, format="json").status_code == 404


def test_templates_hold_values_for_new_records(connection, api):
    client, address = api("administrator"), f"{ROOT}/mappings/CUSTOMER/templates/"
    assert [row["values"] for row in client.get(address).json()["results"]] == [{"customertypecode": 3}]
    body = {"system": "sales", "priority": 1, "filter": "currencyCode eq 'EUR'", "values": {"creditonhold": True}}
    made = client.post(address, body, format="json")
    assert made.status_code == 201
    bad = client.post(address, {**body, "filter": "currencyCode eq"}, format="json")
    assert (bad.status_code, list(bad.json())) == (400, ["filter"])
    assert client.delete(f"{address}{made.json()['id']}/").status_code == 204


def test_records_show_values_couplings_and_partners(connection, api, pair):
    make_account(connection, "Free Account")
    answer = api("salesperson").get(f"{ROOT}/records/sales/accounts/").json()
    assert answer["count"] == 2
    coupled = next(row for row in answer["results"] if row["name"] == "Adatum Corp.")
    assert coupled["id"] == str(pair.sales_key)
    assert (coupled["number"], coupled["table"], coupled["deleted_at"]) == ("A1", "accounts", None)
    assert coupled["values"]["creditlimit"] == 12.5
    assert coupled["coupling"] == {
        "id": pair.pk,
        "mapping": "CUSTOMER",
        "state": "never_synchronised",
        "partner_id": str(pair.bc_key),
        "partner_name": "Adatum",
    }
    assert next(row for row in answer["results"] if row["name"] == "Free Account")["coupling"] is None


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("coupled=true", ["Adatum Corp."]),
        ("coupled=false", ["Blocked Type", "Free Account"]),
        ("search=free", ["Free Account"]),
        ("number=A1", ["Adatum Corp."]),
        ("mapping=CUSTOMER", ["Adatum Corp.", "Free Account"]),
        ("mapping=VENDOR", []),
    ],
)
def test_records_can_be_filtered(connection, api, pair, query, names):
    make_account(connection, "Free Account")
    make_account(connection, "Blocked Type", customertypecode=8)
    answer = api("salesperson").get(f"{ROOT}/records/sales/accounts/?{query}").json()
    assert sorted(row["name"] for row in answer["results"]) == names


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("records/mars/accounts/", 404),
        ("records/sales/unheard_of/", 404),
        ("records/sales/accounts/?mapping=NONE", 400),
        ("couplings/?state=happy", 400),
        ("couplings/?business_central_id=x", 400),
    ],
)
def test_lists_refuse_what_they_do_not_know(connection, api, address, status):
    assert api("salesperson").get(f"{ROOT}/{address}").status_code == status


@pytest.mark.parametrize("pairs", [1, 5])
def test_lists_take_a_constant_number_of_queries(connection, api, django_assert_num_queries, pairs):
    mapping = connection.mappings.get(name="CUSTOMER")
    for number in range(pairs):
        customer = make_customer(connection, str(number), f"Customer {number}")
        make_coupling(mapping, customer, make_account(connection, f"Account {number}"))
    client = api("salesperson")
    for address, queries in (("records/sales/accounts/", 7), ("couplings/", 5)):
        with django_assert_num_queries(queries):
            assert client.get(f"{ROOT}/{address}").status_code == 200


def test_couplings_are_found_by_mapping_key_and_state(connection, api, pair):
    client = api("salesperson")
    for query in (
        "mapping=CUSTOMER",
        f"business_central_id={pair.bc_key}",
        f"sales_id={pair.sales_key}",
        "state=never_synchronised",
    ):
        assert [row["id"] for row in client.get(f"{ROOT}/couplings/?{query}").json()["results"]] == [pair.pk]
    assert client.get(f"{ROOT}/couplings/?state=in_sync").json()["results"] == []
    row = client.get(f"{ROOT}/couplings/{pair.pk}/").json()
    assert row.items() >= {"mapping": "CUSTOMER", "error": None, "last_synchronised_at": None}.items()
    assert row["sales_url"] == (
        f"https://contoso.crm4.dynamics.com/main.aspx?pagetype=entityrecord&etn=account&id={pair.sales_key}"
    )


def test_a_failing_coupling_shows_its_error(connection, api, pair):
    Coupling.objects.update(error_code="data.x", error_message="Too long.", error_hint="Shorten it.", failures=1)
    row = api("salesperson").get(f"{ROOT}/couplings/{pair.pk}/").json()
    assert row["state"] == "failing"
    assert row["error"] == {"code": "data.x", "message": "Too long.", "hint": "Shorten it."}


@pytest.mark.parametrize(
    ("address", "body", "named"),
    [
        ("couplings/", {"mapping": "CUSTOMER"}, ["business_central_id", "sales_id"]),
        ("couplings/", {"mapping": "NO", "business_central_id": str(uuid4()), "sales_id": str(uuid4())}, ["mapping"]),
        ("couplings/create/", {"mapping": "CUSTOMER"}, ["non_field_errors"]),
        ("couplings/bulk/", {"action": "explode", "couplings": [1]}, ["action"]),
        ("couplings/bulk/", {"action": "retry", "couplings": []}, ["couplings"]),
        ("couplings/bulk/", {"action": "assign", "couplings": [1]}, ["assigned_to"]),
        ("couplings/bulk/", {"action": "retry", "couplings": [1], "assigned_to": None}, ["assigned_to"]),
        ("couplings/bulk/", {"action": "assign", "couplings": [1], "assigned_to": "nobody"}, ["assigned_to"]),
        ("couplings/bulk/", {"action": "retry", "couplings": [1], "force": True}, ["force"]),
        ("mappings/CUSTOMER/match/", {"fields": []}, ["fields"]),
        ("mappings/CUSTOMER/match/", {"fields": [{"business_central": "a", "sales": "b", "x": 1}]}, ["fields"]),
        ("mappings/CUSTOMER/synchronize/", {"mode": "sometimes"}, ["mode"]),
    ],
)
def test_bad_bodies_are_400_naming_what_is_wrong(connection, api, address, body, named):
    answer = api("administrator").post(f"{ROOT}/{address}", body, format="json")
    assert answer.status_code == 400
    assert sorted(answer.json()) == named


def test_work_is_refused_while_the_connection_is_disabled(connection, api, pair):
    client = api("administrator")
    for address, body in (
        (f"couplings/{pair.pk}/synchronize/", {}),
        (f"couplings/{pair.pk}/retry/", {}),
        ("couplings/create/", {"mapping": "CUSTOMER", "sales_id": str(uuid4())}),
        ("couplings/bulk/", {"action": "uncouple", "couplings": [pair.pk]}),
        ("mappings/CUSTOMER/find-broken/", {}),
        ("mappings/CUSTOMER/synchronize/", {"mode": "modified"}),
        ("mappings/CUSTOMER/match/", {"fields": [{"business_central": "number", "sales": "accountnumber"}]}),
    ):
        assert client.post(f"{ROOT}/{address}", body, format="json").status_code == 409, address
    assert client.delete(f"{ROOT}/couplings/{pair.pk}/").status_code == 409


@pytest.mark.parametrize("action", ["restore", "delete-record"])
def test_restore_and_delete_need_exactly_one_missing_record(connection, api, pair, action):
    connection.enabled = True
    connection.save()
    for missing in ("", "both"):
        Coupling.objects.update(missing=missing)
        answer = api("salesperson").post(f"{ROOT}/couplings/{pair.pk}/{action}/", {}, format="json")
        assert answer.status_code == 409


def test_a_skipped_pair_is_synchronised_with_retry_only(connection, api, pair):
    connection.enabled = True
    connection.save()
    Coupling.objects.update(skipped_at="2026-01-01T00:00:00Z", error_code="x", error_message="Too long.")
    answer = api("salesperson").post(f"{ROOT}/couplings/{pair.pk}/synchronize/", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "coupling.skipped")


def test_the_direction_has_to_be_one_the_mapping_runs_in(connection, api):
    connection.enabled = True
    connection.save()
    answer = api("administrator").post(
        f"{ROOT}/mappings/SALESPEOPLE/synchronize/", {"mode": "modified", "direction": "to_sales"}, format="json"
    )
    assert (answer.status_code, list(answer.json())) == (400, ["direction"])


ROLES = {
    "administrator": {"read", "settings", "couple", "change", "run", "full"},
    "operator": {"read", "settings", "couple", "run"},
    "salesperson": {"read", "couple"},
    "outsider": set(),
}


@pytest.mark.parametrize("name", ROLES)
def test_roles_are_decided_before_any_work(connection, api, pair, name):
    client = api(name)
    tries = {
        "read": client.get(f"{ROOT}/couplings/"),
        "settings": client.get(f"{ROOT}/mappings/"),
        "couple": client.post(f"{ROOT}/couplings/{pair.pk}/synchronize/", {}, format="json"),
        "change": client.patch(f"{ROOT}/mappings/CUSTOMER/", {}, format="json"),
        "run": client.post(f"{ROOT}/mappings/CUSTOMER/synchronize/", {"mode": "modified"}, format="json"),
        "full": client.post(f"{ROOT}/mappings/CUSTOMER/synchronize/", {"mode": "full"}, format="json"),
    }
    assert {what for what, answer in tries.items() if answer.status_code != 403} == ROLES[name]


def test_strangers_are_401(connection, client):
    assert client.get(f"{ROOT}/couplings/").status_code == 401


def test_an_unknown_connection_is_404(connection, api):
    assert api("administrator").get("/api/v1/connections/other/mappings/").status_code == 404


def test_pairs_are_assigned_to_a_person_and_to_nobody(connection, api, pair):
    client = api("salesperson")
    body = {"action": "assign", "couplings": [pair.pk], "assigned_to": "salesperson"}
    for name in ("salesperson", None):
        answer = client.post(f"{ROOT}/couplings/bulk/", {**body, "assigned_to": name}, format="json")
        assert answer.status_code == 202
        assert client.get(f"{ROOT}/couplings/{pair.pk}/").json()["assigned_to"] == name


def test_bulk_names_couplings_that_do_not_exist(connection, api, pair):
    body = {"action": "retry", "couplings": [pair.pk, 999999]}
    answer = api("salesperson").post(f"{ROOT}/couplings/bulk/", body, format="json")
    assert answer.status_code == 404
    assert "999999" in answer.json()["detail"]
