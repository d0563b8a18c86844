"""K. Synchronising by hand (scenarios 85 to 90)."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from connector.choices import Direction, System
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs import tasks
from syncjobs.choices import JobMode, JobState, JobTrigger
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import SynchJob
from syncjobs.services.jobs import start_job
from tests.api.conftest import Api
from tests.coupling.factories import make_person
from tests.engine.live import BC, SALES
from tests.engine.people import make_contact
from tests.scenarios.engine.world import World, counted

CUSTOMERS = "/c/default/records/business_central/customers/"


@pytest.fixture
def browser(hub: World) -> Client:
    """A signed-in salesperson."""
    client = Client()
    client.force_login(make_person("seller", "salesperson"))
    return client


def users(hub: World) -> list[UUID]:
    rows = hub.sales.client.query("systemusers", properties=["islicensed", "isdisabled", "applicationid"])
    return [
        row.key
        for row in rows
        if row.values["islicensed"] and not (row.values["isdisabled"] or row.values["applicationid"])
    ]


def salespeople(hub: World, *codes: str) -> list[Coupling]:
    """So many salespeople, coupled with users and in step."""
    hub.switch(ownership_model="person")
    pairs = [
        hub.linked(hub.bc.create("salespeoplePurchasers", code=code, displayName=code), user, "SALESPEOPLE")
        for code, user in zip(codes, users(hub), strict=False)
    ]
    hub.run("SALESPEOPLE", JobMode.FULL)
    return pairs


def look(hub: World, table_of_bc: str, table_of_sales: str) -> None:
    """Brings the mirror up to date, as announcements and schedules do; pages read nothing else."""
    reader = Api(Token.objects.get_or_create(user=User.objects.get(username="seller"))[0].key)
    for system, table in ((BC, table_of_bc), (SALES, table_of_sales)):
        assert reader.get(f"records/{system}/{table}/", refresh=1).status_code == 200


def question(browser: Client, pair: Coupling) -> str:
    """What Synchronize Now asks on the pair's page."""
    return browser.get(f"/c/default/couplings/{pair.pk}/synchronize/").content.decode()


def answer(browser: Client, pair: Coupling, direction: str) -> SynchJob:
    """Answers the question; the job that follows."""
    browser.post(f"/c/default/couplings/{pair.pk}/synchronize/", {"direction": direction}, follow=True)
    return SynchJob.objects.latest("pk")


def choose(browser: Client, pairs: Sequence[Coupling], direction: str) -> str:
    """Synchronize Now for a selection; the page that answers."""
    body = {"couplings": ",".join(str(pair.pk) for pair in pairs), "direction": direction}
    return browser.post("/c/default/couplings/synchronize/", body, follow=True).content.decode()


def test_k85_coupled_resource_is_synchronised_from_its_list(hub: World, browser: Client) -> None:
    """139180 SyncResourceFromResourceListPage"""
    hub.switch(unit_group_mapping=True)
    resource = hub.bc.create("resources", number="R1", displayName="Crew", baseUnitOfMeasureCode="HOUR", unitPrice=50)
    for name in ("CURRENCY", "UNIT GROUP", "RESOURCE UOM", "RESOURCE-PRODUCT"):
        assert hub.run_full(name).failed == 0
    pair = hub.coupling("RESOURCE-PRODUCT", bc_key=resource)
    hub.bc.update("resources", resource, displayName="Night crew")
    page = choose(browser, [pair], Direction.TO_SALES)
    assert "1 of 1 queued" in page
    assert counted(SynchJob.objects.latest("pk")) == {"modified": 1}
    assert hub.sales.row("products", pair.sales_key, "name") == {"name": "Night crew"}


def test_k86_selection_says_how_many_were_taken_and_why_not_the_others(hub: World, browser: Client) -> None:
    """139180 SyncMultipleCustomers. docs/differences.md, “Synchronize Now”: a pair in step is not written, and one that
    was never synchronised takes the direction that was chosen for it."""
    hub.switch(ownership_model="person")
    in_step, changed, stuck = hub.pair("In step"), hub.pair("Changed"), hub.pair("Stuck")
    uncoupled = hub.customer("Uncoupled")
    never = hub.linked(hub.customer("Never"), hub.account("Newer in Sales"))
    hub.edit_account(changed, address1_city="Graz")
    hub.bc.create("salespeoplePurchasers", code="AB", displayName="Anna Bell")
    hub.edit_customer(stuck, salespersonCode="AB")
    look(hub, "customers", "accounts")
    chosen = [*(pair.bc_key for pair in (in_step, changed, never, stuck)), uncoupled]
    records = BusinessCentralRecord.objects.filter(table="customers", key__in=chosen)
    selection = {"action": "synchronize", "pk": [record.pk for record in records]}
    asked = browser.post(CUSTOMERS, selection).content.decode()
    assert "4 coupled records selected" in asked
    page = choose(browser, [in_step, changed, never, stuck], Direction.TO_SALES)
    assert "3 of 4 queued, 1 left out" in page
    assert "Dynamics 365 Sales has newer data" in page
    assert counted(SynchJob.objects.latest("pk")) == {"unchanged": 1, "modified": 1, "failed": 1}
    assert (hub.city_of_account(changed), hub.names(SALES)) == ("Graz", ["Changed", "In step", "Never", "Stuck"])


