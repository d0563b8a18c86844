"""Failing, paused and broken pairs; notices, log and links (scenarios 46 to 66 of the coupling document).

Those that need no page stand with the engine's: 46 i64, 47 i65, 50 j71, 51 j72 and j73, 52 j74, 53 j75, 55 i69,
57 j77 and j78, 58 j79, 60 j82, 62 j84 of `tests/scenarios/engine`.
"""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from coupling.models import Coupling
from syncjobs.choices import JobMode
from syncjobs.models import Operation, SynchJob
from tests.engine.live import BC, SALES
from tests.scenarios.coupling.pages import Seller
from tests.scenarios.engine.test_i_failures import failing_pair, salesperson
from tests.scenarios.engine.test_j_errors_page import ERRORS, listed, skipped
from tests.scenarios.engine.world import counted


def test_46_second_failure_of_another_cause_does_not_pause(seller: Seller) -> None:
    """SK T101_SynchFailedDiffDoesNotMakeSkippedRec"""
    hub = seller.hub
    hub.switch(ownership_model="person")
    salesperson(hub, "AB")
    salesperson(hub, "CD")
    pair = failing_pair(hub, code="AB")
    assert counted(hub.run("CUSTOMER")) == {"failed": 1}
    hub.edit_customer(pair, salespersonCode="CD")
    assert counted(hub.run("CUSTOMER")) == {"failed": 1}
    pair.refresh_from_db()
    assert (pair.skipped_at, pair.failures) == (None, 1)


def test_48_conflict_is_tried_again_unchanged_and_paused(seller: Seller) -> None:
    """SK T107_FailedOnceRecordShouldBePickedForSyncUnchanged"""
    hub = seller.hub
    first, second = hub.pair("First"), hub.pair("Second")
    hub.edit_customer(first, city="Bergen")
    hub.edit_account(first, address1_city="Graz")
    hub.edit_account(second, address1_city="Gent")
    assert counted(hub.run("CUSTOMER")) == {"modified": 1, "conflicts": 1}
    again = hub.run("CUSTOMER")
    assert counted(again).get("modified", 0) == 0
    first.refresh_from_db()
    assert first.conflict
    assert hub.city_of_customer(second) == "Gent"
    assert listed(hub) == {first.pk}


def test_49_paused_pair_whose_other_side_changed_is_tried_again(seller: Seller) -> None:
    """SK T108_SkippedRecDoesNotGetRestoredByNewFailure. Ours differs, as design/API.md says: a change of either record
    ends the pause, and what goes through then leaves the list."""
    hub = seller.hub
    pair, other = skipped(hub, "Adatum", "Other")
    hub.edit_account(pair, address1_city="Graz")
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}
    assert listed(hub) == {other.pk}


def test_53_set_up_coupling_opens_for_the_row_and_cancelling_leaves_it(seller: Seller) -> None:
    """SK T125_CoupleActionOpensCouplingRecordPage"""
    first, second = skipped(seller.hub, "First", "Second")
    page = seller.client.get(ERRORS).text
    address = seller.address("CUSTOMER", first.bc_key)
    assert f'href="{address}"' in page
    assert seller.client.get(address).context["record"].key == first.bc_key
    assert listed(seller.hub) == {first.pk, second.pk}


def test_54_errors_page_leads_to_log_and_both_records(seller: Seller) -> None:
    """SK T130_SkippedRecsListOpenFromCRMConnectionSetup, T131_ShowSynchLogOpensLogForCurrentRec,
    T135_DrillDownOnDescriptionOpensCardPage, T136_DrillDownOnIntDescriptionOpensHyperlink"""
    hub = seller.hub
    pairs = skipped(hub, "First", "Second")
    page = seller.client.get(ERRORS).text
    for pair in pairs:
        place = {"connection": "default", "pk": pair.pk}
        assert reverse("coupling-log", kwargs=place) in page
        assert f'href="{reverse("coupling-detail", kwargs=place)}"' in page
        assert f"etn=account&amp;id={pair.sales_key}" in page
        assert "Did not work." in page
        log = seller.client.get(reverse("coupling-log", kwargs=place))
        mine = set(Operation.objects.filter(coupling=pair, preview=False).values_list("job_id", flat=True))
        assert {job.id for job, _ in log.context["jobs"]} == mine


def test_56_page_of_a_paused_record_leads_to_its_error_alone(seller: Seller) -> None:
    """SK T140_NotificationOnSkippedRecord"""
    first, second = skipped(seller.hub, "First", "Second")
    address = f"{ERRORS}?coupling={first.pk}"
    assert address in seller.page_of(first)
    page = seller.client.get(address)
    assert [row.pk for row in page.context["table"].data] == [first.pk]
    assert second.pk in listed(seller.hub)


