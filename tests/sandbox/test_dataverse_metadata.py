"""Metadata of the Dataverse Web API: documents, definitions, option sets and their changes."""

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.sandbox.conftest import ApiClient

ACCOUNT = "EntityDefinitions(LogicalName='account')"


def label(text: str) -> dict[str, Any]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def test_service_document_lists_sets(sales: ApiClient) -> None:
    body = sales.get("")
    assert body["@odata.context"] == f"{sales.root}$metadata"
    assert {"name": "accounts", "kind": "EntitySet", "url": "accounts"} in body["value"]


def test_csdl_describes_every_set(sales: ApiClient) -> None:
    response = sales.request("GET", "$metadata")
    assert response.headers["Content-Type"].startswith("application/xml")
    root = ElementTree.fromstring(response.text)
    namespace = "{http://docs.oasis-open.org/odata/ns/edm}"
    types = {item.get("Name"): item for item in root.iter(f"{namespace}EntityType")}
    sets = {item.get("Name") for item in root.iter(f"{namespace}EntitySet")}
    assert sets == {item["name"] for item in sales.get("")["value"]}
    properties = {item.get("Name"): item.get("Type") for item in types["account"].iter(f"{namespace}Property")}
    assert properties["_primarycontactid_value"] == "Edm.Guid"
    assert properties["creditlimit"] == "Edm.Decimal"
    navigation = {item.get("Name") for item in types["contact"].iter(f"{namespace}NavigationProperty")}
    assert {"parentcustomerid_account", "parentcustomerid_contact", "ownerid"} <= navigation
    assert types["systemuser"].get("BaseType") == "mscrm.principal"


@pytest.mark.parametrize(
    "query",
    [
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName eq 'account'",
        "EntityDefinitions?$select=EntitySetName,LogicalName",
        "EntityDefinitions?$select=SchemaName&$filter=ChangeTrackingEnabled eq true",
        "EntityDefinitions?$select=LogicalName&$filter=IsPrivate eq false",
        f"{ACCOUNT}/Attributes?$select=LogicalName,AttributeType,RequiredLevel&$filter=LogicalName eq 'name'",
        f"{ACCOUNT}/Keys",
        f"{ACCOUNT}/OneToManyRelationships?$select=SchemaName",
        "EntityDefinitions(LogicalName='contact')/ManyToOneRelationships"
        "?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName",
        "EntityDefinitions(LogicalName='team')/ManyToManyRelationships",
        "EntityDefinitions?$select=LogicalName"
        "&$expand=Attributes($select=LogicalName;$filter=AttributeType eq 'Money')",
        "EntityDefinitions?$select=LogicalName&$filter=contains(LogicalName,'account') and not (IsIntersect eq true)",
        f"{ACCOUNT}/Attributes?$filter=AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Money'",
    ],
)
def test_definition_queries_answer(sales: ApiClient, query: str) -> None:
    body = sales.get(query)
    assert isinstance(body["value"], list)
    assert all("MetadataId" in row for row in body["value"])


def test_definition_by_name_and_id_are_the_same(sales: ApiClient) -> None:
    named = sales.get(f"{ACCOUNT}?$select=IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled,EntitySetName")
    assert named["IsOptimisticConcurrencyEnabled"] is True
    by_id = sales.get(f"EntityDefinitions({named['MetadataId']})?$select=EntitySetName")
    assert by_id["EntitySetName"] == "accounts"
    full = sales.get(f"{ACCOUNT}/Attributes(LogicalName='name')")
    assert (full["MaxLength"], full["@odata.type"]) == (160, "#Microsoft.Dynamics.CRM.StringAttributeMetadata")


def test_options_of_choices(sales: ApiClient) -> None:
    query = "Attributes/Microsoft.Dynamics.CRM.{}AttributeMetadata?$select=LogicalName&$expand=OptionSet"
    picklists = {
        row["LogicalName"]: row for row in sales.get(f"{ACCOUNT}/{query.format('Picklist')}($select=Options)")["value"]
    }
    options = picklists["customertypecode"]["OptionSet"]["Options"]
    assert (3, "Customer") in {(item["Value"], item["Label"]["UserLocalizedLabel"]["Label"]) for item in options}
    statuses = sales.get(f"{ACCOUNT}/{query.format('Status')}")["value"][0]["OptionSet"]["Options"]
    assert [(item["Value"], item["State"]) for item in statuses] == [(1, 0), (2, 1)]
    booleans = sales.get(f"{ACCOUNT}/{query.format('Boolean')}")["value"][0]["OptionSet"]
    assert booleans["TrueOption"]["Value"] == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("EntityDefinitions(LogicalName='nothing')", 404),
        (f"{ACCOUNT}/Attributes(LogicalName='nothing')", 404),
        (f"{ACCOUNT}/Nothing", 404),
        ("EntityDefinitions?$filter=Nothing eq 1", 400),
        ("EntityDefinitions?$select=Nothing", 400),
        ("EntityDefinitions?$top=5", 400),
        ("EntityDefinitions?$orderby=LogicalName", 400),
        ("EntityDefinitions?$expand=Nothing", 400),
        ("RetrieveMetadataChanges(Query=@p1)?@p1={}", 501),
    ],
)
def test_unknown_metadata_is_refused(sales: ApiClient, path: str, status: int) -> None:
    assert sales.error(sales.request("GET", path))[0] == status


