"""Conflict policies per field and deletions that travel: what the hub adds to the scenarios F and G."""

import pytest

from connector.choices import Direction
from coupling.choices import CouplingState, DeletionConflict, UpdateConflict
from coupling.models import Coupling
from syncjobs.choices import JobState, OperationKind
from syncjobs.models import Operation, SynchJob
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World, counted

PROPAGATE = DeletionConflict.PROPAGATE


def test_field_policy_settles_its_field_and_leaves_the_others_to_the_mapping(hub: World, api) -> None:
    pair = hub.pair(phoneNumber="1")
    fields = api("administrator").get("mappings/CUSTOMER/fields/", page_size=100).json()["results"]
    city = next(row for row in fields if row["sales_attribute"] == "address1_city")
    assert city["update_conflict_resolution"] == ""
    answer = api("administrator").patch(
        f"mappings/CUSTOMER/fields/{city['id']}/", {"update_conflict_resolution": UpdateConflict.GET_FROM_SALES}
    )
    assert answer.json()["update_conflict_resolution"] == UpdateConflict.GET_FROM_SALES
    hub.set("CUSTOMER", update_conflict_resolution=UpdateConflict.SEND_TO_SALES)
    hub.edit_customer(pair, city="Bergen", phoneNumber="2")
    hub.edit_account(pair, address1_city="Graz", telephone1="3")
    assert counted(hub.run("CUSTOMER")) == {"modified": 2}
    assert hub.city_of_customer(pair) == "Graz"
    assert hub.sales.row("accounts", pair.sales_key, "telephone1")["telephone1"] == "2"


def test_field_may_wait_for_a_person_although_the_mapping_has_a_policy(hub: World) -> None:
    hub.set("CUSTOMER", update_conflict_resolution=UpdateConflict.SEND_TO_SALES)
    hub.set_field("CUSTOMER", "address1_city", update_conflict_resolution=UpdateConflict.NONE)
    pair = hub.pair()
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"conflicts": 1}
    assert hub.city_of_account(pair) == "Graz"


@pytest.mark.parametrize("gone", [BC, SALES])
def test_deletion_travels(hub: World, gone: str) -> None:
    hub.set("CUSTOMER", deletion_conflict_resolution=PROPAGATE)
    pair, kept = hub.pair("Gone"), hub.pair("Kept")
    if gone == BC:
        hub.bc.delete("customers", pair.bc_key)
    else:
        hub.sales.delete("accounts", pair.sales_key)
    assert counted(hub.run("CUSTOMER")) == {"deleted": 1}
    assert hub.names(BC) == hub.names(SALES) == ["Kept"]
    assert Coupling.objects.get() == kept
    assert Operation.objects.filter(kind=OperationKind.DELETE).count() == 1


def test_deletion_does_not_travel_against_the_mappings_direction(hub: World) -> None:
    hub.set("CUSTOMER", deletion_conflict_resolution=PROPAGATE)
    pair = hub.pair()
    hub.set("CUSTOMER", direction=Direction.TO_BUSINESS_CENTRAL)
    hub.bc.delete("customers", pair.bc_key)
    assert counted(hub.run("CUSTOMER")) == {"failed": 1}
    assert hub.names(SALES) == ["Adatum"]


def test_record_that_was_changed_meanwhile_is_not_deleted(hub: World) -> None:
    hub.set("CUSTOMER", deletion_conflict_resolution=PROPAGATE)
    pair = hub.pair()
    hub.edit_account(pair, telephone1="Somebody works here")
    hub.bc.delete("customers", pair.bc_key)
    assert counted(hub.run("CUSTOMER")) == {"failed": 1}
    pair.refresh_from_db()
    assert (pair.error_code, hub.names(SALES)) == ("engine.survivor_changed", ["Adatum"])


def test_many_deletions_wait_until_an_administrator_confirms_them(hub: World, api, settings) -> None:
    settings.COUPLET_DELETIONS_WITHOUT_ASKING = 2
    hub.set("CUSTOMER", deletion_conflict_resolution=PROPAGATE)
    pairs = [hub.pair(f"Gone {number}") for number in range(3)]
    for pair in pairs:
        hub.bc.delete("customers", pair.bc_key)
    for _ in range(3):
        job = hub.run("CUSTOMER")
        assert (job.state, counted(job)) == (JobState.PARTLY, {"failed": 3})
        assert "3 records would be deleted" in job.message
    assert len(hub.names(SALES)) == 3
    assert set(Coupling.objects.values_list("error_code", flat=True)) == {"engine.deletions_held"}
    assert {pair.state for pair in Coupling.objects.with_state()} == {CouplingState.BROKEN}
    body = {"mode": "modified", "confirm_deletions": True}
    assert api("operator").post("mappings/CUSTOMER/synchronize/", body).status_code == 403
    answer = api("administrator").post("mappings/CUSTOMER/synchronize/", body)
    assert counted(SynchJob.objects.get(pk=answer.json()["job"]["id"])) == {"deleted": 3}
    assert (hub.names(SALES), Coupling.objects.count()) == ([], 0)
