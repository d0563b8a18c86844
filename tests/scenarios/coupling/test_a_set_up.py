"""Set Up Coupling (scenarios 1 to 13 of the coupling document)."""

from typing import Any
from uuid import UUID

import pytest

from coupling.models import Coupling
from syncjobs.models import SynchJob
from tests.engine.live import SALES
from tests.scenarios.coupling.pages import Seller, offered, shown
from tests.scenarios.engine.world import World

CHOICES = ("none", "to_sales", "to_business_central")


def customer_and_account(seller: Seller, coupled: bool = False) -> tuple[UUID, UUID]:
    customer, account = seller.hub.customer("Adatum"), seller.hub.account("Contoso")
    if coupled:
        seller.hub.linked(customer, account)
    seller.reads("CUSTOMER")
    return customer, account


def choice_of(page: Any) -> str:
    return str(page.context["setup"].choice)


def test_01_choice_at_first(seller: Seller) -> None:
    """CR BidirectionalDefaultSynchToCRMIfNotCoupled, DefaultDoNotSyncIfCoupled"""
    customer, account = customer_and_account(seller)
    page = seller.sets_up("CUSTOMER", customer)
    assert choice_of(page) == "to_sales"
    assert '<p class="setup-name">Adatum</p>' in page.text
    seller.hub.linked(customer, account)
    assert choice_of(seller.sets_up("CUSTOMER", customer)) == "none"


def test_02_creating_forces_the_direction(seller: Seller) -> None:
    """CR CheckingCreateNewInCRM"""
    customer, _ = customer_and_account(seller)
    assert choice_of(seller.sets_up("CUSTOMER", customer, choice="none", create=1)) == "to_sales"


@pytest.mark.parametrize("choice", CHOICES)
def test_03_creating_is_taken_back_to_what_was_chosen(seller: Seller, choice: str) -> None:
    """CR UncheckingCreateNewInCRM"""
    customer, account = customer_and_account(seller)
    page = seller.sets_up("CUSTOMER", customer, choice=choice, create=1, before=str(account))
    assert [card.value for card in page.context["cards"] if card.allowed] == ["to_sales"]
    assert page.context["partner"] is None
    back = page.text.split('" data-picker-create>')[0].rpartition('href="')[2].replace("&amp;", "&")
    page = seller.client.get(seller.address("CUSTOMER", customer) + back)
    assert (choice_of(page), page.context["partner"].key) == (choice, account)
    assert all(card.allowed for card in page.context["cards"])


def pairs_of(seller: Seller, name: str) -> tuple[UUID, UUID, UUID]:
    """A record coupled with the second of two free rows: record, first row, second row."""
    hub = seller.hub
    users = [row["systemuserid"] for row in hub.sales.rows("systemusers", "systemuserid", "isdisabled")]
    made = {
        "CUSTOMER": lambda n: (hub.customer(f"Record {n}"), hub.account(f"Row {n}")),
        "SALESPEOPLE": lambda n: (
            hub.bc.create("salespeoplePurchasers", code=f"S{n}", displayName=f"Record {n}"),
            UUID(users[n]),
        ),
        "CONTACT": lambda n: (
            hub.bc.create("contacts", type="Person", displayName=f"Record {n}"),
            hub.sales.create("contacts", firstname="Row", lastname=str(n)),
        ),
        "ITEM-PRODUCT": lambda n: (
            hub.bc.create("items", number=f"I{n}", displayName=f"Record {n}", baseUnitOfMeasureCode="PCS"),
            product(hub, f"Row {n}", 1),
        ),
        "RESOURCE-PRODUCT": lambda n: (
            hub.bc.create("resources", number=f"R{n}", displayName=f"Record {n}", baseUnitOfMeasureCode="HOUR"),
            product(hub, f"Row {n}", 3),
        ),
    }[name]
    (record, _), (_, first), (_, second) = made(0), made(1), made(2)
    hub.linked(record, second, name)
    seller.reads(name)
    return record, first, second


def product(hub: World, number: str, kind: int, unit_group: UUID | None = None) -> UUID:
    """An active product of a kind: 1 sales inventory, 3 services."""
    group = str(unit_group or hub.sales.rows("uomschedules", "uomscheduleid")[0]["uomscheduleid"])
    unit = next(
        row["uomid"] for row in hub.sales.rows("uoms", "uomid", "_uomscheduleid_value")
        if row["_uomscheduleid_value"] == group
    )  # fmt: skip
    bound = {
        "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
        "defaultuomid@odata.bind": f"/uoms({unit})",
    }
    key = hub.sales.create(
        "products", productnumber=number, name=f"Name {number}", quantitydecimal=2, producttypecode=kind, **bound
    )
    hub.sales.update("products", key, statecode=0, statuscode=1)
    return key


