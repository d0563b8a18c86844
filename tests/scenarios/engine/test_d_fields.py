"""D. Field transfer (scenarios 33 to 40), E. Templates (41 to 43)."""

from decimal import Decimal
from uuid import UUID

import pytest

from connector.choices import Direction
from coupling.models import OptionMapping, RecordTemplate
from syncjobs.choices import JobState, OperationState
from syncjobs.models import Operation
from tests.engine.live import BC, SALES
from tests.scenarios.engine.world import World, counted


def agent_of(hub: World, code: str) -> UUID:
    found = hub.bc.client.query("shippingAgents", properties=["code"], filter=f"code eq '{code}'")
    return next(record.key for record in found)


def options(hub: World, name: str) -> dict[str, int]:
    return dict(OptionMapping.objects.filter(mapping=hub.mapping(name)).values_list("bc_code", "option_value"))


def test_d33_new_row_holds_every_mapped_value_of_every_type(hub: World) -> None:
    """139166 VerifyTransferFieldsNewRecord"""
    for name in ("CURRENCY", "PAYMENT TERMS", "SHIPMENT METHOD"):
        hub.run_full(name)
    terms = next(record for record in hub.bc.client.query("paymentTerms", properties=["code"]))
    currency = next(row for row in hub.bc.rows("currencies", "code"))["code"]
    key = hub.customer(
        "Adatum", addressLine1="Main Street 1", addressLine2="Yard", city="Oslo", postalCode="0150", country="NO",
        phoneNumber="+47 1", email="post@adatum.example", website="https://adatum.example", creditLimit=1234.56,
        currencyCode=currency, paymentTermsId=str(terms.key),
    )  # fmt: skip
    assert hub.run_full("CUSTOMER").inserted == 1
    row = hub.sales.row(
        "accounts", hub.coupling("CUSTOMER", bc_key=key).sales_key, "name", "address1_line1", "address1_line2",
        "address1_city", "address1_postalcode", "address1_country", "telephone1", "emailaddress1", "websiteurl",
        "creditlimit", "_transactioncurrencyid_value", "paymenttermscode",
    )  # fmt: skip
    money = next(r for r in hub.sales.client.query("transactioncurrencies", properties=["isocurrencycode"])
                 if r.values["isocurrencycode"] == currency)  # fmt: skip
    assert row == {
        "name": "Adatum",
        "address1_line1": "Main Street 1",
        "address1_line2": "Yard",
        "address1_city": "Oslo",
        "address1_postalcode": "0150",
        "address1_country": "NO",
        "telephone1": "+47 1",
        "emailaddress1": "post@adatum.example",
        "websiteurl": "https://adatum.example",
        "creditlimit": Decimal("1234.56"),
        "_transactioncurrencyid_value": str(money.key),
        "paymenttermscode": options(hub, "PAYMENT TERMS")[terms.values["code"]],
    }


def test_d34_only_what_differs_is_sent(hub: World) -> None:
    """139166 VerifyTransferFieldsExistingRecord: nothing for an equal row, one value for one change."""
    pair = hub.pair()
    assert counted(hub.run_full("CUSTOMER")) == {"unchanged": 1}
    hub.edit_customer(pair, displayName="Renamed")
    job = hub.run("CUSTOMER")
    assert Operation.objects.get(job=job).after == {"name": "Renamed"}


def test_d35_calculated_value_travels(hub: World) -> None:
    """139166 CanTransferCalculatedFields: stock of an item."""
    hub.switch(unit_group_mapping=False)
    key = hub.bc.create("items", displayName="Lamp", baseUnitOfMeasureCode="PCS")
    hub.bc.update("items", key, inventory=12)
    for name in ("CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT"):
        hub.run_full(name)
    product = hub.coupling("ITEM-PRODUCT", bc_key=key).sales_key
    assert hub.sales.row("products", product, "quantityonhand")["quantityonhand"] == 12


def test_d36_unmapped_difference_sends_nothing(hub: World) -> None:
    """139166 VerifyModifiedFlagsAfterFieldsTransferWithUnchangedUnmappedField"""
    pair = hub.pair()
    hub.edit_account(pair, description="Only Sales knows this")
    assert hub.run("CUSTOMER").modified == 0


