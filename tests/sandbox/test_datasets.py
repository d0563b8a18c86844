"""Datasets: the same for the same seed, believable, resolvable, and within the lengths of both systems."""

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from sandbox import datasets
from sandbox.business_central.schema import load_schema
from sandbox.definitions.dataverse_source import load
from sandbox.state import Sizes
from tests.sandbox.conftest import ApiClient
from tests.sandbox_process import SandboxServer

Rows = dict[str, list[dict[str, Any]]]


def rows_of(name: str, seed: int = 1, **sizes: int) -> Rows:
    found: Rows = {}
    for table, rows in datasets.generate(name, seed, Sizes(**sizes)):
        found.setdefault(table, []).extend(rows)
    return found


@pytest.fixture(scope="module")
def demo() -> Rows:
    return rows_of("demo")


@pytest.fixture(scope="module")
def bulk() -> Rows:
    return rows_of("bulk", customers=1000, accounts=1000, contacts=500, items=300)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_same_seed_gives_same_rows_and_another_seed_others(name: str) -> None:
    sizes = {"customers": 20, "accounts": 20, "contacts": 5, "items": 5} if name == "bulk" else {}
    assert rows_of(name, 7, **sizes) == rows_of(name, 7, **sizes)
    if name != "empty":
        assert rows_of(name, 7, **sizes) != rows_of(name, 8, **sizes)


def test_empty_has_set_up_but_no_master_data() -> None:
    rows = rows_of("empty")
    assert {row["code"] for row in rows["bc_currency"]} == {"USD", "GBP"}
    assert len(rows["bc_payment_terms"]) > 3
    for table in ("bc_customer", "bc_contact", "bc_item", "bc_vendor", "bc_salesperson_purchaser", "sales_accounts"):
        assert table not in rows


def test_demo_has_the_promised_size(demo: Rows) -> None:
    assert len(demo["bc_customer"]) == 300
    assert len(demo["sales_accounts"]) == 280
    assert len(demo["bc_salesperson_purchaser"]) == 12
    assert len(demo["bc_item"]) == 150
    assert len(demo["bc_resource"]) == 20
    assert len(demo["bc_customer_price_group"]) == 4
    assert len({row["code"] for row in demo["bc_currency"]}) == 5  # and the local currency
    people = {row["name"] for row in demo["bc_contact"] if row["type"] == "Person"}
    people |= {row["fullname"] for row in demo["sales_contacts"]}
    assert len(people) == pytest.approx(500, abs=20)


def test_demo_overlaps_and_differs(demo: Rows) -> None:
    customers = Counter(row["name"] for row in demo["bc_customer"])
    accounts = Counter(row["name"] for row in demo["sales_accounts"])
    assert len(customers.keys() & accounts.keys()) >= 120
    assert max(accounts.values()) > 1
    numbers = [row["accountnumber"] for row in demo["sales_accounts"] if row.get("accountnumber")]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) <= {row["no"] for row in demo["bc_customer"]}
    assert any(len(row["name"]) > 100 for row in demo["sales_accounts"])
    assert any(row["blocked"] for row in demo["bc_customer"])


def test_demo_salespeople_have_a_user_of_the_same_address(demo: Rows) -> None:
    from sandbox.dataverse.wellknown import USER_DOMAIN, USERS

    addresses = {f"{given}.{family}@{USER_DOMAIN}".lower() for given, family in USERS}
    addresses |= {row["internalemailaddress"] for row in demo["sales_systemusers"]}
    assert {row["e_mail"] for row in demo["bc_salesperson_purchaser"]} == addresses


def test_bulk_has_the_given_numbers_with_distinct_names(bulk: Rows) -> None:
    assert len(bulk["bc_customer"]) == len({row["name"] for row in bulk["bc_customer"]}) == 1000
    assert len(bulk["sales_accounts"]) == len({row["name"] for row in bulk["sales_accounts"]}) == 1000
    persons = [row for row in bulk["bc_contact"] if row["type"] == "Person"]
    assert len(persons) == len({row["name"] for row in persons}) == 500
    assert len(bulk["sales_contacts"]) == len({row["fullname"] for row in bulk["sales_contacts"]}) == 500
    assert len(bulk["bc_item"]) == len({row["description"] for row in bulk["bc_item"]}) == 300


def test_bulk_keeps_nine_in_ten_inside_the_mapping_filters(bulk: Rows) -> None:
    assert sum(row["blocked"] == "" for row in bulk["bc_customer"]) == 900
    inside = [row for row in bulk["sales_accounts"] if row["statecode"] == 0 and row["customertypecode"] == 3]
    assert len(inside) == 900
    persons = [row for row in bulk["bc_contact"] if row["type"] == "Person" and row["company_no"]]
    assert len(persons) == 450
    assert sum(not row["blocked"] for row in bulk["bc_item"]) == 270


