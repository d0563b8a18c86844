"""Contacts, vendors and opportunities in whole runs against the sandbox."""

from typing import Any
from uuid import UUID

import pytest

from coupling.models import Coupling
from syncjobs.choices import JobMode, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import Operation, SynchJob
from tests.engine.live import CREATING, Hub


@pytest.fixture
def company(hub: Hub) -> Coupling:
    """A coupled customer with its account; the connection owns by team."""
    hub.switch(ownership_model="team")
    customer = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    return hub.coupling("CUSTOMER", bc_key=customer)


def company_number(hub: Hub, name: str) -> str:
    rows = hub.bc.client.query("contacts", properties=["number", "displayName", "type"])
    return next(r.values["number"] for r in rows if (r.values["displayName"], r.values["type"]) == (name, "Company"))


def make_person(hub: Hub, name: str, company: str = "") -> UUID:
    body = {"companyNumber": company} if company else {}
    return hub.bc.create("contacts", type="Person", displayName=name, **body)


def make_contact(hub: Hub, first: str, last: str, account: UUID) -> UUID:
    bound = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    return hub.sales.create("contacts", firstname=first, lastname=last, **bound)


def couple(hub: Hub, bc_key: UUID, sales_key: UUID) -> Coupling:
    return Coupling.objects.create(
        connection=hub.connection,
        mapping=hub.mapping("CONTACT"),
        bc_table="contacts",
        bc_key=bc_key,
        sales_table="contacts",
        sales_key=sales_key,
    )


def run_pair(hub: Hub, bc_key: UUID | None, sales_key: UUID | None, **options: Any) -> SynchJob:
    pairs = (PairRef(bc_key, sales_key),)
    return hub.run("CONTACT", JobMode.MODIFIED, options=RunOptions(pairs=pairs, only_pairs=True, **options))


def test_l91_rename_travels_both_ways(hub: Hub, company: Coupling) -> None:
    person = make_person(hub, "Ada King", company_number(hub, "Adatum"))
    hub.run_full("CONTACT")
    pair = hub.coupling("CONTACT", bc_key=person)
    hub.sales.update("contacts", pair.sales_key, lastname="Lovelace")
    hub.run("CONTACT")
    assert hub.bc.row("contacts", person, "displayName") == {"displayName": "Ada Lovelace"}
    hub.bc.update("contacts", person, displayName="Ada Byron")
    hub.run("CONTACT")
    assert hub.sales.row("contacts", pair.sales_key, "fullname") == {"fullname": "Ada Byron"}


def test_l92_contact_of_an_uncoupled_account_fails(hub: Hub, company: Coupling) -> None:
    account = hub.sales.create("accounts", name="Contoso", customertypecode=3)
    contact = make_contact(hub, "Ada", "King", account)
    hub.run("CUSTOMER")
    job = hub.run_full("CONTACT")
    operation = Operation.objects.get(job=job, state=OperationState.FAILED)
    assert (job.failed, operation.error_code) == (1, "engine.no_company")
    assert not Coupling.objects.filter(sales_key=contact).exists()


def test_l93_company_contact_is_left_alone(hub: Hub, company: Coupling) -> None:
    keys = [r.key for r in hub.bc.client.query("contacts", properties=["type"]) if r.values["type"] == "Company"]
    job = run_pair(hub, keys[0], None, ignore_only_coupled=True)
    assert (job.inserted, job.modified, job.failed) == (0, 0, 0)


def test_l94_coupled_person_that_became_a_company_is_left_alone(hub: Hub, company: Coupling) -> None:
    person = make_person(hub, "Ada King")
    contact = make_contact(hub, "Ada", "King", company.sales_key)
    couple(hub, person, contact)
    hub.bc.update("contacts", person, type="Company")
    job = run_pair(hub, person, contact)
    assert (job.modified, job.failed) == (0, 0)


def test_l96_coupled_contacts_without_coupled_parents_are_in_step(hub: Hub, company: Coupling) -> None:
    person = make_person(hub, "Ada King", company_number(hub, "Adatum"))
    hub.run_full("CONTACT")
    company.delete()
    hub.bc.update("contacts", person, jobTitle="Countess", city="London")
    job = hub.run("CONTACT")
    assert (job.modified, job.failed) == (1, 0)


def test_l97_contact_of_another_kind_of_account_has_no_company(hub: Hub, company: Coupling) -> None:
    account = hub.sales.create("accounts", name="Contoso", customertypecode=10)
    contact = make_contact(hub, "Ada", "King", account)
    hub.run("CUSTOMER")
    job = hub.run("CONTACT", JobMode.FULL, options=CREATING)
    pair = hub.coupling("CONTACT", sales_key=contact)
    assert job.failed == 0
    assert hub.bc.row("contacts", pair.bc_key, "companyNumber") == {"companyNumber": ""}
    assert not Coupling.objects.filter(sales_key=account).exists()


