"""Choices of a full synchronisation: matching first, who wins, what it recommends, when it asks for the number."""

import pytest

from connector.choices import System
from connector.errors import HubError
from coupling.choices import MappingKind
from coupling.services.free import free_records
from syncjobs.choices import JobMode
from syncjobs.recommendations import Recommendation, Standing, recommend
from syncjobs.services.full_synch import start_full_synch
from syncjobs.services.standing import guarded
from tests.engine.live import Hub


@pytest.mark.parametrize(
    ("name", "bc", "sales", "coupled", "total", "expected"),
    [
        ("SALESPEOPLE", 5, 5, 0, 5, "full"),
        ("CURRENCY", 5, 1, 0, 1, "full"),
        ("CURRENCY", 5, 2, 0, 3, "couple"),
        ("CUSTOMER", None, 3, 0, None, "unread"),
        ("CUSTOMER", 3, 4, 0, 4, "couple"),
        ("CUSTOMER", 3, 0, 0, 0, "full"),
        ("CUSTOMER", 0, 3, 0, 3, "full"),
        ("CUSTOMER", 0, 0, 9, 9, "update"),
        ("CUSTOMER", 0, 0, 0, 0, "nothing"),
        ("UNIT GROUP", 4, 1, 0, 1, "full"),
        ("UNIT GROUP", 4, 2, 0, 2, "couple"),
    ],
)
def test_a_recommendation_follows_from_what_is_free_on_both_sides(name, bc, sales, coupled, total, expected):
    standing = Standing(name, MappingKind.RECORD, bc, sales, coupled, total)
    assert recommend(standing) == Recommendation(expected)


@pytest.mark.parametrize(("bc", "expected"), [(0, "nothing"), (3, "couple"), (None, "unread")])
def test_options_are_coupled_where_there_are_codes(bc, expected):
    assert recommend(Standing("PAYMENT TERMS", MappingKind.OPTION, bc, 0)) == Recommendation(expected)


def match_on_name(hub: Hub) -> None:
    hub.mapping("CUSTOMER").fields.filter(sales_attribute="name").update(used_for_matching=True)


def start(hub: Hub, **arguments):
    full_synch = start_full_synch(connection=hub.connection, mappings=["CUSTOMER"], **arguments)
    full_synch.refresh_from_db()
    return full_synch


def test_matching_first_couples_what_is_there_and_creates_only_the_rest(hub: Hub) -> None:
    match_on_name(hub)
    hub.bc.create("customers", displayName="Adatum")
    hub.bc.create("customers", displayName="Contoso")
    known = hub.sales.create("accounts", name="Adatum", customertypecode=3)
    full_synch = start(hub, match_first=["CUSTOMER"])
    line = full_synch.lines.get()
    assert [job.mode for job in line.jobs.order_by("id")] == [JobMode.MATCH, JobMode.FULL]
    assert (line.state, line.to_sales) == ("finished", "success")
    assert sorted(row["name"] for row in hub.sales.rows("accounts", "name")) == ["Adatum", "Contoso"]
    assert hub.coupling("CUSTOMER", sales_key=known).origin == "match"


def test_a_preview_with_matching_counts_what_would_be_coupled_and_couples_nothing(hub: Hub) -> None:
    match_on_name(hub)
    hub.bc.create("customers", displayName="Adatum")
    hub.bc.create("customers", displayName="Contoso")
    hub.sales.create("accounts", name="Adatum", customertypecode=3)
    plan = start(hub, preview=True, match_first=["CUSTOMER"]).lines.get().plan
    assert (plan["couple"], plan["create_in_sales"], plan["create_in_business_central"]) == (1, 1, 0)
    assert not hub.mapping("CUSTOMER").couplings.exists()


def test_matching_first_without_criteria_is_refused_before_anything_starts(hub: Hub) -> None:
    hub.mapping("CUSTOMER").fields.update(used_for_matching=False)
    with pytest.raises(HubError) as refused:
        start(hub, match_first=["CUSTOMER"])
    assert refused.value.code == "full_synch.no_criteria"
    assert not hub.connection.full_synchs.exists()


@pytest.mark.parametrize(("winner", "city"), [("business_central", "Odense"), ("sales", "Esbjerg")])
def test_the_winner_of_a_line_decides_its_conflicts(hub: Hub, winner, city) -> None:
    customer = hub.bc.create("customers", displayName="Adatum", city="Aarhus")
    start(hub)
    coupling = hub.coupling("CUSTOMER", bc_key=customer)
    hub.bc.update("customers", customer, city="Odense")
    hub.sales.update("accounts", coupling.sales_key, address1_city="Esbjerg")
    start(hub, winners={"CUSTOMER": winner})
    assert hub.bc.row("customers", customer, "city") == {"city": city}
    assert hub.sales.row("accounts", coupling.sales_key, "address1_city") == {"address1_city": city}


def test_a_line_that_adds_more_than_a_fifth_is_guarded_unless_it_matches_first(hub: Hub) -> None:
    hub.create_customers(4)
    hub.create_accounts(6)
    start(hub, preview=True)
    free = free_records([hub.mapping("CUSTOMER")])
    found = guarded(hub.connection, free, {"CUSTOMER": "to_sales"}, [], {})
    assert [(each.system, each.creates, each.present) for each in found] == [(System.SALES, 4, 6)]
    assert guarded(hub.connection, free, {"CUSTOMER": "to_sales"}, ["CUSTOMER"], {}) == []


def test_a_plan_knows_how_many_records_a_line_would_create(hub: Hub) -> None:
    hub.create_accounts(6)
    start(hub, preview=True)
    plan = {"CUSTOMER": {"create_in_business_central": 0, "create_in_sales": 3}}
    found = guarded(
        hub.connection, free_records([hub.mapping("CUSTOMER")]), {"CUSTOMER": "bidirectional"}, ["CUSTOMER"], plan
    )
    assert [(each.system, each.creates, each.present) for each in found] == [(System.SALES, 3, 6)]
