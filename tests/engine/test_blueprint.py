"""Every delivered mapping compiles under every combination of switches, with the directions the specification gives."""

import itertools

import pytest

from connector.choices import System
from coupling.models import TableMapping
from coupling.services.defaults import apply_switches
from syncjobs.engine.blueprint import COMPANY_READ, Blueprint
from syncjobs.engine.rules import mirrored_properties, rule_for
from syncjobs.engine.tables import TableReading
from tests.coupling.factories import make_connection

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
SWITCHES = list(
    itertools.product(("team", "person"), (True, False), (True, False), ("none", "legacy", "bidirectional"))
)
OFFER = {
    "api": [
        *("salespeoplePurchasers", "currencies", "paymentTerms", "shipmentMethods", "customers", "vendors", "contacts"),
        *("items", "opportunities", "salesInvoices", "salesInvoiceLines", "salesOrders", "salesOrderLines"),
        *("unitsOfMeasure", "customerContacts"),
    ],
    "companion": [
        *("resources", "customerPriceGroups", "priceLists", "priceListLines", "shippingAgents", "itemUnitsOfMeasure"),
        *("resourceUnitsOfMeasure", "salesReceivablesSetups", "customerExtras", "salesPrices"),
    ],
    "pages": [],
}


@pytest.fixture
def connection(db):
    return make_connection(capabilities=OFFER, ownership_model="person", local_currency_code="EUR")


def compiled(connection):
    rows = TableMapping.objects.filter(connection=connection).prefetch_related("fields", "templates")
    return {row.name: Blueprint.of(row) for row in rows}


def test_blueprint_of_every_delivered_mapping(connection):
    seen = set()
    for ownership, units, pricing, orders in SWITCHES:
        connection.ownership_model, connection.unit_group_mapping = ownership, units
        connection.extended_pricing, connection.sales_order_integration = pricing, orders
        connection.save()
        apply_switches(connection=connection)
        blueprints = compiled(connection)
        for name, blueprint in blueprints.items():
            assert blueprint.targets, name
            for system in System:
                mirrored_properties(blueprint, system)
        seen |= set(blueprints)
    assert len(seen) == 23  # SALESORDER-ORDER has two variants under one name


def test_blueprint_of_customers(connection):
    blueprint = compiled(connection)["CUSTOMER"]
    fields = {spec.sales_attribute: spec for spec in blueprint.fields}
    assert (fields["name"].two_way, fields["creditlimit"].two_way) == (True, False)
    assert fields["creditlimit"].to_sales
    assert fields["transactioncurrencyid"].sales_name == "_transactioncurrencyid_value"
    assert fields["ownerid"].not_null
    assert "accountnumber" not in fields
    assert {"blocked", "displayName", "paymentTermsId"} <= mirrored_properties(blueprint, BC)
    assert {COMPANY_READ, "statecode", "customertypecode"} <= mirrored_properties(blueprint, SALES)


def test_blueprint_of_salespeople_only_writes_business_central(connection):
    blueprint = compiled(connection)["SALESPEOPLE"]
    assert blueprint.targets == {BC}
    assert not any(spec.to_sales for spec in blueprint.fields)


def test_blueprint_of_currencies_only_writes_sales(connection):
    blueprint = compiled(connection)["CURRENCY"]
    code = next(spec for spec in blueprint.fields if spec.bc_name == "code")
    assert (blueprint.targets, code.sales_on_create, code.sales_on_update) == ({SALES}, True, False)


def test_auxiliary_table_is_read_with_the_properties_of_the_rule(connection):
    (table,) = rule_for("CURRENCY").auxiliary_tables
    reading = TableReading(connection, BC, table)
    assert {"currencyCode", "relationalExchangeRateAmount"} <= set(reading.properties)
    assert not reading.mappings
