"""Failures in whole runs: what a bad record does to the others, when a pair is parked, and what takes it up again."""

from collections.abc import Sequence

import pytest

from connector.choices import System
from coupling.choices import DeletionConflict
from coupling.models import Coupling
from syncjobs.choices import JobState, OperationState
from syncjobs.models import Operation, SynchJob
from syncjobs.services.jobs import retry_couplings
from tests.engine.live import BC, SALES, Hub

NO_COUNTRY, NO_OTHER_COUNTRY = "Atlantis", "Lemuria"
"""Business Central has neither and refuses the record."""


def coupled_accounts(hub: Hub, count: int) -> list[Coupling]:
    hub.create_accounts(count)
    assert hub.run_full("CUSTOMER").inserted == count
    return list(Coupling.objects.order_by("sales_key"))


def set_country(hub: Hub, couplings: Sequence[Coupling], country: str | None) -> None:
    for coupling in couplings:
        hub.sales.update("accounts", coupling.sales_key, address1_country=country)


def country_of(hub: Hub, coupling: Coupling) -> str:
    return str(hub.bc.row("customers", coupling.bc_key, "country")["country"])


def marks(couplings: Sequence[Coupling]) -> list[tuple[str, int, bool]]:
    """Error code, failures in a row, and whether it is parked, of each."""
    keys = [coupling.pk for coupling in couplings]
    rows = Coupling.objects.filter(pk__in=keys).order_by("sales_key")
    return [(row.error_code, row.failures, row.skipped_at is not None) for row in rows]


def test_bad_records_among_hundreds_fail_alone_and_cost_few_requests(hub: Hub) -> None:
    good, bad = 250, 3
    hub.create_accounts(good)
    hub.create(
        hub.sales, "accounts",
        [{"name": f"Bad {number}", "customertypecode": 3, "address1_country": NO_COUNTRY} for number in range(bad)],
    )  # fmt: skip
    hub.requests()
    job = hub.run_full("CUSTOMER")
    assert (job.state, job.inserted, job.failed) == (JobState.PARTLY, good, bad)
    assert {row["displayName"] for row in hub.bc.rows("customers", "displayName")} == {
        f"Account {number}" for number in range(good)
    }
    failed = Operation.objects.filter(job=job, state=OperationState.FAILED)
    assert all(each.error_message and each.error_code and each.error_hint for each in failed)
    assert hub.request_count() < 60


def test_bad_updates_among_hundreds_fail_alone(hub: Hub) -> None:
    couplings = coupled_accounts(hub, 150)
    set_country(hub, couplings[:2], NO_COUNTRY)
    for coupling in couplings[2:40]:
        hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    job = hub.run("CUSTOMER")
    assert (job.state, job.modified, job.failed) == (JobState.PARTLY, 38, 2)
    assert [mark[1:] for mark in marks(couplings[:3])] == [(1, False), (1, False), (0, False)]


def test_another_failure_of_the_same_record_does_not_park_it(hub: Hub) -> None:
    couplings = coupled_accounts(hub, 1)
    set_country(hub, couplings, NO_COUNTRY)
    hub.run("CUSTOMER")
    set_country(hub, couplings, NO_OTHER_COUNTRY)
    hub.run("CUSTOMER")
    assert marks(couplings)[0][1:] == (1, False)
    hub.run("CUSTOMER")
    assert marks(couplings)[0][1:] == (2, True)


def test_parked_pair_is_tried_again_when_either_side_changes(hub: Hub) -> None:
    couplings = coupled_accounts(hub, 2)
    set_country(hub, couplings, NO_COUNTRY)
    for _ in range(3):
        hub.run("CUSTOMER")
    assert [parked for *_, parked in marks(couplings)] == [True, True]
    hub.bc.update("customers", couplings[0].bc_key, phoneNumber="1")
    set_country(hub, couplings[1:], "DE")
    job = hub.run("CUSTOMER")
    # The first's new number reaches Sales while its country is refused once more; the second was put right.
    assert (job.modified, job.failed) == (2, 1)
    assert [parked for *_, parked in marks(couplings)] == [False, False]
    assert country_of(hub, couplings[1]) == "DE"


