"""Coupling and creating (scenarios 14 to 29 of the coupling document)."""

from uuid import UUID

import pytest
from django.test import Client
from rest_framework.test import APIClient

from coupling.models import Coupling
from syncjobs.choices import JobMode
from syncjobs.models import Operation, SynchJob
from tests.coupling.factories import make_person
from tests.engine.goods import make_group, make_list, make_products
from tests.engine.live import SALES
from tests.scenarios.coupling.pages import Seller, said
from tests.scenarios.coupling.test_a_set_up import product
from tests.scenarios.engine.world import World, counted


def newest() -> SynchJob:
    return SynchJob.objects.order_by("-pk")[0]


def account_of(hub: World, key: UUID, *names: str) -> dict[str, object]:
    return hub.sales.row("accounts", key, *(names or ("name",)))


def test_14_coupled_to_sales_the_account_takes_the_customers_name(seller: Seller) -> None:
    """CT CoupleCustomer"""
    hub = seller.hub
    customer, account = hub.customer("Adatum"), hub.account("Contoso")
    seller.reads("CUSTOMER")
    seller.confirms("CUSTOMER", customer, partner=str(account), choice="to_sales")
    assert Coupling.objects.get().sales_key == account
    assert account_of(hub, account) == {"name": "Adatum"}
    assert hub.bc.row("customers", customer, "displayName") == {"displayName": "Adatum"}


def test_15_coupled_without_a_direction_both_contacts_keep_their_data(seller: Seller) -> None:
    """CT CoupleContact"""
    hub = seller.hub
    company = hub.pair("Adatum")
    person = hub.bc.create("contacts", type="Person", displayName="Anna Bell", companyNumber=_company(hub, company))
    row = hub.sales.create(
        "contacts", firstname="Ana", lastname="Bel",
        **{"parentcustomerid_account@odata.bind": f"/accounts({company.sales_key})"},
    )  # fmt: skip
    seller.reads("CONTACT")
    answer = seller.confirms("CONTACT", person, partner=str(row), choice="none")
    assert "Coupled with" in answer.text
    assert hub.sales.row("contacts", row, "lastname") == {"lastname": "Bel"}
    assert hub.bc.row("contacts", person, "displayName") == {"displayName": "Anna Bell"}


def _company(hub: World, company: Coupling) -> str:
    """Number of the customer's company contact."""
    rows = hub.bc.rows("contacts", "number", "type", "companyName", "displayName")
    return next(row["number"] for row in rows if row["type"] == "Company" and row["displayName"] == "Adatum")


def test_16_customer_and_contact_are_created_from_sales(seller: Seller) -> None:
    """CT CreateCustomerFromCRM, CreateContactFromCRM"""
    hub = seller.hub
    account = hub.account("Contoso")
    seller.reads("CUSTOMER")
    answer = seller.acts("accounts", "create", [account], SALES)
    assert "1 queued, 0 already coupled." in said(answer)
    assert counted(newest())["inserted"] == 1
    pair = hub.coupling("CUSTOMER", sales_key=account)
    assert hub.bc.row("customers", pair.bc_key, "displayName") == {"displayName": "Contoso"}
    contact = hub.sales.create(
        "contacts", firstname="Anna", lastname="Bell",
        **{"parentcustomerid_account@odata.bind": f"/accounts({account})"},
    )  # fmt: skip
    seller.reads("CONTACT")
    seller.acts("contacts", "create", [contact], SALES)
    assert counted(newest())["inserted"] == 1
    assert hub.coupling("CONTACT", sales_key=contact)


def test_16_coupled_records_are_not_created_again(seller: Seller) -> None:
    """Ours: M6."""
    pair = seller.hub.pair("Adatum")
    jobs = SynchJob.objects.count()
    answer = seller.acts("customers", "create", [pair.bc_key])
    assert "0 queued, 1 already coupled." in said(answer)
    assert SynchJob.objects.count() == jobs


