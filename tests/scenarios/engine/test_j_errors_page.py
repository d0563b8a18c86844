"""J. The error list and its actions (scenarios 71 to 84)."""

from typing import Any

from django.test import Client
from django.utils import timezone

from connector.choices import Direction, System
from coupling.choices import CouplingState
from coupling.models import Coupling
from syncjobs.choices import JobMode, JobState
from syncjobs.models import Operation, SynchJob
from syncjobs.views.errors import troubled_couplings
from tests.coupling.factories import make_person
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World

ERRORS = "/c/default/errors/"


def skipped(hub: World, *names: str) -> list[Coupling]:
    """Coupled customers that a failure parked."""
    pairs = [hub.pair(name) for name in names]
    Coupling.objects.filter(pk__in=[pair.pk for pair in pairs]).update(
        error_code="engine.test", error_message="Did not work.", skipped_at=timezone.now(), failures=2
    )
    return pairs


def page(address: str = ERRORS) -> str:
    client = Client()
    client.force_login(make_person("reader", "salesperson"))
    return client.get(address).content.decode()


def listed(hub: World) -> set[int]:
    return {pair.pk for pair in troubled_couplings(hub.connection)}


def act(name: str, pairs: list[Coupling]) -> str:
    """A bulk action of the errors page; the sentence that answers it."""
    client = Client()
    client.force_login(make_person("actor", "salesperson"))
    body = {"action": name, "selection": [pair.pk for pair in pairs], "confirmed": "yes"}
    return client.post(ERRORS, body, follow=True).content.decode()


def test_j71_retry_of_one_leaves_the_other_and_of_all_empties_the_list(hub: World, api) -> None:
    """139186 T110_RestoreOfOneSkippedRecRemovesSkippedMarker, T116_RestoreAllRestoresAllRecs"""
    first, second, third = skipped(hub, "First", "Second", "Third")
    assert api("salesperson").post(f"couplings/{first.pk}/retry/").status_code == 202
    assert listed(hub) == {second.pk, third.pk}
    answer = api("salesperson").post("couplings/bulk/", {"action": "retry", "couplings": [second.pk, third.pk]})
    assert answer.status_code == 202
    assert listed(hub) == set()


def test_j72_synchronising_a_skipped_salesperson_lifts_its_mark(hub: World, api) -> None:
    """139186 T120_SynchronizeForcesSyncOfSelectedSkippedRecord"""
    hub.switch(ownership_model="person")
    users = [
        row.key
        for row in hub.sales.client.query("systemusers", properties=["isdisabled", "applicationid"])
        if not row.values["isdisabled"] and not row.values["applicationid"]
    ][:2]
    pairs = [
        hub.linked(hub.bc.create("salespeoplePurchasers", code=code, displayName=code), user, "SALESPEOPLE")
        for code, user in zip(("AA", "BB"), users, strict=True)
    ]
    hub.run("SALESPEOPLE", JobMode.FULL)
    Coupling.objects.update(error_code="engine.test", skipped_at=timezone.now())
    answer = api("salesperson").post(f"couplings/{pairs[0].pk}/synchronize/", {"retry": True})
    assert answer.status_code == 202
    assert listed(hub) == {pairs[1].pk}


def test_j73_direction_chosen_for_a_skipped_pair_overwrites_the_other_side(hub: World, api) -> None:
    """139186 T121_SynchronizeOfBidirectionalTableRequestsDirection"""
    first, second = skipped(hub, "First", "Second")
    for pair in (first, second):
        hub.edit_account(pair, address1_city="Graz")
    body = {"direction": Direction.TO_SALES, "retry": True}
    assert api("salesperson").post(f"couplings/{first.pk}/synchronize/", body).status_code == 202
    assert (hub.city_of_account(first), hub.city_of_account(second)) == ("Oslo", "Graz")
    assert listed(hub) == {second.pk}


def test_j74_pair_with_a_missing_side_is_left_out_of_a_bulk_synchronisation(hub: World, api) -> None:
    """139186 T123_SetSelectionFilterShouldExcludeDeletedCouplings"""
    pairs = skipped(hub, "First", "Second", "Third")
    hub.bc.delete("customers", pairs[0].bc_key)
    hub.run("CUSTOMER", JobMode.BROKEN)
    body = {"action": "retry", "couplings": [pair.pk for pair in pairs]}
    assert api("salesperson").post("couplings/bulk/", body).status_code == 202
    assert listed(hub) == {pairs[0].pk}


def test_j75_uncoupling_takes_one_line_also_where_the_record_is_gone(hub: World, api) -> None:
    """139186 T126_DeleteCouplingActionDeletesCouplingRecord,
    T127_DeleteCouplingActionDeletesCouplingForRemovedNAVRecord"""
    first, second, third = skipped(hub, "First", "Second", "Third")
    hub.bc.delete("customers", second.bc_key)
    for pair in (first, second):
        assert api("salesperson").delete(f"couplings/{pair.pk}/").status_code in (202, 204)
    assert list(Coupling.objects.values_list("pk", flat=True)) == [third.pk]
    assert hub.exists(SALES, "accounts", second.sales_key)


def test_j76_every_line_has_its_own_message_also_without_its_job(hub: World) -> None:
    """139186 T130_SkippedRecsListOpenFromCRMConnectionSetup, T137_ErrorIsBlankIfJobEntryDoesNotExist: the message is
    kept with the pair, so it survives the job."""
    first, second = skipped(hub, "First", "Second")
    Coupling.objects.filter(pk=first.pk).update(error_message="The first reason.")
    Coupling.objects.filter(pk=second.pk).update(error_message="Another reason.")
    SynchJob.objects.all().delete()
    text = page()
    assert "The first reason." in text
    assert "Another reason." in text