def test_parked_pair_is_tried_again_when_what_it_waits_for_is_coupled(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    hub.bc.update("customers", key, currencyCode="USD")
    for _ in range(2):
        hub.run("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    assert marks([coupling])[0][1:] == (2, True)
    hub.run_full("CURRENCY")
    job = hub.run("CUSTOMER")
    assert (job.state, job.modified) == (JobState.SUCCEEDED, 1)
    assert marks([coupling]) == [("", 0, False)]


def test_uncoupled_record_is_tried_again_when_what_it_waits_for_is_coupled(hub: Hub) -> None:
    hub.connection.mappings.filter(name="CUSTOMER").update(synch_only_coupled_records=False)
    hub.bc.create("customers", displayName="Adatum", currencyCode="USD")
    assert [hub.run("CUSTOMER").failed for _ in range(3)] == [1, 1, 0]
    hub.run_full("CURRENCY")
    assert hub.run("CUSTOMER").inserted == 1


def test_parked_pairs_are_retried_in_bulk_by_one_job(hub: Hub) -> None:
    couplings = coupled_accounts(hub, 30)
    set_country(hub, couplings, NO_COUNTRY)
    for _ in range(2):
        hub.run("CUSTOMER")
    assert all(parked for *_, parked in marks(couplings))
    # The country is made in Business Central: neither record changes, so only a person can know.
    hub.bc.create("countriesRegions", code=NO_COUNTRY.upper(), displayName=NO_COUNTRY)
    assert hub.run("CUSTOMER").total == 0
    (job,) = retry_couplings(couplings=couplings, user=None)
    job.refresh_from_db()
    assert (job.state, job.modified, job.failed) == (JobState.SUCCEEDED, 30, 0)
    assert set(marks(couplings)) == {("", 0, False)}


@pytest.mark.parametrize("kind", ["drop_before", "throttle"])
def test_systems_that_do_not_answer_never_park_a_pair(hub: Hub, kind: str) -> None:
    key = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.bc.update("customers", key, city="Bergen")
    count = 200 if kind == "drop_before" else 4
    hub.faults({"system": "sales", "match": "accounts", "method": "PATCH", "kind": kind, "count": count})
    for _ in range(2):
        hub.run("CUSTOMER")
        assert marks([coupling]) == [("", 0, False)]
    hub.faults()
    hub.run("CUSTOMER")
    assert hub.sales.row("accounts", coupling.sales_key, "address1_city") == {"address1_city": "Bergen"}


# --- Deletions under faults -------------------------------------------------------------------------------------------


@pytest.fixture
def pair(hub: Hub) -> Coupling:
    key = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    return hub.coupling("CUSTOMER", bc_key=key)


def delete_one_side(hub: Hub, pair: Coupling, side: System, policy: DeletionConflict) -> None:
    hub.connection.mappings.filter(name="CUSTOMER").update(deletion_conflict_resolution=policy)
    if side == BC:
        hub.bc.delete("customers", pair.bc_key)
    else:
        hub.sales.delete("accounts", pair.sales_key)


def counts(hub: Hub) -> tuple[int, int, int]:
    return (
        len(hub.bc.rows("customers", "id")),
        len(hub.sales.rows("accounts", "accountid")),
        Coupling.objects.filter(mapping__name="CUSTOMER").count(),
    )


@pytest.mark.parametrize("side", [BC, SALES])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after_commit", "truncate"])
def test_deleted_record_is_restored_once_though_the_answer_is_lost(
    hub: Hub, pair: Coupling, side: System, kind: str
) -> None:
    delete_one_side(hub, pair, side, DeletionConflict.RESTORE_RECORDS)
    table = "customers" if side == BC else "accounts"
    hub.faults({"system": str(side), "match": table, "method": "POST", "kind": kind, "count": 1})
    job = hub.run("CUSTOMER")
    hub.faults()
    assert (job.state, job.inserted, counts(hub)) == (JobState.SUCCEEDED, 1, (1, 1, 1))
    again = hub.run("CUSTOMER")
    assert (again.inserted, again.modified, counts(hub)) == (0, 0, (1, 1, 1))


@pytest.mark.parametrize("side", [BC, SALES])
def test_coupling_with_a_deleted_record_is_removed_though_the_answer_is_lost(
    hub: Hub, pair: Coupling, side: System
) -> None:
    delete_one_side(hub, pair, side, DeletionConflict.REMOVE_COUPLING)
    hub.faults({"system": "sales", "match": "accounts", "method": "PATCH", "kind": "drop_after_commit", "count": 1})
    job: SynchJob = hub.run("CUSTOMER")
    hub.faults()
    left = (0, 1, 0) if side == BC else (1, 0, 0)
    assert (job.state, counts(hub)) == (JobState.SUCCEEDED, left)
    assert hub.run("CUSTOMER").total == 0
    assert counts(hub) == left


@pytest.mark.parametrize("side", [BC, SALES])
def test_deleted_record_without_a_policy_waits_for_a_person_and_blocks_nothing(
    hub: Hub, pair: Coupling, side: System
) -> None:
    other = hub.bc.create("customers", displayName="Contoso")
    hub.run_full("CUSTOMER")
    delete_one_side(hub, pair, side, DeletionConflict.NONE)
    hub.bc.update("customers", other, city="Graz")
    first, second = hub.run("CUSTOMER"), hub.run("CUSTOMER")
    assert (first.modified, first.failed, second.skipped) == (1, 1, 1)
    assert marks([pair])[0][2]
    assert counts(hub)[2] == 2
