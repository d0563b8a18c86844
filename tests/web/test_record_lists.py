"""Lists of records as people of each role see them: what they show, filter and export, and where they lead."""

import csv
import io

import pytest

from connector.choices import System
from tests.coupling.factories import make_customer
from tests.web.conftest import Hub, add_pair
from tests.web.test_coupling_pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox_is_off")]


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("customer-list", "Customers"),
        ("account-list", "Accounts"),
        ("salesperson-list", "Salespeople"),
        ("user-list", "Users"),
    ],
)
def test_lists_of_the_navigation_open_for_a_salesperson_and_not_for_an_outsider(hub, signed_in, name, heading):
    page = signed_in("salesperson").get(url(name))
    assert page.status_code == 200
    assert f"<h1>{heading}</h1>" in page.text
    assert signed_in("outsider").get(url(name)).status_code == 403


def test_every_mapped_table_has_a_list(hub: Hub, signed_in):
    client = signed_in("salesperson")
    for mapping in hub.connection.mappings.filter(kind="record"):
        for system in System:
            address = url("record-list", system=system, table=mapping.table(system))
            assert client.get(address).status_code == 200, address


def test_a_table_that_is_not_mapped_is_404(hub, signed_in):
    client = signed_in("salesperson")
    assert client.get(url("record-list", system="sales", table="nothing")).status_code == 404
    assert client.get(url("record-list", system="mars", table="accounts")).status_code == 404


def test_the_list_shows_state_partner_and_problem(hub, signed_in):
    page = signed_in("salesperson").get(url("customer-list")).text
    assert "10000 Account 10000" in page
    assert "Conflict" in page
    assert "The name is too long." in page


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("coupled=false", "Free GmbH", "Customer 10000"),
        ("coupled=true", "Customer 10000", "Free GmbH"),
        ("state=failing", "Customer 20000", "Customer 10000"),
        ("search=fre", "Free GmbH", "Customer 10000"),
        ("admitted=outside", "Blocked AG", "Free GmbH"),
        ("admitted=inside", "Free GmbH", "Blocked AG"),
    ],
)
def test_filters_narrow_the_list_and_show_as_chips(hub: Hub, signed_in, query, shown, hidden):
    make_customer(hub.connection, "30000", "Free GmbH")
    make_customer(hub.connection, "40000", "Blocked AG", blocked="All")
    page = signed_in("salesperson").get(f"{url('customer-list')}?{query}").text
    assert shown in page
    assert f">{hidden}<" not in page
    assert 'class="chip"' in page


@pytest.mark.parametrize("more", [0, 20])
def test_the_list_takes_a_constant_number_of_queries(hub: Hub, signed_in, django_assert_num_queries, more):
    for number in range(more):
        add_pair(hub.customers, str(50000 + number))
    client = signed_in("salesperson")
    client.get(url("customer-list"))
    with django_assert_num_queries(15):
        client.get(url("customer-list"))


def test_the_export_has_every_column_of_every_match(hub: Hub, signed_in):
    make_customer(hub.connection, "30000", "=cmd()", city="Aarhus", phoneNumber="1")
    answer = signed_in("salesperson").get(f"{url('customer-list')}?export=csv")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row[:3] for row in rows] == [
        ["Coupling", "No.", "Name"],
        ["conflict", "10000", "Customer 10000"],
        ["failing", "20000", "Customer 20000"],
        ["not_coupled", "30000", "'=cmd()"],
    ]


def test_every_list_leads_to_the_lists_of_all_other_tables(hub: Hub, signed_in):
    page = signed_in("salesperson").get(url("customer-list")).text
    assert url("record-list", system="sales", table="products") in page
    assert url("record-list", system="business_central", table="items") in page
    assert url("option-list") in page