def test_first_contact_becomes_the_primary_one_and_nobody_changed_the_company(hub: Hub, company: Coupling) -> None:
    contact = make_contact(hub, "Ada", "King", company.sales_key)
    hub.run_full("CONTACT")
    row = hub.sales.row("accounts", company.sales_key, "_primarycontactid_value")
    assert row == {"_primarycontactid_value": str(contact)}
    number = hub.bc.row("contacts", hub.coupling("CONTACT", sales_key=contact).bc_key, "number")["number"]
    shown = hub.bc.row("customerExtras", company.bc_key, "primaryContactNumber")
    assert shown == {"primaryContactNumber": number}
    again = hub.run_full("CUSTOMER")
    assert (again.inserted, again.modified, again.unchanged, again.failed) == (0, 0, 1, 0)


def test_compound_surname_arrives_as_it_is(hub: Hub, company: Coupling) -> None:
    contact = make_contact(hub, "Anouk", "de Graaf", company.sales_key)
    hub.run_full("CONTACT")
    person = hub.coupling("CONTACT", sales_key=contact).bc_key
    assert hub.bc.row("customerContacts", person, "firstName", "lastName") == {
        "firstName": "Anouk",
        "lastName": "de Graaf",
    }
    assert hub.bc.row("contacts", person, "displayName") == {"displayName": "Anouk de Graaf"}
    # Its customer takes the name over as contact text, which is no change to be carried back.
    assert (hub.run_full("CONTACT").modified, hub.run_full("CUSTOMER").modified) == (0, 0)


def test_companies_that_share_a_name_keep_their_own_contacts(hub: Hub, company: Coupling) -> None:
    twin = hub.sales.create("accounts", name="Adatum", customertypecode=3)
    hub.run_full("CUSTOMER")
    contact = make_contact(hub, "Ada", "King", twin)
    job = hub.run_full("CONTACT")
    assert (job.inserted, job.failed) == (1, 0)
    person = hub.coupling("CONTACT", sales_key=contact).bc_key
    customer = hub.bc.row("customerContacts", person, "customerId")["customerId"]
    assert UUID(customer) == hub.coupling("CUSTOMER", sales_key=twin).bc_key


def test_vendor_is_an_account_of_its_kind_and_its_contacts_follow(hub: Hub, company: Coupling) -> None:
    vendor = hub.bc.create("vendors", displayName="Fabrikam")
    assert hub.run_full("VENDOR").failed == 0
    account = hub.coupling("VENDOR", bc_key=vendor).sales_key
    assert hub.sales.row("accounts", account, "customertypecode") == {"customertypecode": 11}
    person = make_person(hub, "Ada King", company_number(hub, "Fabrikam"))
    job = hub.run_full("CONTACT")
    assert job.failed == 0
    contact = hub.coupling("CONTACT", bc_key=person).sales_key
    parent = hub.sales.row("contacts", contact, "_parentcustomerid_value")
    assert parent == {"_parentcustomerid_value": str(account)}


def test_opportunity_finds_contact_and_account(hub: Hub, company: Coupling) -> None:
    person = make_person(hub, "Ada King", company_number(hub, "Adatum"))
    hub.run_full("CONTACT")
    number = hub.bc.row("contacts", person, "number")["number"]
    opportunity = hub.bc.create("opportunities", description="Refit", contactNumber=number)
    job = hub.run_full("OPPORTUNITY")
    assert (job.inserted, job.failed) == (1, 0)
    row = hub.sales.row(
        "opportunities",
        hub.coupling("OPPORTUNITY", bc_key=opportunity).sales_key,
        "_parentcontactid_value",
        "_parentaccountid_value",
    )
    assert row == {
        "_parentcontactid_value": str(hub.coupling("CONTACT", bc_key=person).sales_key),
        "_parentaccountid_value": str(company.sales_key),
    }


def test_opportunity_from_sales_gets_its_contact_and_keeps_its_value(hub: Hub, company: Coupling) -> None:
    contact = make_contact(hub, "Ada", "King", company.sales_key)
    hub.run_full("CONTACT")
    bound = {"parentcontactid@odata.bind": f"/contacts({contact})"}
    key = hub.sales.create("opportunities", name="Refit", estimatedvalue=500, **bound)
    job = hub.run_full("OPPORTUNITY")
    assert (job.inserted, job.failed) == (1, 0)
    made = hub.coupling("OPPORTUNITY", sales_key=key).bc_key
    number = hub.bc.row("contacts", hub.coupling("CONTACT", sales_key=contact).bc_key, "number")["number"]
    assert hub.bc.row("opportunities", made, "contactNumber") == {"contactNumber": number}
    hub.run_full("OPPORTUNITY")
    assert hub.sales.row("opportunities", key, "estimatedvalue") == {"estimatedvalue": 500}