@pytest.mark.parametrize("gone", [BC, SALES])
def test_59_actions_follow_from_what_is_left(seller: Seller, gone: str) -> None:
    """SK T170_RestoreSyncLogActionsDisabledIfNAVRecordDeleted, T171_RestoreSyncActionsDisabledIfCRMRecordDeleted"""
    (pair,) = skipped(seller.hub, "Adatum")
    Coupling.objects.filter(pk=pair.pk).update(missing=gone)
    page, listing = seller.page_of(pair), seller.client.get(ERRORS).text
    assert "Delete coupling" in page
    assert "Restore the missing record" in page
    assert "Synchronize Now" not in page
    assert ">Retry<" not in page
    assert (f'href="{seller.address("CUSTOMER", pair.bc_key)}"' in listing) == (gone == SALES)


def test_61_pair_without_both_records_vanishes_when_the_page_opens(seller: Seller) -> None:
    """SK T180_CouplingDeletedOnOpenIfBothRecsDeleted"""
    (pair,) = skipped(seller.hub, "Adatum")
    Coupling.objects.filter(pk=pair.pk).update(missing="both")
    assert list(seller.client.get(ERRORS).context["table"].data) == []
    assert not Coupling.objects.exists()


def test_62_deleted_account_fails_once_and_is_paused_the_second_time(seller: Seller) -> None:
    """CR TestDeletedCustomerCouplingKeptUndeleted"""
    hub = seller.hub
    pair = hub.pair("Adatum")
    hub.sales.delete("accounts", pair.sales_key)
    for _ in range(2):
        hub.run("CUSTOMER")
    pair.refresh_from_db()
    assert pair.missing == SALES
    assert listed(hub) == {pair.pk}


def test_63_banner_shows_the_newest_failure_and_goes_with_success(seller: Seller) -> None:
    """NO CustomerCardPageShowsNotificationOnFailedSyncForCoupledRec, …AfterSuccessfulSync"""
    hub = seller.hub
    hub.switch(ownership_model="person")
    person = salesperson(hub)
    pair = failing_pair(hub)
    hub.run("CUSTOMER")
    assert seller.page_of(pair).count("The last attempt failed") == 1
    hub.edit_customer(pair, salespersonCode="")
    hub.run("CUSTOMER")
    assert "The last attempt failed" not in seller.page_of(pair)
    assert person


def test_63_failed_first_creation_shows_on_the_uncoupled_record(seller: Seller) -> None:
    """NO CustomerCardPageShowsNotificationOnFailedSyncForUncoupledRec,
    ItemCardPageIsNotShowNotificationOnDeletedFailedSyncToCRM"""
    hub = seller.hub
    hub.switch(ownership_model="person")
    salesperson(hub)
    customer = hub.customer("Adatum", salespersonCode="AB")
    seller.reads("CUSTOMER")
    seller.confirms("CUSTOMER", customer, create="1")
    failed = Operation.objects.get(state="failed", bc_key=customer)
    assert failed.error_message in seller.sets_up("CUSTOMER", customer).text
    SynchJob.objects.all().delete()
    Operation.objects.all().delete()
    assert failed.error_message not in seller.sets_up("CUSTOMER", customer).text


def test_63_banners_are_folded_away_per_person_and_kind(seller: Seller) -> None:
    """Ours: a banner of one kind can be switched off, and on again."""
    (pair,) = skipped(seller.hub, "Adatum")
    address = reverse("coupling-banner", kwargs={"connection": "default", "pk": pair.pk})
    assert "problem-folded" not in seller.page_of(pair)
    seller.client.post(address)
    assert "problem-folded" in seller.page_of(pair)
    Coupling.objects.filter(pk=pair.pk).update(skipped_at=None)
    assert "problem-folded" not in seller.page_of(pair)
    Coupling.objects.filter(pk=pair.pk).update(skipped_at=timezone.now())
    seller.client.post(address, {"show": "1"})
    assert "problem-folded" not in seller.page_of(pair)


