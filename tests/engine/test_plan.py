"""Planning a slice: operations, marks, counters and the waiting list in one transaction."""

from collections import Counter
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connector.choices import System
from coupling.models import BusinessCentralRecord, Coupling, DirtyPair, SalesRecord, TableMapping
from syncjobs.choices import JobMode, JobTrigger, OperationKind, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.plan import plan_slice
from syncjobs.models import JobSlice, Operation, SynchJob
from tests.coupling.factories import key, make_account, make_connection, make_coupling, make_customer

BC, SALES = System.BUSINESS_CENTRAL, System.SALES


@pytest.fixture
def connection(db):
    return make_connection(
        ownership_model="team", local_currency_code="EUR", base_currency="EUR", owning_team_id=key("team")
    )


@pytest.fixture
def mapping(connection):
    mapping = TableMapping.objects.get(connection=connection, name="CUSTOMER")
    mapping.synch_only_coupled_records = False
    mapping.save()
    SalesRecord.objects.create(
        connection=connection, table="transactioncurrencies", key=key("EUR"), number="EUR", name="Euro", values={}
    )
    return mapping


def start(mapping, mode=JobMode.MODIFIED, direction="bidirectional", **options):
    job = SynchJob.objects.create(
        connection=mapping.connection,
        mapping=mapping,
        mode=mode,
        direction=direction,
        trigger=JobTrigger.USER,
        options=RunOptions(**options).to_json(),
    )
    return job, JobSlice.objects.create(job=job)


def plan(mapping, *references, mode=JobMode.MODIFIED, direction="bidirectional", **options):
    job, slice_ = start(mapping, mode, direction, **options)
    pairs = [
        DirtyPair.objects.create(
            mapping=mapping,
            pair_key=reference.bc_key or reference.sales_key,
            bc_key=reference.bc_key,
            sales_key=reference.sales_key,
            job_id=job.pk,
        )
        for reference in references
    ]
    result = plan_slice(job, slice_, pairs)
    job.refresh_from_db()
    return job, result


BC_VALUES = {"phoneNumber": "1", "currencyCode": "EUR", "city": "Berlin"}
SALES_VALUES = {
    "telephone1": "1",
    "_transactioncurrencyid_value": str(key("EUR")),
    "address1_city": "Berlin",
    "_bcbi_companyid_value": str(key("company row")),
}


def make_pair(mapping, number="C1", name="Adatum", *, bc=None, sales=None, **values):
    """A coupled pair that agreed on `BC_VALUES` and `SALES_VALUES` and then got other values."""
    customer = make_customer(mapping.connection, number, name, **{**BC_VALUES, **(bc or {})})
    account = make_account(mapping.connection, name, **{**SALES_VALUES, **(sales or {})})
    bases = {
        "bc_base": {**customer.values, **BC_VALUES},
        "sales_base": {**account.values, **SALES_VALUES},
        "last_synchronised_at": "2026-01-01T00:00:00Z",
    }
    return make_coupling(mapping, customer, account, **{**bases, **values})


def reference(coupling):
    return PairRef(coupling.bc_key, coupling.sales_key)


def test_plan_create_has_a_derived_key_and_leaves_no_waiting_pair(mapping):
    customer = make_customer(mapping.connection, "C1", "Adatum", **BC_VALUES)
    _, result = plan(mapping, PairRef(customer.key))
    operation = Operation.objects.get()
    assert (operation.kind, operation.system, operation.state) == ("create", SALES, "planned")
    assert operation.table == "accounts"
    assert operation.record_id == operation.sales_key
    assert operation.bc_key == customer.key
    assert operation.record_name == "C1 Adatum"
    assert operation.after["customertypecode"] == 3
    assert operation.after["ownerid@odata.bind"] == f"/teams({key('team')})"
    assert not DirtyPair.objects.exists()
    assert result.plan == Counter({"create_in_sales": 1})
    Operation.objects.all().delete()
    plan(mapping, PairRef(customer.key))
    assert Operation.objects.get().record_id == operation.record_id