@pytest.mark.slow
def test_bulk_names_stay_distinct_beyond_the_word_lists() -> None:
    from random import Random

    from sandbox.datasets.people import Population

    population = Population(Random(1))
    names = Counter(population.company().name for _ in range(300_000))
    assert max(names.values()) == 1


@pytest.mark.parametrize("rows", ["demo", "bulk"])
def test_references_resolve(rows: str, request: pytest.FixtureRequest) -> None:
    found: Rows = request.getfixturevalue(rows)

    def missing(table: str, column: str, target: str, key: str) -> set[str]:
        known = {row[key] for row in found[target]}
        return {row[column] for row in found.get(table, ()) if row.get(column)} - known

    assert not missing("bc_customer", "payment_terms_code", "bc_payment_terms", "code")
    assert not missing("bc_customer", "shipment_method_code", "bc_shipment_method", "code")
    assert not missing("bc_customer", "currency_code", "bc_currency", "code")
    assert not missing("bc_customer", "country_region_code", "bc_country_region", "code")
    assert not missing("bc_contact", "company_no", "bc_contact", "no")
    assert not missing("bc_contact", "customer_no", "bc_customer", "no")
    assert not missing("sales_contacts", "parentcustomerid", "sales_accounts", "accountid")
    assert not missing("bc_item", "base_unit_of_measure", "bc_unit_of_measure", "code")


@pytest.mark.parametrize("rows", ["demo", "bulk"])
def test_texts_fit_the_fields_of_their_system(rows: str, request: pytest.FixtureRequest) -> None:
    found: Rows = request.getfixturevalue(rows)
    for table in load_schema().tables.values():
        limits = {field.column: field.length for field in table.fields.values() if field.length}
        too_long = [
            (table.name, column, row[column])
            for row, (column, limit) in itertools.product(found.get(table.sql_name, ()), limits.items())
            if len(str(row[column])) > limit
        ]
        assert too_long == []
    for sales_table in load().tables:
        limits = {a.name: a.max_length for a in sales_table.attributes.values() if a.max_length}
        for row in found.get(sales_table.storage, ()):
            assert all(len(str(row.get(name) or "")) <= limit for name, limit in limits.items())


def test_bulk_lengths_fit_the_other_system(bulk: Rows) -> None:
    def longest(rows: Iterable[dict[str, Any]], column: str) -> int:
        return max(len(row[column] or "") for row in rows)

    accounts = bulk["sales_accounts"]
    for column, limit in (
        ("name", 100), ("address1_line1", 100), ("address1_city", 30), ("address1_stateorprovince", 30),
        ("address1_country", 10), ("address1_postalcode", 20), ("telephone1", 30), ("emailaddress1", 80),
    ):  # fmt: skip
        assert longest(accounts, column) <= limit, column


def test_keys_are_unique(demo: Rows, bulk: Rows) -> None:
    for rows in (demo, bulk):
        for table in load_schema().tables.values():
            keys = [tuple(row[column] for column in table.key_columns) for row in rows.get(table.sql_name, ())]
            assert len(keys) == len(set(keys)), table.name
            ids = [row["system_id"] for row in rows.get(table.sql_name, ())]
            assert len(ids) == len(set(ids)), table.name


def test_demo_has_documents_in_every_state(
    empty_server: SandboxServer, sales: ApiClient, business_central: ApiClient
) -> None:
    empty_server.reset("demo")
    for entity_set, states in (("salesorders", 5), ("quotes", 4), ("opportunities", 3)):
        found = {row["statecode"] for row in sales.get(f"{entity_set}?$select=statecode")["value"]}
        assert found == set(range(states)), entity_set
    for entity_set, states in (
        ("salesOrders", {"Draft", "Open"}),
        ("salesQuotes", {"Draft", "Sent", "Accepted"}),
        ("salesInvoices", {"Draft", "Open", "Paid", "Canceled"}),
    ):
        found = {row["status"] for row in business_central.get(f"{entity_set}?$select=status")["value"]}
        assert found == states, entity_set
    orders = business_central.get("salesOrders?$expand=salesOrderLines")["value"]
    shipped = [any(line["shippedQuantity"] for line in order["salesOrderLines"]) for order in orders]
    invoiced = [any(line["invoicedQuantity"] for line in order["salesOrderLines"]) for order in orders]
    assert any(shipped)
    assert any(invoiced)
    assert not all(shipped)
    regions = business_central.get("dimensionSetLines?$filter=parentId eq " + next(order["id"] for order in orders))
    assert all(row["code"] == "REGION" for row in regions["value"])