@pytest.mark.parametrize("name", ["CUSTOMER", "CONTACT", "SALESPEOPLE", "ITEM-PRODUCT", "RESOURCE-PRODUCT"])
def test_04_picker_opens_on_the_partner_and_takes_another(seller: Seller, name: str) -> None:
    """CR LookupCouplingRecordForCustomer, …ForContact, …ForSalesperson, …ForItem, …ForResource"""
    if name == "SALESPEOPLE":
        seller.hub.switch(ownership_model="person")
    record, first, second = pairs_of(seller, name)
    page = seller.sets_up(name, record)
    front = page.context["candidates"].rows[0]
    assert (front.record.key, front.current) == (second, True)
    page = seller.sets_up(name, record, partner=str(first))
    row = seller.hub.connection.sales_records.get(key=first)
    assert page.context["partner"] == row
    assert (row.name or row.number) in page.text


@pytest.mark.parametrize(
    ("name", "sales_filter"),
    [
        ("CUSTOMER", "name eq 'Only A'"),
        ("CONTACT", "lastname eq 'A'"),
        ("SALESPEOPLE", ""),
        ("CURRENCY", "isocurrencycode eq 'AAA'"),
        ("CUSTPRCGRP-PRICE", "name eq 'Only A'"),
    ],
)
def test_05_only_rows_inside_the_filter_can_be_chosen(seller: Seller, name: str, sales_filter: str) -> None:
    """CR LookupFilteredCRMRecordForAccount, …ForContact, …ForSalesperson, …ForCurrency, …ForCustomerPriceGroup"""
    hub = seller.hub
    hub.switch(ownership_model="person", extended_pricing=False)
    if name == "SALESPEOPLE":
        people = hub.sales.rows("systemusers", "systemuserid", "fullname", "internalemailaddress")
        sales_filter = f"fullname eq '{people[0]['fullname']}'"
    made = {
        "CUSTOMER": lambda: (hub.customer("Only"), hub.account("Only A"), hub.account("Only B")),
        "CONTACT": lambda: (
            hub.bc.create("contacts", type="Person", displayName="Only"),
            hub.sales.create("contacts", firstname="Only", lastname="A"),
            hub.sales.create("contacts", firstname="Only", lastname="B"),
        ),
        "SALESPEOPLE": lambda: (
            hub.bc.create("salespeoplePurchasers", code="O", displayName="Only"),
            UUID(people[0]["systemuserid"]),
            UUID(people[1]["systemuserid"]),
        ),
        "CURRENCY": lambda: (
            hub.bc.create("currencies", code="ABC", displayName="Only"),
            *(
                hub.sales.create(
                    "transactioncurrencies", isocurrencycode=code, currencyname=f"Only {code}", exchangerate=2,
                    currencysymbol="x", currencyprecision=2,
                )
                for code in ("AAA", "BBB")
            ),
        ),
        "CUSTPRCGRP-PRICE": lambda: (
            hub.bc.create("customerPriceGroups", code="ONLY", displayName="Only"),
            hub.sales.create("pricelevels", name="Only A"),
            hub.sales.create("pricelevels", name="Only B"),
        ),
    }[name]  # fmt: skip
    record, inside, outside = made()
    hub.set(name, sales_filter=sales_filter)
    seller.reads(name)
    names = {row.key: row.name for row in hub.connection.sales_records.filter(key__in=[inside, outside])}
    for key in (inside, outside):
        page = seller.sets_up(name, record, search=names[key])
        assert (key in offered(page), key in shown(page)) == (key == inside, True)
    answer = seller.confirms(name, record, partner=str(outside), choice="none")
    assert f"left out by the {name} filter" in answer.text
    assert not Coupling.objects.exists()


def test_06_typing_names_never_changes_the_choice(seller: Seller) -> None:
    """CR TypingCRMAccountName"""
    customer, first = customer_and_account(seller, coupled=True)
    second = seller.hub.account("Fabrikam")
    seller.reads("CUSTOMER")
    for name, key in (("Fabrikam", second), ("Contoso", first), ("Contoso", first)):
        page = seller.sets_up("CUSTOMER", customer, choice="to_business_central", search=name)
        assert (choice_of(page), page.context["candidates"].sole) == ("to_business_central", key)
        page = seller.sets_up("CUSTOMER", customer, choice="to_business_central", partner=str(key))
        assert choice_of(page) == "to_business_central"


def test_07_incomplete_names_propose_in_the_order_of_names(seller: Seller) -> None:
    """CR TypingIncompleteCRMAccountName, TypingWrongCRMAccountName"""
    customer = seller.hub.customer("Adatum")
    keys = {name: seller.hub.account(name) for name in ("CCCC", "CC", "X")}
    seller.reads("CUSTOMER")
    page = seller.sets_up("CUSTOMER", customer, search="C")
    assert offered(page) == [keys["CC"], keys["CCCC"]]
    assert page.context["candidates"].sole is None
    assert seller.sets_up("CUSTOMER", customer, search="CC").context["candidates"].sole == keys["CC"]
    assert "No account matches “WrongName”" in seller.sets_up("CUSTOMER", customer, search="WrongName").text


