"""Writes whose answer never came: settled by looking, never repeated blindly, same end as without the fault."""

import pytest
from django.utils import timezone

from coupling.models import Coupling
from syncjobs.choices import JobState, OperationKind, OperationState
from syncjobs.engine.recover import holds
from syncjobs.models import Operation, SynchJob
from tests.engine.live import Hub

CUSTOMERS = 30


def fault(system: str, match: str, method: str, kind: str, count: int = 2) -> dict:
    return {"system": system, "match": match, "method": method, "kind": kind, "count": count}


def assert_complete(hub: Hub, *, customers: int, accounts: int) -> None:
    """Every record has exactly one partner and nothing is there twice."""
    assert len(hub.bc.rows("customers", "id")) == customers
    assert len(hub.sales.rows("accounts", "name")) == accounts
    assert Coupling.objects.count() == customers
    assert not Operation.objects.filter(state__in=[OperationState.PLANNED, OperationState.SENT]).exists()


@pytest.mark.parametrize("kind", ["drop_before", "drop_after_commit", "truncate", "server_error", "throttle"])
def test_creates_in_sales_survive(hub: Hub, kind: str) -> None:
    hub.create_customers(CUSTOMERS)
    hub.faults(fault("sales", "accounts", "POST", kind))
    job = hub.run_full("CUSTOMER")
    hub.faults()
    assert job.state == JobState.SUCCEEDED, job.message
    assert job.inserted == CUSTOMERS
    assert_complete(hub, customers=CUSTOMERS, accounts=CUSTOMERS)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after_commit", "truncate", "server_error", "throttle"])
def test_creates_in_business_central_survive(hub: Hub, kind: str) -> None:
    for number in range(5):
        hub.sales.create("accounts", name=f"Account {number}", customertypecode=3)
    hub.faults(fault("business_central", "customers", "POST", kind, count=1))
    job = hub.run_full("CUSTOMER")
    hub.faults()
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, 5), job.message
    assert_complete(hub, customers=5, accounts=5)


def test_creates_in_business_central_with_equal_values_are_matched_one_to_one(hub: Hub) -> None:
    for _ in range(3):
        hub.sales.create("accounts", name="Twin", customertypecode=3)
    hub.faults(fault("business_central", "customers", "POST", "drop_after_commit", count=1))
    job = hub.run_full("CUSTOMER")
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, 3), job.message
    assert_complete(hub, customers=3, accounts=3)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after_commit", "truncate"])
@pytest.mark.parametrize("side", ["sales", "business_central"])
def test_updates_survive(hub: Hub, side: str, kind: str) -> None:
    key = hub.bc.create("customers", displayName="Adatum", city="Oslo")
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    if side == "sales":
        hub.bc.update("customers", key, city="Bergen")
    else:
        hub.sales.update("accounts", coupling.sales_key, address1_city="Bergen")
    hub.faults(fault(side, "accounts" if side == "sales" else "customers", "PATCH", kind, count=1))
    job = hub.run("CUSTOMER")
    hub.faults()
    assert (job.state, job.modified) == (JobState.SUCCEEDED, 1), job.message
    assert hub.bc.row("customers", key, "city")["city"] == "Bergen"
    assert hub.sales.row("accounts", coupling.sales_key, "address1_city")["address1_city"] == "Bergen"
    assert hub.run("CUSTOMER").modified == 0


def test_number_of_a_record_whose_answer_was_lost_travels_back_in_the_same_run(hub: Hub) -> None:
    hub.mapping("CUSTOMER").fields.filter(sales_attribute="accountnumber").update(enabled=True)
    account = hub.sales.create("accounts", name="Contoso", customertypecode=3)
    hub.faults(fault("business_central", "customers", "POST", "drop_after_commit", count=1))
    job = hub.run_full("CUSTOMER")
    number = hub.bc.row("customers", hub.coupling("CUSTOMER", sales_key=account).bc_key, "number")["number"]
    shown = hub.sales.row("accounts", account, "accountnumber", "_bcbi_companyid_value")
    assert (job.state, job.inserted, shown["accountnumber"]) == (JobState.SUCCEEDED, 1, number)
    assert shown["_bcbi_companyid_value"] == str(hub.connection.company_row_id)
    assert hub.run("CUSTOMER").modified == 0


def test_expired_tokens_in_the_middle_change_nothing(hub: Hub) -> None:
    hub.create_customers(CUSTOMERS)
    hub.faults(
        {"system": "sales", "kind": "expired_token", "count": 3},
        {"system": "business_central", "kind": "expired_token", "count": 1},
    )
    job = hub.run_full("CUSTOMER")
    hub.faults()
    assert job.state == JobState.SUCCEEDED, job.message
    assert_complete(hub, customers=CUSTOMERS, accounts=CUSTOMERS)


def test_sent_operation_of_an_ended_job_is_settled_by_the_next_run(hub: Hub) -> None:
    account = hub.sales.create("accounts", name="Contoso", customertypecode=3)
    hub.run("CUSTOMER")
    ended = hub.start("CUSTOMER")
    SynchJob.objects.filter(pk=ended.pk).update(state=JobState.FAILED)
    # The worker died between its request and the answer; somebody ended the job.
    Operation.objects.create(
        job=ended,
        connection=hub.connection,
        mapping=hub.mapping("CUSTOMER"),
        system="business_central",
        table="customers",
        sales_key=account,
        kind=OperationKind.CREATE,
        state=OperationState.SENT,
        after={"displayName": "Contoso"},
        bc_base={"displayName": "Contoso"},
        sales_base={"name": "Contoso"},
        attempts=1,
        sent_at=timezone.now(),
    )
    hub.bc.create("customers", displayName="Contoso")
    job = hub.run_full("CUSTOMER")
    assert (job.state, job.inserted) == (JobState.SUCCEEDED, 1), job.message
    assert_complete(hub, customers=1, accounts=1)


def test_values_are_compared_as_the_systems_store_them() -> None:
    assert holds({"code": "NET30", "name": "Adatum", "rate": 1.50}, {"code": "net30", "name": " Adatum ", "rate": 1.5})
    assert holds({"phone": "", "blocked": False}, {"phone": None, "blocked": None})
    assert not holds({"city": "Oslo"}, {"city": "Bergen"})