def test_64_log_shows_the_jobs_of_the_record_or_those_of_its_mapping(seller: Seller) -> None:
    """NO CustomerCardPageShowsSynchJobsForRelatedMapping, CustomerListPageShowsSynchJobsForRelatedMapping"""
    hub = seller.hub
    pair = hub.pair("Adatum")
    hub.run("CURRENCY", JobMode.FULL)
    address = reverse("coupling-log", kwargs={"connection": "default", "pk": pair.pk})
    touched = set(Operation.objects.filter(coupling=pair, preview=False).values_list("job_id", flat=True))
    assert {job.id for job, _ in seller.client.get(address).context["jobs"]} == touched
    Operation.objects.all().delete()
    mine = set(SynchJob.objects.filter(mapping__name="CUSTOMER").values_list("pk", flat=True))
    assert {job.id for job, _ in seller.client.get(address).context["jobs"]} == mine


def test_65_result_is_noted_for_its_direction_only(seller: Seller) -> None:
    """NO LastSyncToCRMSuccessMarkedCRMIntegrationRec, LastSyncToCRMFailedOnModifyMarkedCRMIntegrationRec,
    SendResultNotificationSendsFailureNotificationIfFailedJobIsTheLast"""
    hub = seller.hub
    hub.switch(ownership_model="person")
    pair = hub.pair("Adatum")
    hub.edit_account(pair, address1_city="Graz")
    hub.run("CUSTOMER")
    first = dict(_ways(seller, pair))
    assert first[BC].state == "settled"
    before = first[SALES]
    salesperson(hub)
    hub.edit_customer(pair, salespersonCode="AB")
    hub.run("CUSTOMER")
    then = dict(_ways(seller, pair))
    assert (then[BC].state, then[SALES].state) == ("settled", "failed")
    assert then[SALES].at - before.at > timedelta(0)
    assert "The last attempt failed towards" in seller.page_of(pair)


def _ways(seller: Seller, pair: Coupling):
    place = {"connection": "default", "pk": pair.pk}
    return seller.client.get(reverse("coupling-detail", kwargs=place)).context["ways"]


def test_65_field_by_field_takes_each_side_that_was_ticked(seller: Seller) -> None:
    """Ours: the winner per field, from the page and from the REST API."""
    hub = seller.hub
    pair = hub.pair("Adatum")
    hub.edit_customer(pair, city="Bergen", phoneNumber="111")
    hub.edit_account(pair, address1_city="Graz", telephone1="222")
    seller.reads("CUSTOMER")
    address = reverse("coupling-synchronize", kwargs={"connection": "default", "pk": pair.pk})
    assert "Decide field by field" in seller.client.get(address).text
    left_open = seller.client.post(address, {"direction": "fields", "field-city": "sales"}, follow=True)
    assert "Tick the side that wins for" in left_open.text
    ticked = {"direction": "fields", "field-city": "sales", "field-phoneNumber": "business_central"}
    seller.client.post(address, ticked)
    assert (hub.city_of_customer(pair), hub.city_of_account(pair)) == ("Graz", "Graz")
    assert hub.sales.row("accounts", pair.sales_key, "telephone1") == {"telephone1": "111"}


def test_65_winner_per_field_over_rest(seller: Seller, api) -> None:
    hub = seller.hub
    pair = hub.pair("Adatum")
    hub.edit_customer(pair, city="Bergen")
    hub.edit_account(pair, address1_city="Graz")
    seller.reads("CUSTOMER")
    client = api("salesperson")
    both = {"direction": "to_sales", "fields": {"city": "sales"}}
    assert client.post(f"couplings/{pair.pk}/synchronize/", both).status_code == 400
    wrong = {"fields": {"nowhere": "sales"}}
    assert client.post(f"couplings/{pair.pk}/synchronize/", wrong).status_code == 400
    assert client.post(f"couplings/{pair.pk}/synchronize/", {"fields": {"city": "sales"}}).status_code == 202
    assert (hub.city_of_customer(pair), hub.city_of_account(pair)) == ("Graz", "Graz")


def test_66_open_in_sales_names_table_and_id(seller: Seller) -> None:
    """NV TestNavigateToCRMAccountFromCustomerCard, TestNavigateToCRMAccountFromCustomerList, …OpportunitiesList"""
    hub = seller.hub
    pair = hub.pair("Adatum")
    seller.reads("CUSTOMER")
    wanted = f"main.aspx?pagetype=entityrecord&etn=account&id={pair.sales_key}"
    assert wanted.replace("&", "&amp;") in seller.page_of(pair)
    address = f"/c/default/records/business_central/customers/{pair.bc_key}/open/"
    assert f'href="{address}"' in seller.lists("customers").text
    assert seller.client.get(address).url.endswith(wanted)
    from_sales = seller.client.get("/c/default/open/", {"etn": "account", "id": str(pair.sales_key)})
    assert str(hub.bc.row("customers", pair.bc_key, "number")["number"]) in from_sales.url