def test_17_currency_is_created_with_code_and_precision(seller: Seller) -> None:
    """CT CoupleCurrency"""
    hub = seller.hub
    seller.reads("CURRENCY")
    code = next(row["code"] for row in hub.bc.rows("currencies", "code") if 0 < len(row["code"]) <= 5)
    currency = hub.connection.business_central_records.get(table="currencies", number=code).key
    seller.confirms("CURRENCY", currency, create="1")
    assert newest().inserted == 1
    row = hub.sales.row(
        "transactioncurrencies", hub.coupling("CURRENCY").sales_key, "isocurrencycode", "currencyprecision"
    )
    assert row["isocurrencycode"] == code
    assert row["currencyprecision"] > 0


def test_18_opening_an_uncoupled_item_leads_to_coupling_it(seller: Seller) -> None:
    """CT CoupleItem"""
    hub = seller.hub
    make_products(hub)
    item = hub.bc.create(
        "items", number="1700", displayName="Rope", displayName2="Second line", baseUnitOfMeasureCode="PCS"
    )
    pieces = hub.connection.business_central_records.get(table="unitsOfMeasure", number="PCS").key
    row = product(hub, "OTHER", 1, hub.coupling("UNIT OF MEASURE", bc_key=pieces).sales_key)
    seller.reads("ITEM-PRODUCT")
    address = f"/c/default/records/business_central/items/{item}/open/"
    assert "Couple it now?" in seller.client.get(address).text
    seller.confirms("ITEM-PRODUCT", item, partner=str(row), choice="to_sales")
    values = hub.sales.row("products", row, "productnumber", "description")
    assert values["productnumber"] == "1700"
    assert "Second line" not in str(values["description"])
    assert f"etn=product&id={row}" in seller.client.get(address).url


def test_19_new_product_is_active_and_has_its_price(seller: Seller) -> None:
    """CT TestCoupleItemToNewProduct"""
    hub = seller.hub
    make_products(hub)
    item = hub.bc.create("items", number="1700", displayName="Rope", baseUnitOfMeasureCode="PCS", unitPrice=42)
    seller.reads("ITEM-PRODUCT")
    seller.confirms("ITEM-PRODUCT", item, create="1")
    key = hub.coupling("ITEM-PRODUCT", bc_key=item).sales_key
    values = hub.sales.row("products", key, "statecode", "_pricelevelid_value", "price")
    assert (values["statecode"], bool(values["_pricelevelid_value"])) == (0, True)
    prices = [
        row["amount"] for row in hub.sales.rows("productpricelevels", "amount", "_productid_value")
        if row["_productid_value"] == str(key)
    ]  # fmt: skip
    assert [float(amount) for amount in prices] == [42.0]


@pytest.mark.parametrize(("name", "table"), [("ITEM-PRODUCT", "items"), ("RESOURCE-PRODUCT", "resources")])
def test_20_record_without_a_unit_stays_uncoupled(seller: Seller, name: str, table: str) -> None:
    """CT CoupleItemWithBlankBaseUoM, CoupleResourceWithBlankBaseUoM"""
    hub = seller.hub
    make_products(hub)
    key = hub.bc.create(table, number="X1", displayName="Without unit")
    hub.bc.update(table, key, baseUnitOfMeasureCode="")
    seller.reads(name)
    seller.confirms(name, key, create="1")
    assert newest().failed == 1
    assert not Coupling.objects.filter(bc_key=key).exists()
    assert "unit" in Operation.objects.filter(state="failed").latest("pk").error_message.lower()


