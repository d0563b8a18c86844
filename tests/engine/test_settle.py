"""What answers become: stale and missing records, failures and marks, creates that were done before."""

from django.db import transaction
from django.utils import timezone

from connector.bulk import WriteResult, WriteStatus
from coupling.models import Coupling, DirtyPair
from syncjobs.choices import JobMode, JobState, OperationKind, OperationState
from syncjobs.engine import work
from syncjobs.engine.answers import CHANGED_MEANWHILE
from syncjobs.engine.context import JobRun
from syncjobs.engine.options import RunOptions
from syncjobs.engine.plan import plan_slice
from syncjobs.engine.progress import Progress
from syncjobs.engine.pull import pull_table
from syncjobs.engine.settle import COUPLED_MEANWHILE, settle
from syncjobs.models import Operation, SynchJob
from tests.engine.live import BC, CREATING, SALES, Hub

NO_COUNTRY = "Atlantis"
"""Business Central has no such country and refuses the record."""


def planned(hub: Hub, mode: JobMode = JobMode.FULL) -> tuple[JobRun, list[Operation]]:
    """A job that was planned and not sent yet."""
    job = hub.start("CUSTOMER", mode, options=CREATING)
    SynchJob.objects.filter(pk=job.pk).update(state=JobState.RUNNING)
    job.refresh_from_db()
    run = JobRun(job, hub.mapping("CUSTOMER"), RunOptions.from_json(job.options), Progress(job.pk))
    for system in (BC, SALES):
        pull_table(
            connection=hub.connection,
            system=system,
            table=run.mapping.table(system),
            client=run.client(system),
            progress=run.progress,
            wanted_since=timezone.now(),
        )
    work.collect(job, run.mapping, run.options)
    with transaction.atomic():
        claimed = work.claim_slice(job, 100)
        plan_slice(job, claimed.slice, claimed.pairs)
    return run, list(Operation.objects.filter(slice=claimed.slice, state=OperationState.PLANNED))


def sent(operations: list[Operation]) -> dict[int, Operation]:
    Operation.objects.filter(pk__in=[each.pk for each in operations]).update(
        state=OperationState.SENT, sent_at=timezone.now(), attempts=1
    )
    return {each.pk: each for each in operations}