def test_d37_one_way_value_is_put_right_and_is_no_conflict(hub: World) -> None:
    """139166 VerifyModifiedFlagsAfterFieldsTransferWithChangedUnidirectionalField, …UnchangedUnidirectionalField"""
    pair = hub.pair(creditLimit=100)
    hub.edit_customer(pair, creditLimit=200)
    hub.edit_account(pair, creditlimit=300)
    assert counted(hub.run("CUSTOMER")) == {"modified": 1}
    assert hub.sales.row("accounts", pair.sales_key, "creditlimit")["creditlimit"] == 200
    assert hub.run("CUSTOMER").modified == 0


def test_d38_shipping_agent_becomes_its_option(hub: World) -> None:
    """139180 SyncSingleCustomerCRMOptionFieldMapped"""
    hub.run_full("SHIPPING AGENT")
    pair = hub.pair()
    code, value = next(iter(options(hub, "SHIPPING AGENT").items()))
    hub.bc.update("workflowCustomers", pair.bc_key, shippingAgentCode=code)
    hub.run("CUSTOMER")
    shown = hub.sales.row("accounts", pair.sales_key, "address1_shippingmethodcode")
    assert shown == {"address1_shippingmethodcode": value}


def test_d39_option_becomes_its_shipping_agent(hub: World) -> None:
    """139180 SyncSingleAccountCRMOptionFieldMapped"""
    hub.run_full("SHIPPING AGENT")
    pair = hub.pair()
    code, value = next(iter(options(hub, "SHIPPING AGENT").items()))
    hub.edit_account(pair, address1_shippingmethodcode=value)
    assert hub.run("CUSTOMER").modified == 1
    assert hub.bc.row("workflowCustomers", pair.bc_key, "shippingAgentCode") == {"shippingAgentCode": code}


def test_d40_country_goes_both_ways(hub: World) -> None:
    """139180 CRMSetupDefaultMakesCustomerCountryCodeMappingDirectionBidirectional"""
    field = hub.mapping("CUSTOMER").fields.get(sales_attribute="address1_country")
    assert (field.business_central_property, field.direction) == ("country", Direction.BIDIRECTIONAL)


def test_e41_template_sets_what_is_not_mapped(hub: World) -> None:
    """139165 ConfigTemplateIsAppliedIfPresent"""
    terms = next(record for record in hub.bc.client.query("paymentMethods", properties=["code"]))
    RecordTemplate.objects.create(
        mapping=hub.mapping("CUSTOMER"), system=BC, values={"paymentMethodId": str(terms.key)}
    )
    account = hub.account()
    hub.run_full("CUSTOMER")
    made = hub.coupling("CUSTOMER", sales_key=account)
    assert hub.bc.row("customers", made.bc_key, "paymentMethodId")["paymentMethodId"] == str(terms.key)


def test_e42_template_that_cannot_be_applied_leaves_no_record_behind(hub: World) -> None:
    """139165 MissingConfigTemplateThrowsError: the values travel with the creation, so there is no orphan."""
    RecordTemplate.objects.create(
        mapping=hub.mapping("CUSTOMER"), system=BC, values={"paymentMethodId": "11111111-2222-3333-4444-555555555555"}
    )
    account = hub.account()
    job = hub.run_full("CUSTOMER")
    assert (job.state, counted(job)) == (JobState.PARTLY, {"failed": 1})
    assert not hub.mapping("CUSTOMER").couplings.filter(sales_key=account).exists()
    assert hub.names(BC) == []
    assert Operation.objects.get(job=job, state=OperationState.FAILED).error_hint


@pytest.mark.parametrize(("city", "expected"), [("Oslo", "First"), ("Graz", "Second"), ("Rome", "Third")])
def test_e43_first_template_whose_filter_fits_is_used(hub: World, city: str, expected: str) -> None:
    """139165 MultiTableConfigTemplate"""
    mapping = hub.mapping("CUSTOMER")
    for priority, (text, name) in enumerate(
        [("address1_city eq 'Oslo'", "First"), ("address1_city eq 'Graz'", "Second"), ("", "Third")]
    ):
        RecordTemplate.objects.create(
            mapping=mapping, system=BC, priority=priority, filter=text, values={"addressLine2": name}
        )
    account = hub.account(address1_city=city)
    hub.run_full("CUSTOMER")
    made = hub.coupling("CUSTOMER", sales_key=account)
    assert hub.bc.row("customers", made.bc_key, "addressLine2")["addressLine2"] == expected
    assert hub.names(SALES) == ["Contoso"]