def test_21_unit_moves_to_another_group_and_names_its_base_unit(seller: Seller) -> None:
    """CT CoupleUnitOfMeasure"""
    hub = seller.hub
    hub.switch(unit_group_mapping=False)
    unit = hub.bc.create("unitsOfMeasure", code="CRATE", displayName="Crate")
    groups = [hub.sales.create("uomschedules", name=f"Group {n}", baseuomname=f"Base {n}") for n in (1, 2)]
    hub.linked(unit, groups[0], "UNIT OF MEASURE")
    seller.reads("UNIT OF MEASURE")
    seller.confirms("UNIT OF MEASURE", unit, partner=str(groups[1]), choice="to_sales")
    assert hub.coupling("UNIT OF MEASURE").sales_key == groups[1]
    assert not Coupling.objects.filter(sales_key=groups[0]).exists()
    units = hub.sales.rows("uoms", "name", "_uomscheduleid_value")
    assert [row["name"] for row in units if row["_uomscheduleid_value"] == str(groups[1])] == ["CRATE"]
    assert hub.bc.row("unitsOfMeasure", unit, "code", "displayName") == {"code": "CRATE", "displayName": "Crate"}


def test_22_price_group_gives_a_list_its_name_or_makes_one(seller: Seller) -> None:
    """CT CoupleCustPriceGroup, CoupleCustPriceGroupWithSalesPrice"""
    hub = seller.hub
    make_products(hub)
    make_group(hub)
    group = hub.connection.business_central_records
    row = hub.sales.create("pricelevels", name="Shops")
    other = hub.bc.create("customerPriceGroups", code="WHOLE", displayName="Wholesale")
    seller.reads("CUSTPRCGRP-PRICE")
    seller.confirms("CUSTPRCGRP-PRICE", other, partner=str(row), choice="to_sales")
    assert hub.sales.row("pricelevels", row, "name") == {"name": "WHOLE"}
    retail = group.get(table="customerPriceGroups", number="RETAIL").key
    seller.confirms("CUSTPRCGRP-PRICE", retail, create="1")
    made = SynchJob.objects.filter(mapping__name="CUSTPRCGRP-PRICE", mode=JobMode.CREATE).get()
    assert made.inserted == 1
    assert hub.coupling("CUSTPRCGRP-PRICE", bc_key=retail)


def test_23_price_list_that_updates_defaults_does_not_qualify(seller: Seller) -> None:
    """CT CouplePriceListHeaderAllowUpdatingDefaultsWithCRMPriceLevel, CouplePriceListHeaderWithCRMPriceLevel"""
    hub = seller.hub
    make_products(hub)
    make_list(hub, allowUpdatingDefaults=True)
    key = UUID(hub.bc.rows("priceLists", "id")[0]["id"])
    row = hub.sales.create("pricelevels", name="Any list")
    seller.reads("PLHEADER-PRICE")
    answer = seller.confirms("PLHEADER-PRICE", key, partner=str(row), choice="none")
    assert "left out by the PLHEADER-PRICE filter" in answer.text
    hub.bc.update("priceLists", key, allowUpdatingDefaults=False, status="Active")
    seller.reads("PLHEADER-PRICE")
    seller.confirms("PLHEADER-PRICE", key, create="1")
    pair = hub.coupling("PLHEADER-PRICE", bc_key=key)
    made = hub.sales.row("pricelevels", pair.sales_key, "statecode", "name")
    assert made == {"statecode": 0, "name": "S1"}
    assert Coupling.objects.filter(mapping__name="PLLINE-PRODPRICE").count() == 2


def test_23_draft_becomes_a_list_that_is_not_in_use(seller: Seller) -> None:
    """CT CoupleInactivePriceListHeaderWithCRMPriceLevel. The built-in refuses drafts;
    default-mappings.json, which comes before the prose, lets them through, and ours makes them inactive in Sales."""
    hub = seller.hub
    make_products(hub)
    make_list(hub)
    key = UUID(hub.bc.rows("priceLists", "id")[0]["id"])
    seller.reads("PLHEADER-PRICE")
    seller.confirms("PLHEADER-PRICE", key, create="1")
    pair = hub.coupling("PLHEADER-PRICE", bc_key=key)
    assert hub.sales.row("pricelevels", pair.sales_key, "statecode") == {"statecode": 1}


