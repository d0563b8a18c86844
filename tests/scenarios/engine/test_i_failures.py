"""I. Failures and skipped pairs (scenarios 64 to 70)."""

from typing import Any

import pytest
from django.test import Client

from connector.choices import Direction
from coupling.choices import CouplingState
from coupling.models import Coupling
from coupling.services.couplings import couple
from syncjobs.choices import JobMode
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import SynchJob
from syncjobs.services.jobs import retry_couplings
from syncjobs.views.errors import troubled_couplings
from tests.coupling.factories import make_person
from tests.engine.live import BC
from tests.scenarios.engine.world import World, counted


def state(pair: Coupling) -> str:
    return str(Coupling.objects.with_state().get(pk=pair.pk).state)


def salesperson(hub: World, code: str = "AB") -> Any:
    return hub.bc.create("salespeoplePurchasers", code=code, displayName="Anna Bell", email="anna@contoso.example")


def failing_pair(hub: World, name: str = "Adatum", code: str = "AB") -> Coupling:
    """A coupled customer whose salesperson is coupled with nobody."""
    pair = hub.pair(name)
    hub.edit_customer(pair, salespersonCode=code)
    return pair


@pytest.fixture
def owned(hub: World) -> World:
    hub.switch(ownership_model="person")
    return hub


def test_i64_pair_that_failed_once_is_carried_as_soon_as_the_cause_is_gone(owned: World) -> None:
    """139186 T100_SynchFailedOnceDoesNotMakeSkippedRec"""
    person = salesperson(owned)
    pair = failing_pair(owned)
    assert counted(owned.run("CUSTOMER")) == {"failed": 1}
    user = next(
        row.key
        for row in owned.sales.client.query("systemusers", properties=["islicensed", "isdisabled", "applicationid"])
        if row.values["islicensed"] and not (row.values["isdisabled"] or row.values["applicationid"])
    )
    couple(mapping=owned.mapping("SALESPEOPLE"), bc_key=person, sales_key=user)
    job = owned.run("CUSTOMER")
    assert (job.modified, job.failed) == (1, 0)
    assert not troubled_couplings(owned.connection).filter(pk=pair.pk).exists()


def test_i65_same_failure_twice_makes_the_pair_skipped(owned: World) -> None:
    """139186 T105_SynchFailedTwiceMakesSkippedRec"""
    salesperson(owned)
    pair = failing_pair(owned)
    owned.run("CUSTOMER")
    assert counted(owned.run("CUSTOMER")) == {"skipped": 1}
    assert state(pair) == CouplingState.SKIPPED
    assert troubled_couplings(owned.connection).get() == pair


def test_i66_synchronize_now_says_that_a_pair_is_skipped(owned: World, api) -> None:
    """139186 T106_SkippedRecIsSkippedByNormaljob"""
    salesperson(owned)
    pair = failing_pair(owned)
    for _ in range(2):
        owned.run("CUSTOMER")
    options = RunOptions().with_pairs([PairRef(pair.bc_key, pair.sales_key)])
    assert counted(owned.run("CUSTOMER", JobMode.SELECTED, options=options)) == {"skipped": 1}
    answer = api("salesperson").post(f"couplings/{pair.pk}/synchronize/", {})
    assert (answer.status_code, "skipped" in answer.json()["detail"]) == (409, True)
    assert state(pair) == CouplingState.SKIPPED


def test_i67_conflict_of_one_pair_leaves_the_others_alone(hub: World) -> None:
    """139186 T107_FailedOnceRecordShouldBePickedForSyncUnchanged: a conflict waits for a person and is not skipped."""
    first, second = hub.pair("First"), hub.pair("Second")
    hub.edit_customer(first, city="Bergen")
    hub.edit_account(first, address1_city="Graz")
    hub.edit_account(second, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"conflicts": 1, "modified": 1}
    hub.run("CUSTOMER")
    assert (state(first), state(second)) == (CouplingState.CONFLICT, CouplingState.IN_SYNC)
    assert hub.city_of_customer(second) == "Graz"


def test_i68_skipped_pair_is_carried_after_its_cause_was_removed(owned: World) -> None:
    """139186 T115_RestoredRecIsNotSkippedIfSynchSuccessful"""
    salesperson(owned)
    pair = failing_pair(owned)
    for _ in range(2):
        owned.run("CUSTOMER")
    owned.edit_customer(pair, salespersonCode="", displayName="Renamed")
    (job,) = retry_couplings(couplings=[pair], user=None)
    job.refresh_from_db()
    assert (job.modified, job.failed) == (1, 0)
    assert not troubled_couplings(owned.connection).exists()


def test_i69_jobs_that_a_skipped_pair_refers_to_are_kept(owned: World, api) -> None:
    """139186 T138_CannotRemoveReferencedJobEntry"""
    salesperson(owned)
    unrelated = owned.run("CURRENCY")
    failing_pair(owned)
    owned.run("CUSTOMER")
    last = owned.run("CUSTOMER")
    client = api("administrator")
    assert client.delete(f"jobs/{last.pk}/").status_code == 409
    assert client.delete(f"jobs/{unrelated.pk}/").status_code == 204
    assert SynchJob.objects.filter(pk=last.pk).exists()


def test_i70_page_of_a_skipped_pair_says_so(owned: World) -> None:
    """139186 T140_NotificationOnSkippedRecord"""
    salesperson(owned)
    pair = failing_pair(owned)
    for _ in range(2):
        owned.run("CUSTOMER")
    client = Client()
    client.force_login(make_person("reader", "salesperson"))
    page = client.get(f"/c/default/couplings/{pair.pk}/").content.decode()
    assert "skipped" in page.lower()
    assert "AB" in page


def test_i70_direction_by_hand_reaches_a_failing_pair_once(owned: World) -> None:
    """139186 T140: the run asked for by hand is tried and fails with the same reason."""
    salesperson(owned)
    pair = failing_pair(owned)
    job = owned.force(pair, BC)
    assert (counted(job), job.direction) == ({"failed": 1}, Direction.BIDIRECTIONAL)
