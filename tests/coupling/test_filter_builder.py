"""Conditions that people put together, and the count of what a filter lets through."""

import pytest
from django.urls import reverse

from connector.choices import System
from coupling.definitions import ValueKind
from coupling.services.filter_builder import ConditionError, condition, joined, sample
from coupling.services.schema import ColumnChoice


def column(kind, name="x"):
    return ColumnChoice(name, name.title(), ValueKind(kind))


@pytest.mark.parametrize(
    ("kind", "comparison", "value", "system", "expected"),
    [
        ("text", "eq", "O'Brien", "sales", "x eq 'O''Brien'"),
        ("text", "contains", "ab", "business_central", "contains(x,'ab')"),
        ("text", "empty", "", "business_central", "x eq ''"),
        ("text", "filled", "", "sales", "x ne null"),
        ("enum", "empty", "", "business_central", "x eq ' '"),
        ("boolean", "eq", "Yes", "sales", "x eq true"),
        ("integer", "ge", " 5 ", "sales", "x ge 5"),
        ("decimal", "le", "1.50", "business_central", "x le 1.50"),
        ("date", "eq", "2026-01-31", "sales", "x eq 2026-01-31"),
        ("date", "filled", "", "business_central", "x ne 0001-01-01"),
        ("guid", "eq", "{company_row_id}", "sales", "x eq {company_row_id}"),
    ],
)
def test_a_condition_becomes_odata(kind, comparison, value, system, expected):
    made = condition(column=column(kind), comparison=comparison, value=value, system=System(system))
    assert made == expected


@pytest.mark.parametrize(
    ("kind", "comparison", "value"),
    [("integer", "eq", "five"), ("guid", "contains", "a"), ("text", "ge", "a"), ("boolean", "eq", "perhaps")],
)
def test_a_condition_that_makes_no_sense_is_refused_with_the_columns_name(kind, comparison, value):
    with pytest.raises(ConditionError, match="X "):
        condition(column=column(kind), comparison=comparison, value=value, system=System.SALES)


def test_a_further_condition_keeps_the_meaning_of_an_alternative():
    assert joined("", "a eq 1") == "a eq 1"
    assert joined("a eq 1 or b eq 2", "c eq 3") == "(a eq 1 or b eq 2) and c eq 3"


def test_a_filter_is_counted_live_with_its_first_rows(hub):
    for name in ("Aster", "Birch", "Aspen"):
        hub.sales.create("accounts", name=name, customertypecode=3)
    found = sample(mapping=hub.mapping("CUSTOMER"), system=System.SALES, text="startswith(name,'As')")
    assert (found.number, found.total) == (2, 3)
    assert {row[found.columns.index("name")] for row in found.rows} == {"Aster", "Aspen"}


def test_the_page_adds_a_condition_counts_and_saves(hub, client):
    from tests.coupling.factories import make_person

    client.force_login(make_person("administrator", "administrator"))
    address = reverse("mapping-filter", kwargs={"connection": "default", "name": "CUSTOMER", "system": "sales"})
    added = client.post(address, {"do": "add", "text": "", "column": "name", "comparison": "startswith", "value": "As"})
    assert "startswith(name,&#x27;As&#x27;)" in added.content.decode()
    assert "0 of 0" in added.content.decode()
    wrong = client.post(address, {"do": "save", "text": "nothing eq 1"})
    assert wrong.status_code == 422
    assert client.post(address, {"do": "save", "text": "startswith(name,'As')"}).status_code == 302
    assert hub.mapping("CUSTOMER").sales_filter == "startswith(name,'As')"