def test_24_cancelled_dialog_couples_and_changes_nothing(seller: Seller) -> None:
    """CT CoupleResource"""
    hub = seller.hub
    resource = hub.bc.create("resources", number="R1", displayName="Crew", baseUnitOfMeasureCode="HOUR")
    row = product(hub, "CREW", 3)
    seller.reads("RESOURCE-PRODUCT")
    page = seller.sets_up("RESOURCE-PRODUCT", resource, partner=str(row), choice="to_sales")
    assert page.context["partner"].key == row
    assert seller.client.get(page.context["back"]).status_code == 200
    assert not Coupling.objects.exists()
    assert hub.sales.row("products", row, "name", "productnumber") == {"name": "Name CREW", "productnumber": "CREW"}


def test_25_unit_older_than_the_last_run_is_not_missed(seller: Seller) -> None:
    """CT CoupleToNewUoMAfterMapIsSynched"""
    hub = seller.hub
    hub.switch(unit_group_mapping=False)
    unit = hub.bc.create("unitsOfMeasure", code="CRATE", displayName="Crate")
    hub.run("UNIT OF MEASURE")
    assert not Coupling.objects.filter(bc_key=unit).exists()
    seller.confirms("UNIT OF MEASURE", unit, create="1")
    assert hub.coupling("UNIT OF MEASURE", bc_key=unit)


def test_26_opportunity_is_created_without_a_salesperson(seller: Seller) -> None:
    """CT CoupleOpportunity, CoupleOpportunityToNew, CoupleOpportunityToNewEmptySalespersonCode"""
    hub = seller.hub
    company = hub.pair("Adatum")
    person = hub.bc.create("contacts", type="Person", displayName="Anna Bell", companyNumber=_company(hub, company))
    hub.run_full("CONTACT")
    number = hub.bc.row("contacts", person, "number")["number"]
    opportunity = hub.bc.create("opportunities", description="Refit", contactNumber=number)
    seller.reads("OPPORTUNITY")
    seller.confirms("OPPORTUNITY", opportunity, create="1")
    pair = hub.coupling("OPPORTUNITY", bc_key=opportunity)
    row = hub.sales.row("opportunities", pair.sales_key, "name", "_parentcontactid_value")
    assert row["name"] == "Refit"
    assert row["_parentcontactid_value"] == str(hub.coupling("CONTACT", bc_key=person).sales_key)


def test_27_account_of_a_deleted_customer_gets_a_new_one(seller: Seller) -> None:
    """CT SyncAccountWithCorruptCouplingToNewCustomer, SyncAccountModifiedByIntegrationUserToNewCustomer"""
    hub = seller.hub
    pair = hub.pair("Adatum")
    before = hub.bc.row("customers", pair.bc_key, "number")["number"]
    hub.bc.delete("customers", pair.bc_key)
    seller.reads("CUSTOMER")
    seller.acts("accounts", "create", [pair.sales_key], SALES)
    made = hub.coupling("CUSTOMER", sales_key=pair.sales_key)
    assert made.bc_key != pair.bc_key
    row = hub.bc.row("customers", made.bc_key, "number", "displayName")
    assert row["displayName"] == "Adatum"
    assert row["number"] != before


def test_28_products_become_items_by_their_kind(seller: Seller) -> None:
    """CT TestProductToNewItem, TestProductToNewItemResourceNotPickedUp"""
    hub = seller.hub
    make_products(hub)
    goods, service = product(hub, "GOODS", 1), product(hub, "SERVICE", 3)
    seller.reads("ITEM-PRODUCT")
    items = hub.mapping("ITEM-PRODUCT")
    answer = seller.client.get(seller.address("ITEM-PRODUCT", service, SALES), {"mapping": items.name})
    assert answer.status_code == 200
    hub.run("ITEM-PRODUCT", JobMode.FULL, options=_creating())
    assert not Coupling.objects.filter(sales_key=service, mapping=items).exists()
    assert Coupling.objects.filter(sales_key=goods, mapping=items).exists() or Operation.objects.filter(
        sales_key=goods, state="failed", error_message__icontains="unit"
    )


