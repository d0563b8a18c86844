"""Whole runs against the sandbox: what is written where, what it costs, who waits for whom."""

from connector.choices import Direction
from coupling.models import Coupling, DirtyPair
from syncjobs import tasks
from syncjobs.choices import JobMode, JobState, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import JobSlice, Operation, SynchJob
from syncjobs.services.jobs import cancel_job
from tests.engine.live import BC, CREATING, SALES, Hub


def couple_one(hub: Hub, **values) -> Coupling:
    key = hub.bc.create("customers", **{"displayName": "Adatum", "city": "Oslo", **values})
    hub.run_full("CUSTOMER")
    return hub.coupling("CUSTOMER", bc_key=key)


def test_full_run_creates_and_couples_both_ways(hub: Hub) -> None:
    customer = hub.bc.create("customers", displayName="Adatum", city="Oslo")
    account = hub.sales.create("accounts", name="Contoso", address1_city="Graz", customertypecode=3)
    job = hub.run_full("CUSTOMER")
    assert (job.state, job.inserted, job.failed) == (JobState.SUCCEEDED, 2, 0)
    made = hub.coupling("CUSTOMER", bc_key=customer)
    assert hub.sales.row("accounts", made.sales_key, "name", "address1_city") == {
        "name": "Adatum",
        "address1_city": "Oslo",
    }
    made = hub.coupling("CUSTOMER", sales_key=account)
    assert hub.bc.row("customers", made.bc_key, "displayName", "city") == {"displayName": "Contoso", "city": "Graz"}


def test_second_run_writes_nothing_and_asks_little(hub: Hub) -> None:
    couple_one(hub)
    hub.sales.create("accounts", name="Contoso", customertypecode=3)
    hub.run_full("CUSTOMER")
    hub.run("CUSTOMER")
    hub.requests()
    job = hub.run("CUSTOMER")
    counters = hub.requests()
    assert job.state == JobState.SUCCEEDED
    assert job.message == "Nothing had changed."
    assert job.total == 0
    assert not any(entry["method"] in ("PATCH", "DELETE") for system in counters.values() for entry in system["by"])
    assert sum(system["requests"] for system in counters.values()) < 10


def test_change_in_sales_arrives_in_business_central(hub: Hub) -> None:
    coupling = couple_one(hub)
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    job = hub.run("CUSTOMER")
    assert (job.modified, job.unchanged, job.failed) == (1, 0, 0)
    assert hub.bc.row("customers", coupling.bc_key, "city")["city"] == "Graz"
    operation = Operation.objects.get(job=job)
    assert (operation.before, operation.after) == ({"city": "Oslo"}, {"city": "Graz"})


def test_our_own_write_does_not_come_back_as_work(hub: Hub) -> None:
    coupling = couple_one(hub)
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    hub.run("CUSTOMER")
    job = hub.run("CUSTOMER")
    assert job.total == 0


def test_different_fields_changed_on_both_sides_merge(hub: Hub) -> None:
    coupling = couple_one(hub)
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    hub.bc.update("customers", coupling.bc_key, displayName="Adatum AS")
    job = hub.run("CUSTOMER")
    assert (job.modified, job.conflicts) == (2, 0)
    assert hub.bc.row("customers", coupling.bc_key, "city")["city"] == "Graz"
    assert hub.sales.row("accounts", coupling.sales_key, "name")["name"] == "Adatum AS"


def test_same_field_changed_on_both_sides_is_a_conflict_that_a_person_decides(hub: Hub) -> None:
    from connector.choices import System
    from syncjobs.services.jobs import resolve_conflict

    coupling = couple_one(hub)
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    hub.bc.update("customers", coupling.bc_key, city="Bergen")
    job = hub.run("CUSTOMER")
    assert (job.state, job.conflicts) == (JobState.PARTLY, 1)
    operation = Operation.objects.get(job=job, state=OperationState.CONFLICT)
    decided = resolve_conflict(operation=operation, use=System.SALES, user=None)
    decided.refresh_from_db()
    assert decided.state == JobState.SUCCEEDED
    assert hub.bc.row("customers", coupling.bc_key, "city")["city"] == "Graz"
    coupling.refresh_from_db()
    assert not coupling.conflict


def test_properties_of_a_second_service_are_written_there(hub: Hub) -> None:
    account = hub.sales.create("accounts", name="Contoso", customertypecode=3)
    contact = hub.bc.create("contacts", displayName="Contoso", type="Company")
    hub.mapping("CUSTOMER").fields.filter(business_central_property="shippingAgentCode").update(enabled=False)
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", sales_key=account)
    assert contact
    assert hub.bc.row("customerExtras", coupling.bc_key, "number")["number"]
    assert coupling.bc_base["displayName"] == "Contoso"


def test_run_in_one_direction_writes_to_one_system(hub: Hub) -> None:
    hub.bc.create("customers", displayName="Adatum")
    hub.sales.create("accounts", name="Contoso", customertypecode=3)
    job = hub.run("CUSTOMER", JobMode.FULL, direction=Direction.TO_SALES, options=CREATING)
    assert job.inserted == 1
    assert Coupling.objects.count() == 1
    assert {operation.system for operation in Operation.objects.filter(job=job)} == {SALES}


