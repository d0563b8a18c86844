"""L. Contacts (scenarios 91 to 97)."""

from uuid import UUID

import pytest
from django.test import Client

from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.choices import JobMode, OperationState
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import Operation, SynchJob
from tests.coupling.factories import make_person as make_user
from tests.engine.live import BC
from tests.engine.people import company_number, make_contact, make_person
from tests.scenarios.engine.world import World, counted


@pytest.fixture
def company(hub: World) -> Coupling:
    """The coupled customer Adatum; the connection owns by team."""
    hub.switch(ownership_model="team")
    return hub.pair("Adatum")


def run_pair(hub: World, bc_key: UUID | None, sales_key: UUID | None, **options: bool) -> SynchJob:
    return hub.run("CONTACT", JobMode.SELECTED, options=RunOptions(**options).with_pairs([PairRef(bc_key, sales_key)]))


def company_contact(hub: World) -> UUID:
    rows = hub.bc.client.query("contacts", properties=["type"])
    return next(row.key for row in rows if row.values["type"] == "Company")


def test_l91_rename_travels_both_ways(hub: World, company: Coupling) -> None:
    """139181 ModifiedCRMContactSyncedToNAVContact, ModifiedNAVContactSyncedToCRMContact"""
    person = make_person(hub, "Ada King", company_number(hub, "Adatum"))
    hub.run_full("CONTACT")
    pair = hub.coupling("CONTACT", bc_key=person)
    hub.sales.update("contacts", pair.sales_key, lastname="Lovelace")
    assert hub.run("CONTACT").modified == 1
    assert hub.bc.row("contacts", person, "displayName") == {"displayName": "Ada Lovelace"}
    hub.bc.update("contacts", person, displayName="Ada Byron")
    assert hub.run("CONTACT").modified == 1
    assert hub.sales.row("contacts", pair.sales_key, "fullname") == {"fullname": "Ada Byron"}


def test_l92_contact_of_an_uncoupled_account_fails_and_says_why(hub: World, company: Coupling) -> None:
    """139181 NewCRMContactCannotBeSyncedToNewNAVContactWithoutCoupledParent"""
    contact = make_contact(hub, "Ada", "King", hub.account("Contoso"))
    hub.run("CUSTOMER")
    job = hub.run_full("CONTACT")
    failed = Operation.objects.get(job=job, state=OperationState.FAILED)
    assert (job.failed, failed.error_code) == (1, "engine.no_company")
    assert "does not exist in Business Central" in failed.error_message
    assert not Coupling.objects.filter(sales_key=contact).exists()


def test_l92_that_contact_follows_once_its_account_is_coupled(hub: World, company: Coupling) -> None:
    """139181 NewCRMContactCannotBeSyncedToNewNAVContactWithoutCoupledParent: the failure is remembered."""
    contact = make_contact(hub, "Ada", "King", hub.account("Contoso"))
    hub.run("CUSTOMER")
    hub.run_full("CONTACT")
    hub.run_full("CUSTOMER")
    hub.may_create("CONTACT")
    assert hub.run("CONTACT").inserted == 1
    assert Coupling.objects.filter(sales_key=contact).exists()


def test_l93_company_contact_is_not_offered_and_is_left_alone(hub: World, company: Coupling) -> None:
    """139181 TestCoupleCompanyContactThroughUI, TestCoupleCompanyContactThroughCode"""
    key = company_contact(hub)
    hub.run("CONTACT")
    assert counted(run_pair(hub, key, None, ignore_only_coupled=True)) == {}
    record = BusinessCentralRecord.objects.get(table="contacts", key=key)
    client = Client()
    client.force_login(make_user("seller", "salesperson"))
    page = client.get(f"/c/default/records/business_central/contacts/{record.key}/").content.decode()
    assert "Create in Sales" not in page
    assert hub.sales.rows("contacts", "fullname") == []


def test_l94_coupled_person_that_became_a_company_is_left_alone(hub: World, company: Coupling) -> None:
    """139181 TestChangeCoupledPersonToCompanyContactAndCoupleThroughCode"""
    person = make_person(hub, "Ada King")
    contact = make_contact(hub, "Ada", "King", company.sales_key)
    hub.linked(person, contact, "CONTACT")
    hub.bc.update("contacts", person, type="Company")
    job = run_pair(hub, person, contact)
    assert (job.modified, job.failed) == (0, 0)


def test_l95_contact_of_an_uncoupled_customer_waits_without_an_error(hub: World, company: Coupling) -> None:
    """139181 TestSynchContactWithUnCoupledParentCustomer: a mapping for coupled records only passes it by without even
    counting it (docs/differences.md, “Uncoupled records”)."""
    hub.customer("Fabrikam")
    person = make_person(hub, "Ada King", company_number(hub, "Fabrikam"))
    assert counted(hub.run("CONTACT")) == {}
    assert counted(run_pair(hub, person, None)) == {}
    assert not Operation.objects.filter(mapping__name="CONTACT").exists()
    assert hub.sales.rows("contacts", "fullname") == []


def test_l96_coupled_contacts_of_uncoupled_companies_are_kept_in_step(hub: World, company: Coupling) -> None:
    """139181 TestSynchContactCoupledToCRMContactWhileParentsAreNotCoupled"""
    person = make_person(hub, "Ada King", company_number(hub, "Adatum"))
    hub.run_full("CONTACT")
    company.delete()
    hub.bc.update("contacts", person, city="London")
    assert counted(hub.run("CONTACT")) == {"modified": 1}
    contact = hub.coupling("CONTACT", bc_key=person).sales_key
    assert hub.sales.row("contacts", contact, "address1_city") == {"address1_city": "London"}


def test_l97_contact_of_an_account_of_another_kind_has_no_company(hub: World, company: Coupling) -> None:
    """139181 TestSynchCRMContactWithNonCustomerCRMAccountParent"""
    account = hub.account("Contoso", customertypecode=10)
    contact = make_contact(hub, "Ada", "King", account)
    hub.run("CUSTOMER")
    job = hub.run_full("CONTACT")
    assert (job.inserted, job.failed) == (1, 0)
    made = hub.coupling("CONTACT", sales_key=contact)
    assert hub.bc.row("contacts", made.bc_key, "companyNumber") == {"companyNumber": ""}
    assert not Coupling.objects.filter(sales_key=account).exists()
    assert hub.names(BC) == ["Adatum"]