def _creating():
    from syncjobs.engine.options import RunOptions

    return RunOptions(ignore_only_coupled=True)


@pytest.mark.parametrize("clears", [True, False])
def test_29_primary_contact_that_is_not_coupled(seller: Seller, clears: bool) -> None:
    """CT NAVtoCRMSyncClearValueOnFailedSyncYes, NAVtoCRMSyncClearValueOnFailedSyncNo"""
    hub = seller.hub
    pair = hub.pair("Adatum")
    person = hub.bc.create("contacts", type="Person", displayName="Anna Bell", companyNumber=_company(hub, pair))
    number = hub.bc.row("contacts", person, "number")["number"]
    hub.set_field("CUSTOMER", "primarycontactid", clear_value_on_failed_sync=clears)
    kept = hub.sales.create(
        "contacts", lastname="Kept", **{"parentcustomerid_account@odata.bind": f"/accounts({pair.sales_key})"}
    )
    hub.sales.update("accounts", pair.sales_key, **{"primarycontactid@odata.bind": f"/contacts({kept})"})
    field = hub.mapping("CUSTOMER").fields.get(sales_attribute="primarycontactid").business_central_property
    hub.bc.update("workflowCustomers", pair.bc_key, **{field: number})
    seller.client.post(f"/c/default/couplings/{pair.pk}/synchronize/", {"direction": "to_sales"})
    held = hub.sales.row("accounts", pair.sales_key, "_primarycontactid_value")["_primarycontactid_value"]
    assert (held, newest().failed) == ((None, 0) if clears else (str(kept), 1))


def test_claims_reserve_a_record_for_one_person(seller: Seller) -> None:
    """Ours (R17): a second person is told, and may take over."""
    hub = seller.hub
    customer, account = hub.customer("Adatum"), hub.account("Contoso")
    seller.reads("CUSTOMER")
    seller.sets_up("CUSTOMER", customer)
    second = Client()
    second.force_login(make_person("second", "salesperson"))
    other = Seller(hub, second)
    assert "is being coupled by seller right now" in other.sets_up("CUSTOMER", customer).text
    form = {"partner": str(account), "choice": "none"}
    assert "is being coupled by seller right now" in other.confirms("CUSTOMER", customer, **form).text
    assert not Coupling.objects.exists()
    other.confirms("CUSTOMER", customer, take_over="1")
    other.confirms("CUSTOMER", customer, **form)
    assert Coupling.objects.get().sales_key == account


def test_a_reserved_record_answers_409_over_rest_until_it_is_left_or_taken_over(seller: Seller) -> None:
    """Ours (R17): programs respect what somebody is deciding about; a page that was left reserves nothing."""
    hub = seller.hub
    customer, account = hub.customer("Adatum"), hub.account("Contoso")
    seller.reads("CUSTOMER")
    page = seller.sets_up("CUSTOMER", customer)
    api = APIClient()
    api.force_authenticate(make_person("program", "salesperson"))
    root = "/api/v1/connections/default/couplings/"
    pair = {"mapping": "CUSTOMER", "business_central_id": str(customer), "sales_id": str(account)}
    refused = api.post(root, pair, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "coupling.claimed")
    assert "Adatum is being coupled by seller right now." in refused.json()["detail"]
    creation = {"mapping": "CUSTOMER", "business_central_id": str(customer)}
    assert api.post(f"{root}create/", creation, format="json").status_code == 409
    assert not Coupling.objects.exists()
    seller.client.post(page.request["PATH_INFO"], {"left": page.context["claimed_until"].isoformat()})
    assert api.post(root, pair, format="json").status_code == 201
    coupling = Coupling.objects.get()
    seller.sets_up("CUSTOMER", customer)
    move = {"sales_id": str(hub.account("Fabrikam"))}
    assert api.patch(f"{root}{coupling.pk}/", move, format="json").status_code == 409
    assert api.patch(f"{root}{coupling.pk}/", {**move, "take_over": True}, format="json").status_code == 200
