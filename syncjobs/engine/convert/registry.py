"""Which converter a field mapping gets: by the name of its transformation, otherwise by the kinds of its properties.

A transformation is registered by decorator under the name that field mappings store:

    @transformation("negative-to-zero")
    def negative_to_zero(context: FieldContext) -> Converter: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coupling.definitions import PropertyDefinition, ValueKind
from syncjobs.engine.convert.references import (
    CompanyConverter,
    ContactConverter,
    CurrencyConverter,
    OptionConverter,
    OwnerConverter,
    ReferenceConverter,
    UnitConverter,
    UnitGroupConverter,
    UnitGroupNameConverter,
)
from syncjobs.engine.convert.values import (
    BooleanConverter,
    Converter,
    DateConverter,
    DefaultTextConverter,
    EnumConverter,
    GuidConverter,
    NumberConverter,
    SometimesConverter,
    TextConverter,
    TimeStampConverter,
)
from syncjobs.engine.references import Role


@dataclass(frozen=True, slots=True)
class FieldContext:
    """What a converter may depend on: the two properties and where they are."""

    mapping: str
    bc_table: str
    bc_property: str
    bc: PropertyDefinition
    sales_entity: str
    sales_attribute: str
    sales: PropertyDefinition


Build = Callable[[FieldContext], Converter]
_TRANSFORMATIONS: dict[str, Build] = {}
_COLUMNS: dict[tuple[str, str], Build] = {}
# Business Central calculates these from an opportunity's activities; before the first one it has no opinion.
_SOMETIMES = {("OPPORTUNITY", name) for name in ("estimatedvalue", "estimatedclosedate", "actualvalue")}
_DECIMAL = (ValueKind.DECIMAL, ValueKind.INTEGER)
_UNIT_OWNERS = {
    "priceListLines": "assetNumber",
    "salesPrices": "itemNumber",
    "hub_PriceListLines": "Asset_No",
    "Price_List_Lines": "Asset_No",
    "hub_SalesPrices": "Item_No",
    "Sales_Prices": "Item_No",
    "hub_Resources": "No",
    "Resource_Card": "No",
}


def transformation(name: str) -> Callable[[Build], Build]:
    """Registers a converter under the name that field mappings use."""

    def register(build: Build) -> Build:
        _TRANSFORMATIONS[name] = build
        return build

    return register


def column(mapping: str, *sales_attributes: str) -> Callable[[Build], Build]:
    """Registers a converter for columns of one mapping that have a rule of their own and no transformation."""

    def register(build: Build) -> Build:
        for attribute in sales_attributes:
            _COLUMNS[mapping, attribute] = build
        return build

    return register


def transformation_names() -> list[str]:
    """Names that a field mapping's `transformation` may have."""
    return sorted(_TRANSFORMATIONS)


def converter_for(name: str, context: FieldContext) -> Converter:
    """The converter of a field mapping. Raises KeyError for an unknown transformation."""
    build = _TRANSFORMATIONS[name] if name else _COLUMNS.get((context.mapping, context.sales_attribute), _plain)
    converter = build(context)
    return SometimesConverter(converter) if (context.mapping, context.sales_attribute) in _SOMETIMES else converter


def _plain(context: FieldContext) -> Converter:
    bc, sales = context.bc, context.sales
    kinds = {bc.kind, sales.kind}
    if ValueKind.BOOLEAN in kinds:
        return BooleanConverter()
    if sales.kind in _DECIMAL or (bc.kind in _DECIMAL and sales.kind is not ValueKind.TEXT):
        return NumberConverter(sales.scale, integer=sales.kind is ValueKind.INTEGER)
    if sales.kind is ValueKind.CHOICE and bc.kind in (ValueKind.INTEGER, ValueKind.DECIMAL):
        return NumberConverter(integer=True)
    if bc.kind is ValueKind.DATETIME and sales.kind is ValueKind.DATETIME:
        return TimeStampConverter()
    if kinds & {ValueKind.DATE, ValueKind.DATETIME}:
        return DateConverter(sales_has_time=sales.kind is ValueKind.DATETIME)
    if bc.kind is ValueKind.ENUM:
        return EnumConverter(None, sales.length)
    if bc.kind is ValueKind.GUID and sales.kind in (ValueKind.GUID, ValueKind.LOOKUP, ValueKind.TEXT):
        return GuidConverter()
    return TextConverter(bc.length, sales.length, code=bc.kind is ValueKind.CODE)


@transformation("negative-to-zero")
def _negative_to_zero(context: FieldContext) -> Converter:
    return NumberConverter(context.sales.scale, integer=context.sales.kind is ValueKind.INTEGER, floor=0)


@transformation("date-to-datetime")
def _date(context: FieldContext) -> Converter:
    return DateConverter(sales_has_time=context.sales.kind is not ValueKind.DATE)


@transformation("blob-text")
def _blob_text(context: FieldContext) -> Converter:
    return TextConverter(None, context.sales.length)


@transformation("currency-lookup")
def _currency(context: FieldContext) -> Converter:
    return CurrencyConverter()


@transformation("owner-from-salesperson")
def _owner(context: FieldContext) -> Converter:
    return OwnerConverter()


@transformation("contact-lookup")
def _contact(context: FieldContext) -> Converter:
    return ContactConverter()


@transformation("company-contact-to-account")
def _company(context: FieldContext) -> Converter:
    return CompanyConverter()


@transformation("customer-lookup")
def _customer(context: FieldContext) -> Converter:
    return ReferenceConverter(Role.CUSTOMER)


@transformation("product-lookup")
def _product(context: FieldContext) -> Converter:
    return ReferenceConverter(Role.PRODUCT)


@transformation("price-list-lookup")
def _price_list(context: FieldContext) -> Converter:
    return ReferenceConverter(Role.PRICE_LIST)


@transformation("unit-lookup")
def _unit(context: FieldContext) -> Converter:
    return UnitConverter(_UNIT_OWNERS.get(context.bc_table, "number"))


@transformation("unit-group-lookup")
def _unit_group(context: FieldContext) -> Converter:
    return UnitGroupConverter()


@transformation("unit-group-name")
def _unit_group_name(context: FieldContext) -> Converter:
    return UnitGroupNameConverter(None, context.sales.length)


@transformation("option-code")
def _option(context: FieldContext) -> Converter:
    by_id = context.bc.kind is ValueKind.GUID or context.bc_property.endswith("Id")
    return OptionConverter(context.sales_entity, context.sales_attribute, by_id=by_id)


@column("CURRENCY", "currencysymbol", "currencyname")
def _currency_text(context: FieldContext) -> Converter:
    return DefaultTextConverter("code", context.bc.length, context.sales.length)
