"""Which delivered mappings and fields a connection gets, and what loading again leaves alone."""

import pytest

from connector.choices import Direction
from connector.models import Connection
from coupling.models import FieldMapping, TableMapping
from coupling.services.defaults import default_differences, load_defaults, reset_to_defaults
from tests.coupling.factories import key

pytestmark = pytest.mark.django_db


def names(connection: Connection) -> list[str]:
    return list(connection.mappings.values_list("name", flat=True))


@pytest.fixture
def connection() -> Connection:
    return Connection.objects.create()


def test_load_of_a_fresh_connection_gives_todays_mappings_in_order(connection):
    load_defaults(connection=connection)
    assert names(connection) == [
        "CURRENCY",
        "PAYMENT TERMS",
        "SHIPMENT METHOD",
        "SHIPPING AGENT",
        "UNIT GROUP",
        "ITEM UOM",
        "RESOURCE UOM",
        "CUSTOMER",
        "VENDOR",
        "CONTACT",
        "ITEM-PRODUCT",
        "RESOURCE-PRODUCT",
        "PLHEADER-PRICE",
        "PLLINE-PRODPRICE",
        "OPPORTUNITY",
        "POSTEDSALESINV-INV",
        "POSTEDSALESLINE-INV",
    ]


def test_load_with_the_classic_switches_gives_the_classic_mappings():
    connection = Connection.objects.create(
        ownership_model="person",
        unit_group_mapping=False,
        extended_pricing=False,
        sales_order_integration="bidirectional",
    )
    load_defaults(connection=connection)
    assert {
        "SALESPEOPLE",
        "UNIT OF MEASURE",
        "CUSTPRCGRP-PRICE",
        "SALESPRC-PRODPRICE",
        "SALESORDER-ORDER",
        "SOLINE-ORDERDETAIL",
    } <= set(names(connection))
    assert not {"UNIT GROUP", "ITEM UOM", "RESOURCE UOM", "PLHEADER-PRICE", "PLLINE-PRODPRICE"} & set(names(connection))


def test_load_leaves_out_columns_that_the_web_api_does_not_have(connection):
    connection.ownership_model = "person"
    load_defaults(connection=connection)
    pseudo = FieldMapping.objects.filter(sales_attribute__in=["owneridtype", "customeridtype", "parentcustomeridtype"])
    assert not pseudo.exists()


def test_load_of_person_ownership_adds_salespeople_and_owners():
    connection = Connection.objects.create(ownership_model="person")
    load_defaults(connection=connection)
    customer = connection.mappings.get(name="CUSTOMER")
    owner = customer.fields.get(sales_attribute="ownerid")
    assert customer.depends_on == ["SALESPEOPLE", "CURRENCY", "PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"]
    assert (owner.business_central_property, owner.direction, owner.not_null) == ("salespersonCode", "to_sales", True)
    assert owner.sales_lookup["write"] == "ownerid@odata.bind"
    assert connection.mappings.get(name="SALESPEOPLE").direction == Direction.TO_BUSINESS_CENTRAL


def test_load_names_implied_dependencies_that_exist_only(connection):
    load_defaults(connection=connection)
    invoice = connection.mappings.get(name="POSTEDSALESINV-INV")
    assert "CUSTOMER" in invoice.depends_on
    assert "SALESORDER-ORDER" not in invoice.depends_on


def test_load_makes_templates_that_keep_new_accounts_inside_the_filter(connection):
    load_defaults(connection=connection)
    values = {m.name: [t.values for t in m.templates.all()] for m in connection.mappings.all() if m.templates.exists()}
    assert values == {"CUSTOMER": [{"customertypecode": 3}], "VENDOR": [{"customertypecode": 11}]}


def test_load_twice_changes_nothing(connection):
    load_defaults(connection=connection)
    before = list(FieldMapping.objects.order_by("id").values())
    load_defaults(connection=connection)
    assert list(FieldMapping.objects.order_by("id").values()) == before


def test_load_again_keeps_what_people_changed(connection):
    load_defaults(connection=connection)
    customer = connection.mappings.get(name="CUSTOMER")
    customer.direction = Direction.TO_SALES
    customer.save()
    customer.fields.filter(sales_attribute="fax").delete()
    own = customer.fields.create(
        business_central_property="number", sales_attribute="new_number", direction="to_sales", user_defined=True
    )
    load_defaults(connection=connection)
    customer.refresh_from_db()
    assert customer.direction == Direction.TO_SALES
    assert not customer.fields.filter(sales_attribute="fax").exists()
    assert customer.fields.filter(pk=own.pk).exists()


def test_turning_unit_groups_on_swaps_the_unit_mappings_and_their_couplings():
    connection = Connection.objects.create(unit_group_mapping=False)
    load_defaults(connection=connection)
    unit = connection.mappings.get(name="UNIT OF MEASURE")
    unit.couplings.create(
        connection=connection,
        bc_table="unitsOfMeasure",
        bc_key=key("PCS"),
        sales_table="uomschedules",
        sales_key=key("s"),
    )
    connection.unit_group_mapping = True
    connection.save()
    load_defaults(connection=connection)
    assert "UNIT OF MEASURE" not in names(connection)
    assert connection.couplings.count() == 0
    item = connection.mappings.get(name="ITEM-PRODUCT")
    assert set(item.fields.values_list("sales_attribute", flat=True)) >= {"defaultuomid"}
    assert not item.fields.filter(sales_attribute="defaultuomscheduleid").exists()
    assert item.depends_on == ["ITEM UOM", "CURRENCY"]