def test_j77_delete_record_removes_the_survivor_and_the_coupling(hub: World, api) -> None:
    """139186 T160_RemoveDeletedCoupledRecordInNAV, T161_RemoveDeletedCoupledRecordInCRM"""
    first, second = hub.pair("First"), hub.pair("Second")
    hub.bc.delete("customers", first.bc_key)
    hub.sales.delete("accounts", second.sales_key)
    hub.run("CUSTOMER")
    for pair in (first, second):
        assert api("salesperson").post(f"couplings/{pair.pk}/delete-record/").status_code == 202
    assert hub.names(BC) == hub.names(SALES) == []
    assert not Coupling.objects.exists()


def test_j78_deletion_that_sales_refuses_keeps_the_line(hub: World, api) -> None:
    """139186 T163_RemoveDeletedCoupledCRMRecordWithNoDeletePermission"""
    pair = hub.pair()
    hub.bc.delete("customers", pair.bc_key)
    hub.run("CUSTOMER")
    hub.sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvDeleteAccount"]}})
    answer = api("salesperson").post(f"couplings/{pair.pk}/delete-record/")
    job = SynchJob.objects.get(pk=answer.json()["jobs"][0]["id"])
    assert job.state in (JobState.FAILED, JobState.PARTLY)
    assert "prvDeleteAccount" in str(list(Operation.objects.filter(job=job).values_list("error_message", "error_hint")))
    assert hub.names(SALES) == ["Adatum"]
    assert listed(hub) == {pair.pk}


def test_j79_restored_customer_has_a_new_number_and_the_accounts_name(hub: World, api) -> None:
    """139186 T165_RestoreDeletedRecordInNAV"""
    pair = hub.pair()
    number = hub.bc.row("customers", pair.bc_key, "number")["number"]
    hub.edit_account(pair, name="Renamed meanwhile")
    hub.bc.delete("customers", pair.bc_key)
    hub.run("CUSTOMER")
    assert api("salesperson").post(f"couplings/{pair.pk}/restore/").status_code == 202
    made = hub.coupling("CUSTOMER", sales_key=pair.sales_key)
    row = hub.bc.row("customers", made.bc_key, "number", "displayName")
    assert row["displayName"] == "Renamed meanwhile"
    assert row["number"] != number
    assert listed(hub) == set()


def test_j80_restore_takes_only_pairs_that_miss_a_side(hub: World, api) -> None:
    """139186 T167_RestoreDeletedRecords"""
    first, second, third = skipped(hub, "First", "Second", "Third")
    hub.bc.delete("customers", first.bc_key)
    hub.sales.delete("accounts", second.sales_key)
    hub.run("CUSTOMER", JobMode.BROKEN)
    body = {"action": "restore", "couplings": [first.pk, second.pk, third.pk]}
    assert api("salesperson").post("couplings/bulk/", body).status_code == 202
    assert hub.names(BC) == hub.names(SALES) == ["First", "Second", "Third"]
    assert Coupling.objects.with_state().get(pk=third.pk).state == CouplingState.SKIPPED


def test_j81_actions_follow_from_which_records_exist(hub: World, api) -> None:
    """139186 T170_RestoreSyncLogActionsDisabledIfNAVRecordDeleted, T171_RestoreSyncActionsDisabledIfCRMRecordDeleted,
    T172_RemoveRestoreDeletedActionDisabledIfBothRecsExist"""
    gone, whole = skipped(hub, "Gone", "Whole")
    hub.bc.delete("customers", gone.bc_key)
    hub.run("CUSTOMER", JobMode.BROKEN)
    client = api("salesperson")
    for action in ("restore", "delete-record"):
        assert client.post(f"couplings/{whole.pk}/{action}/").status_code == 409
    assert client.post(f"couplings/{gone.pk}/restore/").status_code == 202


def test_j82_moving_a_skipped_pair_to_another_row_takes_it_off_the_list(hub: World, api) -> None:
    """139186 T175_SetupCouplingConfirmedForDeletedCRMRec, T176_SetupCouplingCancelledForDeletedCRMRec"""
    (pair,) = skipped(hub, "Adatum")
    hub.sales.delete("accounts", pair.sales_key)
    other = hub.account("Another row")
    body: dict[str, Any] = {"sales_id": str(other), "synchronize": Direction.TO_SALES}
    assert api("salesperson").patch(f"couplings/{pair.pk}/", body).status_code == 200
    assert hub.coupling("CUSTOMER", bc_key=pair.bc_key).sales_key == other
    assert hub.sales.row("accounts", other, "name")["name"] == "Adatum"
    assert listed(hub) == set()


def test_j83_list_shows_only_what_is_still_in_trouble(hub: World) -> None:
    """139186 T190_UpdateSourceTableRemovesNotSkippedRecords, T191_UpdateSourceTableRemovesNotExistingCouplings"""
    first, second, third = skipped(hub, "First", "Second", "Third")
    Coupling.objects.filter(pk=first.pk).mark_retry()
    second.delete()
    text = page()
    assert "Third" in text
    assert "First" not in text
    assert "Second" not in text
    assert third.pk in listed(hub)


def test_j84_find_broken_lists_pairs_whose_customer_is_gone(hub: World, api) -> None:
    """139186 T200_FindMoreMarksBrokenCouplingsAsSkipped"""
    pair = hub.pair()
    hub.set("CUSTOMER", direction=Direction.TO_SALES)
    hub.bc.delete("customers", pair.bc_key)
    assert listed(hub) == set()
    assert api("operator").post("mappings/CUSTOMER/find-broken/").status_code == 202
    assert listed(hub) == {pair.pk}
    assert Coupling.objects.get().missing == System.BUSINESS_CENTRAL