def test_option_values_can_be_added_renamed_and_removed(sales: ApiClient) -> None:
    column = {"EntityLogicalName": "account", "AttributeLogicalName": "paymenttermscode"}
    response = sales.request("POST", "InsertOptionValue", {**column, "Label": label("14 days")})
    assert response.status_code == 200, response.text
    value = response.json()["NewOptionValue"]
    assert value >= 100_000_000
    fixed = sales.request("POST", "InsertOptionValue", {**column, "Value": 77, "Label": label("Cash")})
    assert fixed.json()["NewOptionValue"] == 77
    assert (
        sales.error(sales.request("POST", "InsertOptionValue", {**column, "Value": 77, "Label": label("x")}))[0] == 400
    )
    assert sales.request("POST", "PublishAllXml", {}).status_code == 204
    key = sales.create("accounts", {"name": "Terms", "paymenttermscode": value})
    update = {**column, "Value": value, "Label": label("Two weeks"), "MergeLabels": True}
    assert sales.request("POST", "UpdateOptionValue", update).status_code == 204
    row = sales.get(f"accounts({key})?$select=paymenttermscode", Prefer='odata.include-annotations="*"')
    assert row["paymenttermscode@OData.Community.Display.V1.FormattedValue"] == "Two weeks"
    assert sales.request("POST", "DeleteOptionValue", {**column, "Value": 77}).status_code == 204
    assert sales.error(sales.request("POST", "accounts", {"paymenttermscode": 77})) == (400, "0x8004431a")


def test_metadata_version_rises_with_changes(sales: ApiClient) -> None:
    def version() -> int:
        body = sales.get("accounts?$top=1", Prefer='odata.include-annotations="*"')
        return int(body["@Microsoft.Dynamics.CRM.globalmetadataversion"])

    before = version()
    sales.request("POST", f"{ACCOUNT}/Keys", {"SchemaName": "new_Fax", "KeyAttributes": ["fax"]})
    assert version() > before


def test_key_over_duplicates_fails_to_build(sales: ApiClient) -> None:
    for _ in range(2):
        sales.create("accounts", {"telephone3": "same"})
    sales.request("POST", f"{ACCOUNT}/Keys", {"SchemaName": "new_Phone", "KeyAttributes": ["telephone3"]})
    keys = {row["LogicalName"]: row["EntityKeyIndexStatus"] for row in sales.get(f"{ACCOUNT}/Keys")["value"]}
    assert keys["new_phone"] == "Failed"
    assert sales.error(sales.request("GET", "accounts(telephone3='same')")) == (400, "0x80060890")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"SchemaName": "NoPrefix", "KeyAttributes": ["name"]},
        {"SchemaName": "new_X", "KeyAttributes": []},
        {"SchemaName": "new_X", "KeyAttributes": ["nothing"]},
        {"SchemaName": "new_X", "KeyAttributes": ["creditonhold"]},
    ],
)
def test_wrong_keys_are_refused(sales: ApiClient, body: dict[str, Any]) -> None:
    assert sales.error(sales.request("POST", f"{ACCOUNT}/Keys", body))[0] == 400


def test_custom_columns_of_every_type(sales: ApiClient) -> None:
    kinds = (
        "String",
        "Memo",
        "Integer",
        "Money",
        "Decimal",
        "Double",
        "Boolean",
        "DateTime",
        "Picklist",
        "MultiSelectPicklist",
    )
    for kind in kinds:
        body: dict[str, Any] = {
            "@odata.type": f"#Microsoft.Dynamics.CRM.{kind}AttributeMetadata",
            "SchemaName": f"new_{kind}",
            "DisplayName": label(kind),
        }
        if "Picklist" in kind:
            body["OptionSet"] = {"Options": [{"Value": 1, "Label": label("One")}, {"Value": 2, "Label": label("Two")}]}
        response = sales.request("POST", f"{ACCOUNT}/Attributes", body)
        assert response.status_code == 204, response.text
    values = {
        "new_string": "s",
        "new_memo": "m",
        "new_integer": 5,
        "new_money": 1.5,
        "new_decimal": 2.25,
        "new_double": 0.1,
        "new_boolean": True,
        "new_datetime": "2024-01-02T03:04:05Z",
        "new_picklist": 2,
        "new_multiselectpicklist": "1,2",
    }
    key = sales.create("accounts", values)
    row = sales.get(f"accounts({key})")
    assert {
        name: float(row[name]) if name in ("new_money", "new_decimal", "new_double") else row[name] for name in values
    } == values
    query = "Microsoft.Dynamics.CRM.ContainValues(PropertyName='new_multiselectpicklist',PropertyValues=['2'])"
    assert [item["accountid"] for item in sales.get(f"accounts?$filter={query}")["value"]] == [key]
    again = {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_String"}
    assert sales.error(sales.request("POST", f"{ACCOUNT}/Attributes", again))[0] == 400
    assert sales.request("DELETE", f"{ACCOUNT}/Attributes(LogicalName='new_string')").status_code == 204
    assert sales.error(sales.request("GET", "accounts?$select=new_string"))[0] == 400
    assert sales.error(sales.request("DELETE", f"{ACCOUNT}/Attributes(LogicalName='name')"))[0] == 400
