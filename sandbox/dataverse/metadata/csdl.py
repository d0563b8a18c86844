"""``$metadata``: the schema as CSDL XML."""

from functools import lru_cache
from xml.sax.saxutils import quoteattr

from sandbox.dataverse.schema import Schema
from sandbox.definitions.dataverse import Attribute, Table

NAMESPACE = "Microsoft.Dynamics.CRM"
_EDM = {
    "string": "Edm.String",
    "memo": "Edm.String",
    "entityname": "Edm.String",
    "multiselect": "Edm.String",
    "integer": "Edm.Int32",
    "bigint": "Edm.Int64",
    "picklist": "Edm.Int32",
    "state": "Edm.Int32",
    "status": "Edm.Int32",
    "boolean": "Edm.Boolean",
    "money": "Edm.Decimal",
    "decimal": "Edm.Decimal",
    "double": "Edm.Double",
    "uniqueidentifier": "Edm.Guid",
    "lookup": "Edm.Guid",
    "customer": "Edm.Guid",
    "owner": "Edm.Guid",
    "file": "Edm.Guid",
}
_PRINCIPALS = ("systemuser", "team")


def edm_type(attribute: Attribute) -> str:
    if attribute.type == "datetime":
        return "Edm.Date" if attribute.date_only else "Edm.DateTimeOffset"
    return _EDM[attribute.type]


@lru_cache(maxsize=2)
def document(schema: Schema) -> bytes:
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        f'<Schema Namespace="{NAMESPACE}" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
        '<EntityType Name="crmbaseentity" Abstract="true" />',
        '<EntityType Name="principal" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="ownerid" /></Key>'
        '<Property Name="ownerid" Type="Edm.Guid" /></EntityType>',
    ]
    for table in schema.tables:
        lines += _entity_type(schema, table)
    lines += _operations()
    lines.append('<EntityContainer Name="System">')
    for table in schema.tables:
        lines += _entity_set(schema, table)
    lines += [
        f'<FunctionImport Name="{name}" Function="{NAMESPACE}.{name}" />'
        for name in ("WhoAmI", "RetrieveVersion", "RetrieveTotalRecordCount")
    ]
    lines += [f'<ActionImport Name="{name}" Action="{NAMESPACE}.{name}" />' for name in _ACTIONS]
    lines += ["</EntityContainer>", "</Schema></edmx:DataServices></edmx:Edmx>"]
    return "\n".join(lines).encode()


_ACTIONS = {
    "WinQuote": ("QuoteClose", "Status"),
    "CloseQuote": ("QuoteClose", "Status"),
    "CancelSalesOrder": ("OrderClose", "Status"),
    "FulfillSalesOrder": ("OrderClose", "Status"),
    "WinOpportunity": ("OpportunityClose", "Status"),
    "LoseOpportunity": ("OpportunityClose", "Status"),
}


def _operations() -> list[str]:
    lines = [
        '<ComplexType Name="WhoAmIResponse"><Property Name="BusinessUnitId" Type="Edm.Guid" Nullable="false" />'
        '<Property Name="UserId" Type="Edm.Guid" Nullable="false" />'
        '<Property Name="OrganizationId" Type="Edm.Guid" Nullable="false" /></ComplexType>',
        '<ComplexType Name="RetrieveVersionResponse"><Property Name="Version" Type="Edm.String" /></ComplexType>',
        '<ComplexType Name="EntityRecordCountCollection"><Property Name="Count" Type="Edm.Int32" />'
        '<Property Name="IsReadOnly" Type="Edm.Boolean" /><Property Name="Keys" Type="Collection(Edm.String)" />'
        '<Property Name="Values" Type="Collection(Edm.Int64)" /></ComplexType>',
        '<ComplexType Name="RetrieveTotalRecordCountResponse"><Property Name="EntityRecordCountCollection"'
        f' Type="{NAMESPACE}.EntityRecordCountCollection" /></ComplexType>',
        f'<Function Name="WhoAmI"><ReturnType Type="{NAMESPACE}.WhoAmIResponse" Nullable="false" /></Function>',
        f'<Function Name="RetrieveVersion"><ReturnType Type="{NAMESPACE}.RetrieveVersionResponse" Nullable="false" />'
        "</Function>",
        '<Function Name="RetrieveTotalRecordCount"><Parameter Name="EntityNames" Type="Collection(Edm.String)" />'
        f'<ReturnType Type="{NAMESPACE}.RetrieveTotalRecordCountResponse" /></Function>',
    ]
    for name, (close, status) in _ACTIONS.items():
        lines.append(
            f'<Action Name="{name}"><Parameter Name="{close}" Type="{NAMESPACE}.{close.lower()}" Nullable="false" />'
            f'<Parameter Name="{status}" Type="Edm.Int32" Nullable="false" /></Action>'
        )
    return lines


