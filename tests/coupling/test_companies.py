"""Whose rows of Sales a mapping takes: read from its filter, and rewritten there without touching the rest."""

import pytest

from coupling.defaults import default_mappings
from coupling.exceptions import MappingError
from coupling.services.companies import (
    Companies,
    companies_of,
    consequence,
    is_multi_company,
    may_switch,
    without_companies,
)
from coupling.services.companies import switch_companies as switch
from tests.coupling.factories import make_connection

ROW = "_bcbi_companyid_value eq {company_row_id}"
NONE = "_bcbi_companyid_value eq null"


@pytest.fixture
def mapping_of(db):
    """A mapping by its name, with a filter of one's own where one is given."""
    connection = make_connection(enabled=False)

    def make(name, sales_filter=None):
        mapping = connection.mappings.get(name=name)
        if sales_filter is not None:
            mapping.sales_filter = sales_filter
        return mapping

    return make


@pytest.mark.parametrize("name", ["CUSTOMER", "CONTACT", "ITEM-PRODUCT", "CUSTPRCGRP-PRICE", "POSTEDSALESINV-INV"])
def test_delivered_filters_go_to_every_company_and_back(mapping_of, name):
    mapping = mapping_of(name)
    before = mapping.sales_filter
    assert (companies_of(mapping), is_multi_company(mapping)) == (Companies.OWN_OR_NONE, False)
    switch(mapping=mapping, multi=True, user=None)
    assert "company" not in mapping.sales_filter
    assert companies_of(mapping) == Companies.ALL
    switch(mapping=mapping, multi=False, user=None)
    mapping.refresh_from_db()
    assert mapping.sales_filter.strip("()") == before.strip("()")
    assert companies_of(mapping) == Companies.OWN_OR_NONE


def test_opportunities_are_narrowed_to_this_company_instead(mapping_of):
    mapping = mapping_of("OPPORTUNITY")
    switch(mapping=mapping, multi=True, user=None)
    assert (mapping.sales_filter, is_multi_company(mapping)) == (ROW, True)
    switch(mapping=mapping, multi=False, user=None)
    assert mapping.sales_filter == f"({ROW} or {NONE})"
    assert companies_of(mapping) == Companies.OWN_OR_NONE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"({ROW} or {NONE})", ""),
        (f" {ROW}  or {NONE} ", ""),
        (f"({ROW} or {NONE}) and statecode eq 0", "statecode eq 0"),
        (f"(name eq 'a' or name eq 'b') and ({ROW} or {NONE})", "(name eq 'a' or name eq 'b')"),
    ],
)
def test_the_condition_is_found_wherever_it_stands(mapping_of, before, after):
    mapping = mapping_of("CUSTOMER", before)
    assert switch(mapping=mapping, multi=True, user=None).sales_filter == after


@pytest.mark.parametrize("text", [f"statecode eq 0 and ({ROW} or {NONE} or name eq 'x')", f"not ({ROW})"])
def test_a_filter_of_ones_own_about_companies_is_left_alone(mapping_of, text):
    mapping = mapping_of("CUSTOMER", text)
    assert not may_switch(mapping)
    with pytest.raises(MappingError):
        switch(mapping=mapping, multi=True, user=None)
    assert mapping.sales_filter == text


def test_tables_without_a_company_have_none(mapping_of):
    assert companies_of(mapping_of("CURRENCY")) is None
    assert not may_switch(mapping_of("CURRENCY"))


def test_a_filter_that_lost_a_part_says_what_follows(mapping_of):
    narrowed = mapping_of("CUSTOMER", f"statecode eq 0 and {ROW}")
    assert "Rows without a company no longer take part" in consequence(Companies.OWN_OR_NONE, narrowed)
    widened = mapping_of("CUSTOMER", "statecode eq 0")
    assert "Rows of every company" in consequence(Companies.OWN_OR_NONE, widened)
    assert consequence(Companies.ALL, widened) == ""


def test_every_delivered_filter_can_do_without_companies():
    texts = [mapping.sales_filter for mapping in default_mappings()]
    assert any("company" in text for text in texts)
    assert not any("company" in without_companies(text) for text in texts)