def test_preview_writes_nothing_and_leaves_the_changes_for_the_run(hub: Hub) -> None:
    coupling = couple_one(hub)
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    preview = hub.run("CUSTOMER", JobMode.PREVIEW)
    assert (preview.state, preview.modified) == (JobState.SUCCEEDED, 1)
    assert Operation.objects.get(job=preview).state == OperationState.PLANNED
    assert hub.bc.row("customers", coupling.bc_key, "city")["city"] == "Oslo"
    job = hub.run("CUSTOMER")
    assert job.modified == 1
    assert hub.bc.row("customers", coupling.bc_key, "city")["city"] == "Graz"


def test_selected_run_takes_its_pair_and_nothing_else(hub: Hub) -> None:
    first = couple_one(hub)
    second = couple_one(hub, displayName="Contoso")
    for coupling in (first, second):
        hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    options = RunOptions().with_pairs([PairRef(first.bc_key, first.sales_key)])
    job = hub.run("CUSTOMER", JobMode.SELECTED, options=options)
    assert (job.total, job.modified) == (1, 1)
    assert hub.bc.row("customers", second.bc_key, "city")["city"] == "Oslo"
    assert hub.run("CUSTOMER").modified == 1


def test_selected_run_overtakes_a_running_one(hub: Hub) -> None:
    coupling = couple_one(hub)
    bulk = hub.start("CUSTOMER")
    SynchJob.objects.filter(pk=bulk.pk).update(state=JobState.RUNNING)
    DirtyPair.objects.create(
        mapping=hub.mapping("CUSTOMER"),
        pair_key=coupling.bc_key,
        bc_key=coupling.bc_key,
        sales_key=coupling.sales_key,
        job_id=bulk.pk,
    )
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    options = RunOptions().with_pairs([PairRef(coupling.bc_key, coupling.sales_key)])
    job = hub.run("CUSTOMER", JobMode.SELECTED, options=options)
    assert job.modified == 1
    assert not DirtyPair.objects.filter(job_id=bulk.pk).exists()


def test_second_run_of_a_group_waits_until_the_first_has_ended(hub: Hub) -> None:
    first = hub.start("CUSTOMER")
    SynchJob.objects.filter(pk=first.pk).update(state=JobState.RUNNING)
    second = hub.run("VENDOR")
    assert second.state == JobState.QUEUED
    assert second.message == "Waits until CUSTOMER is done."
    tasks.run_job(first.pk)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (JobState.SUCCEEDED, JobState.SUCCEEDED)


def test_failing_record_fails_alone(hub: Hub) -> None:
    for number in range(3):
        hub.sales.create("accounts", name=f"Good {number}", customertypecode=3)
    hub.sales.create("accounts", name="Bad", customertypecode=3, address1_country="Atlantis")
    job = hub.run_full("CUSTOMER")
    assert (job.state, job.inserted, job.failed) == (JobState.PARTLY, 3, 1)
    operation = Operation.objects.get(job=job, state=OperationState.FAILED)
    assert operation.error_message
    assert operation.error_hint


def test_missing_privilege_fails_the_job_with_a_sentence(hub: Hub) -> None:
    hub.sandbox.control("PUT", "/profile", {"sales": {"denied": ["prvCreateAccount"]}})
    hub.bc.create("customers", displayName="Adatum")
    job = hub.run_full("CUSTOMER")
    assert job.state == JobState.FAILED
    assert "prvCreateAccount" in job.message + job.hint
    hub.sandbox.control("PUT", "/profile", {"sales": {"denied": []}})
    assert hub.run_full("CUSTOMER").inserted == 1


def test_disabled_connection_fails_the_job_before_any_request(hub: Hub) -> None:
    job = hub.start("CUSTOMER")
    hub.connection.enabled = False
    hub.connection.save()
    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "disabled" in job.message
    assert hub.request_count() == 0


def test_cancelled_job_stops_and_its_pairs_wait(hub: Hub) -> None:
    hub.connection.mappings.filter(name="CUSTOMER").update(synch_only_coupled_records=False)
    for number in range(3):
        hub.bc.create("customers", displayName=f"Customer {number}")
    job = hub.start("CUSTOMER")
    SynchJob.objects.filter(pk=job.pk).update(state=JobState.INTERRUPTED)
    cancel_job(job=job)
    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert not Coupling.objects.exists()
    assert DirtyPair.objects.filter(job_id__isnull=True).count() == 3
    assert not JobSlice.objects.filter(open=True).exists()


def test_queued_job_is_cancelled_at_once(hub: Hub) -> None:
    job = hub.start("CUSTOMER")
    cancel_job(job=job)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    tasks.run_job(job.pk)
    assert hub.request_count() == 0


def test_number_given_by_business_central_travels_back_in_the_same_run(hub: Hub) -> None:
    hub.mapping("CUSTOMER").fields.filter(sales_attribute="accountnumber").update(enabled=True)
    account = hub.sales.create("accounts", name="Contoso", customertypecode=3)
    job = hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", sales_key=account)
    number = hub.bc.row("customers", coupling.bc_key, "number")["number"]
    assert hub.sales.row("accounts", account, "accountnumber")["accountnumber"] == number
    assert job.inserted == 1


def test_broken_couplings_are_found_on_request(hub: Hub) -> None:
    coupling = couple_one(hub)
    hub.bc.delete("customers", coupling.bc_key)
    job = hub.run("CUSTOMER", JobMode.BROKEN)
    coupling.refresh_from_db()
    assert coupling.missing == BC
    assert job.message == "1 of 1 couplings miss a record."
