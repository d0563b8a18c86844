"""Contacts find their company on the other side."""

import pytest

from connector.choices import System
from coupling.models import TableMapping
from syncjobs.choices import JobMode, JobTrigger
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.plan import plan_slice
from syncjobs.models import JobSlice, Operation, SynchJob
from tests.coupling.factories import make_account, make_connection, make_coupling, make_customer, make_record

BC, SALES = System.BUSINESS_CENTRAL, System.SALES


@pytest.fixture
def connection(db):
    return make_connection(ownership_model="team", local_currency_code="EUR", base_currency="EUR")


def plan(connection, *references, **options):
    mapping = TableMapping.objects.get(connection=connection, name="CONTACT")
    job = SynchJob.objects.create(
        connection=connection,
        mapping=mapping,
        mode=JobMode.FULL,
        direction=mapping.direction,
        trigger=JobTrigger.USER,
        options=RunOptions(ignore_only_coupled=True, **options).to_json(),
    )
    plan_slice(job, JobSlice.objects.create(job=job), references)


def couple_customer(connection):
    customer, account = make_customer(connection, "C1", "Adatum"), make_account(connection, "Adatum")
    make_coupling(TableMapping.objects.get(connection=connection, name="CUSTOMER"), customer, account)
    return customer, account


def person(connection, customer=None, **values):
    values = {
        "type": "Person",
        "companyNumber": "CT1",
        "customerId": str(customer.key) if customer else "",
        "email": "ada@adatum.example",
        **values,
    }
    return make_record(connection, BC, "contacts", number="CT2", name="Ada King", **values)


def contact(connection, account=None, **values):
    values = {
        "statecode": 0,
        "firstname": "Ada",
        "middlename": None,
        "lastname": "King",
        "_parentcustomerid_value": str(account.key) if account else None,
        "_bcbi_companyid_value": None,
        "emailaddress1": "ada@adatum.example",
        **values,
    }
    return make_record(connection, SALES, "contacts", name="Ada King", **values)


def test_person_goes_below_the_account_of_its_customer(connection):
    customer, account = couple_customer(connection)
    plan(connection, PairRef(person(connection, customer).key))
    after = Operation.objects.get().after
    assert after["parentcustomerid_account@odata.bind"] == f"/accounts({account.key})"
    assert after["emailaddress1"] == "ada@adatum.example"


def test_person_of_an_uncoupled_customer_waits_for_it(connection):
    customer = make_customer(connection, "C1", "Adatum")
    plan(connection, PairRef(person(connection, customer).key))
    operation = Operation.objects.get()
    assert (operation.error_code, operation.error_details) == (
        "engine.not_coupled",
        {"mapping": "CUSTOMER", "number": "C1"},
    )


@pytest.mark.parametrize("values", [{"customerId": ""}, {"type": "Company"}])
def test_person_without_a_company_and_a_company_are_left_alone(connection, values):
    customer, _ = couple_customer(connection)
    plan(connection, PairRef(person(connection, customer, **values).key))
    assert not Operation.objects.exists()


def test_contact_becomes_a_person_of_the_company(connection):
    _, account = couple_customer(connection)
    make_record(connection, BC, "contacts", number="CT1", name="Adatum", type="Company", companyNumber="CT1")
    plan(connection, PairRef(None, contact(connection, account).key))
    assert Operation.objects.get().after == {
        "displayName": "Ada King",
        "companyNumber": "CT1",
        "type": "Person",
        "email": "ada@adatum.example",
    }


def test_company_is_known_from_another_person_of_the_customer(connection):
    customer, account = couple_customer(connection)
    person(connection, customer, companyNumber="CT7")
    plan(connection, PairRef(None, contact(connection, account).key))
    assert Operation.objects.get().after["companyNumber"] == "CT7"


def test_company_that_is_not_certain_is_a_problem(connection):
    _, account = couple_customer(connection)
    for number in ("CT1", "CT5"):
        make_record(connection, BC, "contacts", number=number, name="Adatum", type="Company")
    plan(connection, PairRef(None, contact(connection, account).key))
    assert Operation.objects.get().error_code == "engine.no_company"


def test_contact_without_a_parent_gets_its_account(connection):
    customer, account = couple_customer(connection)
    bc, sales = person(connection, customer), contact(connection)
    make_coupling(
        TableMapping.objects.get(connection=connection, name="CONTACT"),
        bc,
        sales,
        bc_base=bc.values,
        sales_base=sales.values,
        last_synchronised_at="2026-01-01T00:00:00Z",
    )
    plan(connection, PairRef(bc.key, sales.key))
    assert Operation.objects.get().after["parentcustomerid_account@odata.bind"] == f"/accounts({account.key})"