def test_plan_create_again_takes_another_key_than_the_row_that_was_created_before(mapping):
    customer = make_customer(mapping.connection, "C1", "Adatum", **BC_VALUES)
    plan(mapping, PairRef(customer.key))
    first = Operation.objects.get()
    SalesRecord.objects.create(connection=mapping.connection, table="accounts", key=first.record_id, values={})
    first.delete()
    plan(mapping, PairRef(customer.key))
    assert Operation.objects.get().record_id != first.record_id


def test_plan_update_carries_tokens_and_bases(mapping):
    coupling = make_pair(mapping, bc={"phoneNumber": "2"})
    SalesRecord.objects.filter(key=coupling.sales_key).update(token="s7")
    _, result = plan(mapping, reference(coupling))
    operation = Operation.objects.get()
    assert (operation.coupling_id, operation.expected_token, operation.sales_token) == (coupling.pk, "s7", "s7")
    assert (operation.before, operation.after) == ({"telephone1": "1"}, {"telephone1": "2"})
    assert (operation.bc_base, operation.sales_base) == ({"phoneNumber": "2"}, {"telephone1": "2"})
    assert result.operations == 1


def test_plan_unchanged_writes_nothing(mapping):
    coupling = make_pair(mapping)
    job, _ = plan(mapping, reference(coupling))
    assert not Operation.objects.exists()
    assert job.unchanged == 1


def test_plan_agreement_is_noted_and_lifts_marks(mapping):
    coupling = make_pair(mapping, bc={"phoneNumber": "2"}, sales={"telephone1": "2"}, error_code="x", failures=1)
    job, _ = plan(mapping, reference(coupling))
    coupling.refresh_from_db()
    assert (coupling.bc_base["phoneNumber"], coupling.sales_base["telephone1"]) == ("2", "2")
    assert (coupling.error_code, coupling.failures, coupling.last_job_id) == ("", 0, job.pk)
    assert job.unchanged == 1


def test_plan_conflict_is_one_row_with_both_values(mapping):
    coupling = make_pair(mapping, bc={"phoneNumber": "2"}, sales={"telephone1": "3"})
    job, _ = plan(mapping, reference(coupling))
    coupling.refresh_from_db()
    operation = Operation.objects.get()
    assert (operation.state, operation.error_code) == (OperationState.CONFLICT, "engine.conflict")
    assert (operation.before, operation.after) == ({"telephone1": "3"}, {"phoneNumber": "2"})
    assert coupling.conflict
    assert (job.conflicts, job.failed) == (1, 0)


def test_plan_resolved_conflict(mapping):
    coupling = make_pair(mapping, bc={"phoneNumber": "2"}, sales={"telephone1": "3"}, conflict=True)
    plan(mapping, reference(coupling), winner=SALES)
    assert Operation.objects.get().after == {"phoneNumber": "3"}


def test_plan_failure_marks_and_the_same_failure_again_skips(mapping):
    coupling = make_pair(mapping, bc={"currencyCode": "USD"})
    job, _ = plan(mapping, reference(coupling))
    coupling.refresh_from_db()
    assert (job.failed, job.skipped, coupling.error_target) == (1, 0, SALES)
    assert coupling.error_details == {"mapping": "CURRENCY", "number": "USD"}
    assert Operation.objects.get().state == OperationState.FAILED
    job, _ = plan(mapping, reference(coupling))
    coupling.refresh_from_db()
    assert (job.failed, job.skipped) == (0, 1)
    assert coupling.skipped_at is not None


def test_plan_failure_of_an_uncoupled_record_is_in_the_journal(mapping):
    customer = make_customer(mapping.connection, "C1", "Adatum", currencyCode="USD")
    _, result = plan(mapping, PairRef(customer.key))
    operation = Operation.objects.get()
    assert (operation.state, operation.bc_key, operation.coupling_id) == ("failed", customer.key, None)
    assert result.plan == Counter({"blocked": 1})
    assert [line for _, line in result.log]


