"""Contacts, vendors and opportunities in whole runs against the sandbox, beside the scenarios L91 to L97."""

from uuid import UUID

import pytest

from coupling.models import Coupling
from syncjobs.engine import settle
from syncjobs.engine.context import JobRun
from syncjobs.models import Operation
from tests.engine.live import BC, Hub
from tests.engine.people import company_number, make_contact, make_person
from tests.engine.test_pull import pull


@pytest.fixture
def company(hub: Hub) -> Coupling:
    """A coupled customer with its account; the connection owns by team."""
    hub.switch(ownership_model="team")
    customer = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    return hub.coupling("CUSTOMER", bc_key=customer)


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


@pytest.mark.parametrize("when", ["before it is planned again", "before its steps"])
def test_compound_surname_arrives_though_another_job_reads_the_person_first(
    hub: Hub, company: Coupling, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    contact = make_contact(hub, "Anouk", "de Graaf", company.sales_key)
    real, reads = settle.next_steps, []

    def after_another_job(run: JobRun, slice_id: int | None, written: set[UUID]) -> list[Operation]:
        if not reads and bool(written) == (when == "before its steps"):
            reads.append(pull(hub, BC, "contacts"))
        return real(run, slice_id, written)

    monkeypatch.setattr(settle, "next_steps", after_another_job)
    hub.run_full("CONTACT")
    assert reads
    person = hub.coupling("CONTACT", sales_key=contact).bc_key
    assert hub.bc.row("customerContacts", person, "lastName") == {"lastName": "de Graaf"}
    account = hub.sales.row("accounts", company.sales_key, "address1_primarycontactname")
    assert account == {"address1_primarycontactname": "Anouk de Graaf"}
    assert (hub.run("CONTACT").modified, hub.run("CUSTOMER").modified) == (0, 0)


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


def test_opportunity_that_is_lost_in_sales_makes_none_in_business_central(hub: Hub, company: Coupling) -> None:
    contact = make_contact(hub, "Ada", "King", company.sales_key)
    hub.run_full("CONTACT")
    bound = {"parentcontactid@odata.bind": f"/contacts({contact})"}
    lost = hub.sales.create("opportunities", name="Refit", **bound)
    body = {"OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({lost})"}, "Status": 4}
    hub.sales.client.session.send("POST", "LoseOpportunity", body=body)
    job = hub.run_full("OPPORTUNITY")
    assert (job.inserted, job.modified, job.failed) == (0, 0, 0)
    assert not Coupling.objects.filter(mapping__name="OPPORTUNITY").exists()