def test_pair_changed_in_between_is_planned_again_with_the_new_values(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum", city="Oslo")
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.bc.update("customers", key, city="Bergen")
    run, operations = planned(hub)
    hub.sales.update("accounts", coupling.sales_key, name="Adatum AS")
    settle(run, SALES, sent(operations), [WriteResult(operations[0].pk, WriteStatus.STALE)])
    operations[0].refresh_from_db()
    assert (operations[0].state, operations[0].error_code) == (OperationState.SKIPPED, CHANGED_MEANWHILE)
    assert DirtyPair.objects.get(job_id=run.job.pk).pair_key == key
    from coupling.models import SalesRecord

    assert SalesRecord.objects.get(key=coupling.sales_key).values["name"] == "Adatum AS"


def test_race_against_a_person_loses_nothing(hub: Hub) -> None:
    """The whole way: the row changes between plan and write, both changes are on both sides afterwards."""
    key = hub.bc.create("customers", displayName="Adatum", city="Oslo")
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.bc.update("customers", key, city="Bergen")
    run, operations = planned(hub)
    hub.sales.update("accounts", coupling.sales_key, name="Adatum AS")
    from syncjobs import tasks

    run.progress.flush()
    SynchJob.objects.filter(pk=run.job.pk).update(state=JobState.INTERRUPTED, collected_at=timezone.now())
    from syncjobs.engine import locks

    locks.unlock(locks.slice_lock(operations[0].slice_id))
    tasks.run_job(run.job.pk)
    assert hub.sales.row("accounts", coupling.sales_key, "address1_city")["address1_city"] == "Bergen"
    assert hub.bc.row("customers", key, "displayName")["displayName"] == "Adatum AS"


def test_pair_that_keeps_changing_waits_for_the_next_run(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.bc.update("customers", key, city="Bergen")
    run, operations = planned(hub)
    for _ in range(3):
        Operation.objects.create(
            job=run.job, connection=hub.connection, mapping=run.mapping, system=SALES, table="accounts",
            bc_key=key, sales_key=coupling.sales_key, kind=OperationKind.UPDATE, state=OperationState.SKIPPED,
            error_code=CHANGED_MEANWHILE,
        )  # fmt: skip
    settle(run, SALES, sent(operations), [WriteResult(operations[0].pk, WriteStatus.STALE)])
    operations[0].refresh_from_db()
    assert operations[0].state == OperationState.FAILED
    assert DirtyPair.objects.get().job_id is None
    coupling.refresh_from_db()
    assert coupling.error_code == ""


def test_record_deleted_in_between_becomes_a_deletion_conflict(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.bc.update("customers", key, city="Bergen")
    hub.run("CUSTOMER", JobMode.PREVIEW)
    hub.sales.delete("accounts", coupling.sales_key)
    hub.run("CUSTOMER")
    coupling.refresh_from_db()
    assert coupling.missing == SALES


def test_create_under_our_key_that_exists_counts_as_done(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum")
    run, operations = planned(hub)
    hub.sales.create("accounts", accountid=str(operations[0].record_id), name="Adatum")
    settle(run, SALES, sent(operations), [WriteResult(operations[0].pk, WriteStatus.EXISTS)])
    assert hub.coupling("CUSTOMER", bc_key=key).sales_key == operations[0].record_id
    run.job.refresh_from_db()
    assert run.job.inserted == 1


def test_create_whose_record_was_coupled_meanwhile_is_taken_back(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum")
    account = hub.sales.create("accounts", name="Adatum of somebody", customertypecode=3)
    run, operations = planned(hub)
    create = next(each for each in operations if each.system == SALES)
    Coupling.objects.create(
        connection=hub.connection, mapping=run.mapping, bc_table="customers", bc_key=key,
        sales_table="accounts", sales_key=account,
    )  # fmt: skip
    hub.sales.create("accounts", accountid=str(create.record_id), name="Adatum")
    outcome = settle(run, SALES, sent([create]), [WriteResult(create.pk, WriteStatus.DONE, create.record_id)])
    create.refresh_from_db()
    assert (create.state, create.error_code) == (OperationState.SKIPPED, COUPLED_MEANWHILE)
    (removal,) = outcome.extra
    assert (removal.kind, removal.record_id) == (OperationKind.DELETE, create.record_id)
    assert hub.coupling("CUSTOMER", bc_key=key).sales_key == account


def test_answer_is_settled_once(hub: Hub) -> None:
    hub.bc.create("customers", displayName="Adatum")
    run, operations = planned(hub)
    results = [WriteResult(operations[0].pk, WriteStatus.DONE, operations[0].record_id)]
    by_id = sent(operations)
    settle(run, SALES, by_id, results)
    settle(run, SALES, by_id, results)
    run.job.refresh_from_db()
    assert run.job.inserted == 1


def test_same_data_error_twice_skips_the_pair_until_it_changes(hub: Hub) -> None:
    account = hub.sales.create("accounts", name="Contoso", customertypecode=3)
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", sales_key=account)
    hub.sales.update("accounts", account, address1_country=NO_COUNTRY)
    assert (hub.run("CUSTOMER").failed, hub.run("CUSTOMER").skipped) == (1, 1)
    coupling.refresh_from_db()
    assert coupling.skipped_at
    assert hub.run("CUSTOMER").total == 0
    hub.sales.update("accounts", account, address1_country="DE")
    job = hub.run("CUSTOMER")
    coupling.refresh_from_db()
    assert (job.modified, coupling.skipped_at, coupling.error_code) == (1, None, "")


def test_uncoupled_record_that_failed_twice_alike_is_left_alone(hub: Hub) -> None:
    hub.connection.mappings.filter(name="CUSTOMER").update(synch_only_coupled_records=False)
    hub.sales.create("accounts", name="Contoso", customertypecode=3, address1_country=NO_COUNTRY)
    assert [hub.run("CUSTOMER").failed for _ in range(3)] == [1, 1, 0]


def test_transient_failure_never_marks_the_pair(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    hub.bc.update("customers", key, city="Bergen")
    hub.faults({"system": "sales", "match": "accounts", "method": "PATCH", "kind": "throttle", "count": 3})
    job = hub.run("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    assert (job.state, job.modified, coupling.error_code) == (JobState.SUCCEEDED, 1, "")