@pytest.mark.parametrize("edited", ["nothing", "customer", "account"])
def test_k87_chosen_direction_makes_the_account_equal_whatever_was_edited(
    hub: World, browser: Client, edited: str
) -> None:
    """139180 SyncSingleCustomerUnmodified, SyncSingleCustomerNAVModified, SyncSingleCustomerCRMModified"""
    pair = hub.pair()
    if edited == "customer":
        hub.edit_customer(pair, city="Bergen")
    elif edited == "account":
        hub.edit_account(pair, address1_city="Graz")
    page = question(browser, pair)
    assert all(choice in page for choice in ("Send to Sales", "Get from Sales", "Merge"))
    job = answer(browser, pair, Direction.TO_SALES)
    assert job.state == JobState.SUCCEEDED
    expected = "Bergen" if edited == "customer" else "Oslo"
    assert hub.city_of_account(pair) == hub.city_of_customer(pair) == expected


def test_k88_two_requests_before_any_job_ran_are_two_jobs_of_their_own_pair(hub: World, browser: Client) -> None:
    """139180 SyncSalespersonsSequently: no throw-away mappings; each job holds its pair, and the mapping stays one."""
    first, second = salespeople(hub, "AA", "BB")
    before = hub.connection.mappings.count()
    for pair in (first, second):
        hub.sales.update("systemusers", pair.sales_key, mobilephone=f"+47 {pair.pk}")
    jobs = [
        start_job(
            connection=hub.connection, mapping=pair.mapping, mode=JobMode.SELECTED, trigger=JobTrigger.USER,
            options=RunOptions(force_from=SALES).with_pairs([PairRef(pair.bc_key, pair.sales_key)]), hand_over=False,
        )
        for pair in (first, second)
    ]  # fmt: skip
    assert [RunOptions.from_json(job.options).pairs for job in jobs] == [
        (PairRef(pair.bc_key, pair.sales_key),) for pair in (first, second)
    ]
    for job, pair in zip(jobs, (first, second), strict=True):
        tasks.run_job(job.pk)
        job.refresh_from_db()
        assert counted(job) == {"modified": 1}
        assert hub.bc.row("salespeoplePurchasers", pair.bc_key, "phoneNo") == {"phoneNo": f"+47 {pair.pk}"}
    assert hub.connection.mappings.count() == before


@pytest.mark.parametrize("newer", [SALES, BC], ids=["newer_in_sales", "newer_in_business_central"])
def test_k89_one_way_pair_is_overwritten_after_a_warning_where_the_target_is_newer(
    hub: World, browser: Client, newer: System
) -> None:
    """139180 SyncSingleSalespersonCRMModified, SyncSingleSalespersonNAVModified"""
    (pair,) = salespeople(hub, "AA")
    hub.sales.update("systemusers", pair.sales_key, mobilephone="+47 1")
    hub.run("SALESPEOPLE")
    if newer == SALES:
        hub.sales.update("systemusers", pair.sales_key, mobilephone="+47 2")
    else:
        hub.bc.update("salespeoplePurchasers", pair.bc_key, phoneNo="+47 3")
    look(hub, "salespeoplePurchasers", "systemusers")
    page = question(browser, pair)
    assert ("It will be overwritten" in page) == (newer == BC)
    assert "Get from Sales" in page
    assert "Send to Sales" not in page
    assert counted(answer(browser, pair, Direction.TO_BUSINESS_CENTRAL)) == {"modified": 1}
    expected = "+47 2" if newer == SALES else "+47 1"
    assert hub.bc.row("salespeoplePurchasers", pair.bc_key, "phoneNo") == {"phoneNo": expected}


def test_k90_removed_primary_contact_is_removed_from_the_customer(hub: World, browser: Client) -> None:
    """139180 SyncSingleCustomerCRMPrimaryContactEmpty"""
    pair = hub.pair()
    make_contact(hub, "Ada", "King", pair.sales_key)
    assert hub.run_full("CONTACT").inserted == 1
    hub.run("CUSTOMER")
    assert hub.bc.row("workflowCustomers", pair.bc_key, "primaryContactNumber")["primaryContactNumber"]
    hub.edit_account(pair, **{"primarycontactid@odata.bind": None})
    job = answer(browser, pair, Direction.TO_BUSINESS_CENTRAL)
    assert (job.modified, job.failed) == (1, 0)
    assert hub.bc.row("workflowCustomers", pair.bc_key, "primaryContactNumber") == {"primaryContactNumber": ""}