def test_plan_deleted_partner_marks_the_missing_side(mapping):
    coupling = make_pair(mapping)
    BusinessCentralRecord.objects.filter(key=coupling.bc_key).update(deleted_at="2026-01-01T00:00:00Z")
    plan(mapping, reference(coupling))
    coupling.refresh_from_db()
    assert (coupling.missing, coupling.error_code) == ("business_central", "engine.partner_deleted")


def test_plan_restore_keeps_the_coupling_and_a_new_key(mapping):
    coupling = make_pair(mapping)
    SalesRecord.objects.filter(key=coupling.sales_key).update(deleted_at="2026-01-01T00:00:00Z")
    plan(mapping, reference(coupling), restore=True)
    operation = Operation.objects.get()
    assert (operation.kind, operation.coupling_id) == (OperationKind.CREATE, coupling.pk)
    assert operation.record_id not in (None, coupling.sales_key)


def test_plan_removes_the_coupling_when_both_are_gone(mapping):
    coupling = make_pair(mapping)
    for model in (BusinessCentralRecord, SalesRecord):
        model.objects.filter(table__in=["customers", "accounts"]).update(deleted_at="2026-01-01T00:00:00Z")
    job, _ = plan(mapping, reference(coupling))
    assert not Coupling.objects.exists()
    assert (Operation.objects.get().kind, job.uncoupled) == (OperationKind.UNCOUPLE, 0)


def test_plan_uncouple_clears_the_marker_first(mapping):
    coupling = make_pair(mapping)
    plan(mapping, reference(coupling), uncouple=True)
    operation = Operation.objects.get()
    assert (operation.kind, operation.state) == (OperationKind.UNCOUPLE, OperationState.PLANNED)
    assert operation.after == {"bcbi_CompanyId@odata.bind": None}
    assert Coupling.objects.exists()


def test_plan_outside_filter_is_marked(mapping):
    coupling = make_pair(mapping, bc={"blocked": "All", "phoneNumber": "2"})
    plan(mapping, reference(coupling))
    coupling.refresh_from_db()
    assert coupling.outside_filter == BC
    assert not Operation.objects.exists()


def test_plan_pair_in_another_runs_hands_waits(mapping):
    coupling = make_pair(mapping, bc={"phoneNumber": "2"})
    plan(mapping, reference(coupling))
    _, result = plan(mapping, reference(coupling))
    assert (result.put_back, Operation.objects.count()) == (1, 1)
    assert DirtyPair.objects.get().job_id is None


def test_plan_record_coupled_under_another_mapping_is_left_to_it(mapping):
    vendors = TableMapping.objects.get(connection=mapping.connection, name="VENDOR")
    account = make_account(mapping.connection, "Adatum", **SALES_VALUES)
    vendor = BusinessCentralRecord.objects.create(
        connection=mapping.connection, table="vendors", key=uuid4(), values={}
    )
    make_coupling(vendors, vendor, account)
    plan(mapping, PairRef(None, account.key))
    assert not Operation.objects.exists()


def test_plan_pair_named_twice_is_planned_once(mapping):
    coupling = make_pair(mapping, bc={"phoneNumber": "2"})
    plan(mapping, PairRef(coupling.bc_key), PairRef(None, coupling.sales_key))
    assert Operation.objects.count() == 1


def test_plan_narrower_direction_leaves_the_change_waiting(mapping):
    coupling = make_pair(mapping, sales={"telephone1": "2"})
    plan(mapping, reference(coupling), direction="to_sales")
    assert not Operation.objects.exists()
    assert DirtyPair.objects.get().job_id is None


def test_plan_takes_the_same_number_of_queries_for_any_number_of_pairs(mapping):
    counts = []
    for size in (1, 20):
        references = [
            reference(make_pair(mapping, f"C{size}-{n}", f"Name {size}-{n}", bc={"phoneNumber": "2"}))
            for n in range(size)
        ]
        references += [
            PairRef(make_customer(mapping.connection, f"N{size}-{n}", f"New {size}-{n}", **BC_VALUES).key)
            for n in range(size)
        ]
        job, slice_ = start(mapping)
        with CaptureQueriesContext(
            database,
        ) as queries:
            plan_slice(job, slice_, references)
        counts.append(len(queries))
    assert counts[0] == counts[1]