def _entity_type(schema: Schema, table: Table) -> list[str]:
    principal = table.logical_name in _PRINCIPALS
    base = "mscrm.principal" if principal else "mscrm.crmbaseentity"
    lines = [f'<EntityType Name="{table.logical_name}" BaseType="{base}">']
    if not principal:
        lines.append(f'<Key><PropertyRef Name="{table.primary_id}" /></Key>')
    for attribute in table.attributes.values():
        if principal and attribute.name == "ownerid":
            continue
        lines.append(_property(attribute))
    for name, (attribute, target) in table.navigation.items():
        kind = "principal" if attribute.type == "owner" else target.table
        lines.append(
            f'<NavigationProperty Name={quoteattr(name)} Type="mscrm.{kind}"><ReferentialConstraint'
            f' Property="{attribute.property}" ReferencedProperty="'
            f'{"ownerid" if kind == "principal" else schema.by_name[target.table].primary_id}" /></NavigationProperty>'
        )
    for name, relationship in schema.collections.get(table.logical_name, {}).items():
        if relationship.many in schema.by_name and name not in table.navigation:
            lines.append(f'<NavigationProperty Name={quoteattr(name)} Type="Collection(mscrm.{relationship.many})" />')
    for name, association in schema.associations.get(table.logical_name, {}).items():
        other = association.second if association.first == table.logical_name else association.first
        lines.append(f'<NavigationProperty Name={quoteattr(name)} Type="Collection(mscrm.{other})" />')
    lines += _alternate_keys(table)
    lines.append("</EntityType>")
    return lines


def _alternate_keys(table: Table) -> list[str]:
    """The community's annotation for alternate keys, as the service writes it."""
    records = []
    for key in table.keys:
        refs = "".join(
            '<Record Type="OData.Community.Keys.V1.PropertyRef">'
            f'<PropertyValue Property="Name" PropertyPath="{table.attributes[name].property}" />'
            f'<PropertyValue Property="Alias" String="{name}" /></Record>'
            for name in key.attributes
        )
        records.append(
            '<Record Type="OData.Community.Keys.V1.AlternateKey"><PropertyValue Property="Key">'
            f"<Collection>{refs}</Collection></PropertyValue></Record>"
        )
    if not records:
        return []
    term = '<Annotation Term="OData.Community.Keys.V1.AlternateKeys"><Collection>'
    return [term + "".join(records) + "</Collection></Annotation>"]


def _property(attribute: Attribute) -> str:
    facets = ""
    if attribute.type in ("string", "memo") and attribute.max_length:
        facets = f' MaxLength="{attribute.max_length}" Unicode="true"'
    if attribute.kind == "decimal":
        facets = ' Scale="Variable"'
    if attribute.primary_id:
        facets += ' Nullable="false"'
    return f'<Property Name={quoteattr(attribute.property)} Type="{edm_type(attribute)}"{facets} />'


def _entity_set(schema: Schema, table: Table) -> list[str]:
    lines = [f'<EntitySet Name="{table.entity_set}" EntityType="{NAMESPACE}.{table.logical_name}">']
    for name, (attribute, target) in table.navigation.items():
        if attribute.type != "owner":
            bound = schema.by_name[target.table].entity_set
            lines.append(f'<NavigationPropertyBinding Path={quoteattr(name)} Target="{bound}" />')
    for name, relationship in schema.collections.get(table.logical_name, {}).items():
        other = schema.by_name.get(relationship.many)
        if other is not None and name not in table.navigation:
            lines.append(f'<NavigationPropertyBinding Path={quoteattr(name)} Target="{other.entity_set}" />')
    lines.append("</EntitySet>")
    return lines