def test_07_rows_of_one_name_are_not_chosen_for_anybody(seller: Seller) -> None:
    """Ours: the first of several of one name is not simply taken."""
    customer = seller.hub.customer("Adatum")
    for _ in range(2):
        seller.hub.account("Twin")
    seller.reads("CUSTOMER")
    page = seller.sets_up("CUSTOMER", customer, search="twin")
    assert page.context["candidates"].sole is None
    assert "2 accounts are called “twin”. Choose the one you mean" in page.text


def test_08_table_without_a_mapping_has_no_dialog(seller: Seller) -> None:
    """CR CRMTableNameInBufferDefinedByTableMapping, CRMTableNameInBufferIsBlankIfNoTableMapping"""
    customer, _ = customer_and_account(seller)
    seller.hub.set("CUSTOMER", enabled=False)
    answer = seller.client.get(seller.address("CUSTOMER", customer))
    assert answer.status_code == 404


def test_09_one_read_only_line_per_enabled_field(seller: Seller) -> None:
    """CR CoupledRecordPageShowsFieldsDefinedByMapping"""
    customer, _ = customer_and_account(seller, coupled=True)
    fields = seller.hub.mapping("CUSTOMER").fields
    fields.filter(sales_attribute="telephone1").update(enabled=False)
    lines = seller.sets_up("CUSTOMER", customer).context["lines"]
    mapped = set(fields.values_list("pk", flat=True))
    enabled = fields.filter(enabled=True, available=True).values_list("pk", flat=True)
    assert sorted(line.field_id for line in lines if line.field_id in mapped) == sorted(enabled)
    assert "telephone1" not in {line.sales_attribute for line in lines}
    named = next(line for line in lines if line.sales_attribute == "name")
    assert (named.bc_now_text, named.sales_now_text) == ("Adatum", "Contoso")


def test_10_picking_another_row_shows_its_values_at_once(seller: Seller) -> None:
    """CR LookupCouplingRecordRefreshesValuesOnPage"""
    customer, _ = customer_and_account(seller, coupled=True)
    other = seller.hub.account("Fabrikam", address1_city="Gent")
    seller.reads("CUSTOMER")
    page = seller.sets_up("CUSTOMER", customer, partner=str(other))
    values = {line.sales_attribute: line.sales_now_text for line in page.context["lines"]}
    assert (values["name"], values["address1_city"]) == ("Fabrikam", "Gent")


@pytest.mark.parametrize("choice", CHOICES)
def test_11_first_synchronisation_only_where_a_direction_was_chosen(seller: Seller, choice: str) -> None:
    """CR GetPerformInitialSynchronization"""
    customer, account = customer_and_account(seller)
    seller.confirms("CUSTOMER", customer, partner=str(account), choice=choice)
    assert Coupling.objects.get().sales_key == account
    assert SynchJob.objects.exists() == (choice != "none")


def test_11_creating_asks_for_a_record_and_names_no_row(seller: Seller) -> None:
    """CR GetCreateNewInCRM"""
    customer, account = customer_and_account(seller)
    seller.confirms("CUSTOMER", customer, create="1")
    assert SynchJob.objects.get().mode == "create"
    assert Coupling.objects.get().sales_key != account


def test_12_creating_is_for_uncoupled_records(seller: Seller) -> None:
    """CR CRMCouplingRecordCreateNewEnabledForNotCoupledRecord, CRMCouplingRecordCreateNewDisabledForCoupledRecord"""
    customer, account = customer_and_account(seller)
    assert "Create account" in seller.sets_up("CUSTOMER", customer).text
    seller.hub.linked(customer, account)
    page = seller.sets_up("CUSTOMER", customer, create=1)
    assert "Create account" not in page.text
    assert not page.context["setup"].creates


def test_13_actions_need_a_working_connection(seller: Seller) -> None:
    """CR CustomerListCRMControlsVisibility, CustomerCardCRMControlsVisibility"""
    customer_and_account(seller, coupled=True)
    coupling = Coupling.objects.get()
    on_list = ("Synchronize", "Create account in Sales", "Delete coupling", "Match-based coupling")
    on_page = ("Synchronize Now", "Set Up Coupling", "Delete coupling")
    listing, page = seller.lists("customers").text, seller.page_of(coupling)
    assert [name for name in on_list if f"{name}</button>" not in listing] == []
    assert "Create customer in Business Central</button>" in seller.lists("accounts", SALES).text
    assert [name for name in on_page if name not in page] == []
    assert "Open in Sales" in page
    seller.hub.connection.enabled = False
    seller.hub.connection.save()
    listing, page = seller.lists("customers").text, seller.page_of(coupling)
    assert [name for name in on_list if f"{name}</button>" in listing] == []
    assert [name for name in on_page if f"{name}</" in page] == []