def test_switching_the_order_variant_replaces_fields_and_settings_and_keeps_the_mapping():
    connection = Connection.objects.create(sales_order_integration="legacy")
    load_defaults(connection=connection)
    order = connection.mappings.get(name="SALESORDER-ORDER")
    assert order.fields.get(sales_attribute="shipto_name").direction == Direction.TO_SALES
    connection.sales_order_integration = "bidirectional"
    connection.save()
    load_defaults(connection=connection)
    changed = connection.mappings.get(name="SALESORDER-ORDER")
    assert changed.pk == order.pk
    assert changed.direction == Direction.BIDIRECTIONAL
    assert changed.fields.get(sales_attribute="shipto_name").direction == Direction.BIDIRECTIONAL
    assert not changed.fields.filter(sales_attribute="totalamount").exists()


COMPANION = ["resources", "shippingAgents", "customerExtras", "itemUnitsOfMeasure", "resourceUnitsOfMeasure"]


@pytest.mark.parametrize(
    ("capabilities", "service", "table", "number"),
    [
        (
            {"api": ["customers"], "companion": COMPANION, "pages": ["hub_Resources"]},
            "companion",
            "resources",
            "number",
        ),
        ({"api": ["customers"], "companion": [], "pages": ["hub_Resources"]}, "pages", "resources", "number"),
    ],
)
def test_resources_come_from_the_best_route_that_is_offered(connection, capabilities, service, table, number):
    connection.capabilities = capabilities
    load_defaults(connection=connection)
    mapping = connection.mappings.get(name="RESOURCE-PRODUCT")
    assert (mapping.business_central_service, mapping.business_central_table) == (service, table)
    assert mapping.available
    field = mapping.fields.get(sales_attribute="productnumber")
    assert (field.business_central_property, field.business_central_service, field.available) == (number, "", True)


def test_a_mapping_without_any_route_says_what_would_help(connection):
    connection.capabilities = {"api": ["customers"], "companion": [], "pages": []}
    load_defaults(connection=connection)
    mapping = connection.mappings.get(name="RESOURCE-PRODUCT")
    assert not mapping.available
    assert mapping.unavailable_reason == (
        "Resource needs the companion extension in Business Central, or the page published as hub_Resources."
    )


def test_a_field_takes_the_companion_before_the_page(connection):
    connection.capabilities = {
        "api": ["customers"],
        "companion": ["customerExtras"],
        "pages": ["workflowCustomers"],
    }
    load_defaults(connection=connection)
    fields = connection.mappings.get(name="CUSTOMER").fields
    served = {
        attribute: (field.business_central_service, field.business_central_property)
        for attribute in ("address1_shippingmethodcode", "fax", "paymenttermscode", "name")
        for field in [fields.get(sales_attribute=attribute)]
    }
    assert served == {
        "address1_shippingmethodcode": ("customerExtras", "shippingAgentCode"),
        "fax": ("workflowCustomers", "faxNumber"),
        "paymenttermscode": ("", "paymentTermsId"),
        "name": ("", "displayName"),
    }


def test_a_field_nobody_serves_is_unavailable_with_a_reason(connection):
    connection.capabilities = {"api": ["customers", "contacts"], "companion": [], "pages": []}
    load_defaults(connection=connection)
    fax = connection.mappings.get(name="CUSTOMER").fields.get(sales_attribute="fax")
    pager = connection.mappings.get(name="CONTACT").fields.get(sales_attribute="pager")
    assert (fax.available, fax.unavailable_reason) == (
        False,
        "Fax No. needs the page published as workflowCustomers in Business Central.",
    )
    assert pager.unavailable_reason == "Business Central offers this value over no public API."


def test_columns_that_sales_calculates_are_not_written(connection):
    load_defaults(connection=connection)
    number = connection.mappings.get(name="PLLINE-PRODPRICE").fields.get(sales_attribute="productnumber")
    assert (number.available, number.unavailable_reason) == (
        False,
        "Dynamics 365 Sales calculates this column itself.",
    )


def test_reset_puts_back_what_people_changed_and_lists_it(connection):
    load_defaults(connection=connection)
    assert default_differences(connection=connection) == []
    customer = connection.mappings.get(name="CUSTOMER")
    customer.direction = Direction.TO_SALES
    customer.save()
    customer.fields.filter(sales_attribute="name").update(enabled=False)
    customer.fields.filter(sales_attribute="fax").delete()
    changes = reset_to_defaults(connection=connection)
    assert [(d.mapping, d.subject, d.now, d.delivered) for d in changes] == [
        ("CUSTOMER", "direction", "to_sales", "bidirectional"),
        ("CUSTOMER", "Name - name: enabled", False, True),
        ("CUSTOMER", "Fax No. - fax", None, "present"),
    ]
    assert default_differences(connection=connection) == []


def test_reset_keeps_mappings_that_users_made_and_couplings(connection):
    load_defaults(connection=connection)
    own = TableMapping.objects.create(
        connection=connection,
        name="LOCATION",
        direction="to_sales",
        user_defined=True,
        business_central_table="locations",
    )
    customer = connection.mappings.get(name="CUSTOMER")
    customer.couplings.create(
        connection=connection, bc_table="customers", bc_key=key("c"), sales_table="accounts", sales_key=key("a")
    )
    customer.merge_fields = False
    customer.save()
    reset_to_defaults(connection=connection)
    assert TableMapping.objects.filter(pk=own.pk).exists()
    assert customer.couplings.count() == 1


def test_item_availability_brings_the_inventory_field_back(connection):
    load_defaults(connection=connection)
    inventory = connection.mappings.get(name="ITEM-PRODUCT").fields.filter(sales_attribute="quantityonhand")
    inventory.delete()
    load_defaults(connection=connection)
    assert not inventory.exists()
    connection.synchronize_item_availability = True
    load_defaults(connection=connection)
    assert inventory.count() == 1
