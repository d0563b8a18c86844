"""Undo of a job: what is still as the job left it goes back, the rest is listed."""

import pytest

from connector.errors import ErrorKind, HubError
from coupling.models import Coupling
from syncjobs.choices import JobState, OperationState
from syncjobs.engine.revert import NOT_REVERTED
from syncjobs.models import Operation
from syncjobs.services.undo import undo_job
from tests.engine.live import Hub


def test_update_is_written_back_and_stays_back(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum", city="Oslo")
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    job = hub.run("CUSTOMER")
    undo = undo_job(job=job, user=None)
    undo.refresh_from_db()
    assert (undo.state, undo.modified) == (JobState.SUCCEEDED, 1), undo.message
    assert hub.bc.row("customers", key, "city")["city"] == "Oslo"
    assert hub.run("CUSTOMER").modified == 0
    assert hub.bc.row("customers", key, "city")["city"] == "Oslo"


def test_created_records_are_deleted_unless_somebody_changed_them(hub: Hub) -> None:
    kept = hub.bc.create("customers", displayName="Kept")
    gone = hub.bc.create("customers", displayName="Gone")
    job = hub.run_full("CUSTOMER")
    changed = hub.coupling("CUSTOMER", bc_key=kept).sales_key
    hub.sales.update("accounts", changed, name="Changed since")
    undo = undo_job(job=job, user=None)
    undo.refresh_from_db()
    assert (undo.deleted, undo.skipped) == (1, 1)
    assert [row["name"] for row in hub.sales.rows("accounts", "name")] == ["Changed since"]
    assert not Coupling.objects.filter(bc_key=gone).exists()
    left = Operation.objects.get(job=undo, state=OperationState.SKIPPED)
    assert (left.error_code, left.record_id) == (NOT_REVERTED, changed)


def test_undo_is_offered_once(hub: Hub) -> None:
    hub.bc.create("customers", displayName="Adatum")
    job = hub.run_full("CUSTOMER")
    undo_job(job=job, user=None)
    with pytest.raises(HubError) as refused:
        undo_job(job=job, user=None)
    assert refused.value.kind == ErrorKind.CONFLICT


def test_job_that_wrote_nothing_cannot_be_undone(hub: Hub) -> None:
    job = hub.run("CUSTOMER")
    with pytest.raises(HubError):
        undo_job(job=job, user=None)


def test_full_synchronisation_is_undone_job_by_job_with_its_further_rows(hub: Hub) -> None:
    hub.switch(unit_group_mapping=True, extended_pricing=True)
    hub.bc.create("items", number="1000", displayName="Lamp", baseUnitOfMeasureCode="PCS", unitPrice=12.5)
    hub.bc.create("itemUnitsOfMeasure", itemNumber="1000", code="BOX", quantityPerUnitOfMeasure=12)
    jobs = [hub.run_full(name) for name in ("UNIT GROUP", "ITEM UOM", "ITEM-PRODUCT")]
    assert len(hub.sales.rows("productpricelevels", "amount")) == 2
    for job in reversed(jobs):
        undo = undo_job(job=job, user=None)
        undo.refresh_from_db()
        assert (undo.state, undo.failed) == (JobState.SUCCEEDED, 0), (
            job.mapping,
            undo.message,
            list(Operation.objects.filter(job=undo).values_list("table", "kind", "state", "error_message")),
        )
    assert hub.sales.rows("products", "name") == []
    assert hub.sales.rows("productpricelevels", "amount") == []
    groups = [row["name"] for row in hub.sales.rows("uomschedules", "name")]
    assert not [name for name in groups if name.startswith("ITEM ")]
    assert not Coupling.objects.filter(mapping__name__in=["UNIT GROUP", "ITEM UOM", "ITEM-PRODUCT"]).exists()
    kept = Operation.objects.get(job__undo_of=jobs[-1], state=OperationState.SKIPPED)
    assert (kept.table, kept.error_message) == ("pricelevels", "It serves other records as well, so it stays.")


def test_several_writes_to_one_record_are_undone_together(hub: Hub) -> None:
    hub.switch(unit_group_mapping=False)
    item = hub.bc.create("items", number="1000", displayName="Lamp", baseUnitOfMeasureCode="PCS", unitPrice=10)
    for name in ("UNIT OF MEASURE", "ITEM-PRODUCT"):
        hub.run_full(name)
    hub.bc.update("items", item, unitPrice=20, displayName="Lantern")
    job = hub.run("ITEM-PRODUCT")
    assert (job.modified, job.failed) == (1, 0)
    undo = undo_job(job=job, user=None)
    undo.refresh_from_db()
    assert (undo.state, undo.skipped) == (JobState.SUCCEEDED, 0), undo.message
    assert [(row["name"], row["price"]) for row in hub.sales.rows("products", "name", "price")] == [("Lamp", 10)]
    assert [row["amount"] for row in hub.sales.rows("productpricelevels", "amount")] == [10]
