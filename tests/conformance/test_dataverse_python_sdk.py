"""Microsoft's Python SDK for Dataverse (PowerPlatform-Dataverse-Client), unmodified, against the sandbox over TLS."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.relationship import ManyToManyRelationshipMetadata
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET
from tests.sandbox_process import SandboxServer


def credential(server: SandboxServer, secret: str = GUEST_CLIENT_SECRET) -> ClientSecretCredential:
    return ClientSecretCredential(
        server.tenant, GUEST_CLIENT_ID, secret, authority=server.url, disable_instance_discovery=True
    )


@pytest.fixture(scope="module")
def client(stranger: SandboxServer) -> Iterator[DataverseClient]:
    with DataverseClient(stranger.url, credential(stranger)) as opened:
        yield opened


@pytest.fixture(scope="module")
def number_key(client: DataverseClient) -> Iterator[None]:
    client.tables.create_alternate_key("account", "new_accountnumber", ["accountnumber"])
    yield
    (key,) = client.tables.get_alternate_keys("account")
    client.tables.delete_alternate_key("account", key.metadata_id)


def test_wrong_secret_is_refused(stranger: SandboxServer) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential(stranger, "wrong").get_token(f"{stranger.url}/.default")


def test_single_records(client: DataverseClient) -> None:
    key = client.records.create("account", {"name": "Contoso", "telephone1": "1"})
    client.records.update("account", key, {"telephone1": "555"})
    record = client.records.retrieve("account", key, select=["name", "telephone1"])
    assert record is not None
    assert (record["name"], record["telephone1"]) == ("Contoso", "555")
    client.records.delete("account", key)
    assert client.records.retrieve("account", key) is None


def test_many_records(client: DataverseClient) -> None:
    keys = client.records.create("account", [{"name": f"Many {number}"} for number in range(5)])
    client.records.update("account", keys, {"telephone1": "5"})
    client.records.update("account", keys, [{"fax": str(number)} for number in range(5)])
    rows = list(
        client.records.list(
            "account", select=["name", "telephone1", "fax"], filter="startswith(name,'Many')", orderby=["name"]
        )
    )
    assert [(row["telephone1"], row["fax"]) for row in rows] == [("5", str(number)) for number in range(5)]
    pages = [len(list(page)) for page in client.records.list_pages("account", select=["name"], page_size=2)]
    assert sum(pages) >= 5
    assert max(pages) == 2
    client.records.delete("account", keys, use_bulk_delete=False)


@pytest.mark.usefixtures("number_key")
def test_upsert_single_and_multiple(client: DataverseClient) -> None:
    def item(number: int, name: str) -> UpsertItem:
        return UpsertItem(alternate_key={"accountnumber": f"ACC-{number}"}, record={"name": name})

    client.records.upsert("account", [item(1, "one")])
    client.records.upsert("account", [item(1, "uno"), item(2, "due")])
    rows = client.records.list("account", select=["name"], filter="startswith(accountnumber,'ACC-')", orderby=["name"])
    assert [row["name"] for row in rows] == ["due", "uno"]


def test_query_builder(client: DataverseClient) -> None:
    client.records.create("account", [{"name": f"Query {number}", "numberofemployees": number} for number in range(4)])
    query = client.query.builder("account").select("name", "numberofemployees")
    found: Any = (
        query.where((col("name") == "Query 3") | col("name").in_(["Query 1", "Query 2"])).order_by("name").execute()
    )
    assert [row["name"] for row in found] == ["Query 1", "Query 2", "Query 3"]
    few = client.query.builder("account").select("name").where(col("numberofemployees") > 1).top(1).execute()
    assert len(list(few)) == 1


def test_batch_with_change_set(client: DataverseClient) -> None:
    key = client.records.create("account", {"name": "Before"})
    batch = client.batch.new()
    batch.records.create("account", {"name": "Batched"})
    batch.records.update("account", key, {"name": "After"})
    batch.records.retrieve("account", key, select=["name"])
    batch.tables.get("account")
    with batch.changeset() as change_set:
        contact = change_set.records.create("contact", {"lastname": "In set"})
        change_set.records.create("account", {"name": "In set", "primarycontactid@odata.bind": contact})
    batch.records.delete("account", key)
    result = batch.execute()
    assert all(response.is_success for response in result.responses)
    assert result.responses[2].data is not None
    assert result.responses[2].data["name"] == "After"
    (row,) = client.records.list("account", select=["_primarycontactid_value"], filter="name eq 'In set'")
    assert row["_primarycontactid_value"]


def test_batch_that_goes_on_after_an_error(client: DataverseClient) -> None:
    batch = client.batch.new()
    batch.records.create("account", {"nope": 1})
    batch.records.create("account", {"name": "After the error"})
    responses = batch.execute(continue_on_error=True).responses
    assert [response.status_code for response in responses] == [400, 204]


def test_metadata_reads(client: DataverseClient) -> None:
    info = client.tables.get("account")
    assert info is not None
    assert (info.entity_set_name, info.primary_id_attribute) == ("accounts", "accountid")
    assert client.tables.get("new_missing") is None
    columns = client.tables.list_columns(
        "account", select=["LogicalName", "AttributeType"], filter="AttributeType ne 'Virtual'"
    )
    assert {"LogicalName", "AttributeType"} <= set(columns[0])
    column = client.tables.get_column("account", "name")
    assert column is not None
    assert column["MaxLength"] == 160
    assert len(client.tables.list()) > 20
    assert any(
        item["SchemaName"] == "order_customer_accounts" for item in client.tables.list_table_relationships("account")
    )
    assert client.tables.list_relationships()
    assert client.query.odata_expands("account")


def test_custom_table_from_definition_to_deletion(client: DataverseClient) -> None:
    columns = {
        "new_Price": "decimal",
        "new_Title": "string",
        "new_Count": "int",
        "new_On": "datetime",
        "new_Active": "bool",
    }
    created = client.tables.create("new_Gadget", columns)
    assert created.entity_set_name == "new_gadgets"
    client.tables.add_columns("new_Gadget", {"new_Extra": "string"})
    account = client.records.create("account", {"name": "Owner of gadgets"})
    lookup = client.tables.create_lookup_field("new_gadget", "new_AccountId", "account")
    assert lookup.lookup_schema_name == "new_AccountId"
    values: dict[str, Any] = {"new_name": "G", "new_price": 1.25, "new_count": 3, "new_active": True}
    key = client.records.create("new_Gadget", {**values, "new_AccountId@odata.bind": f"/accounts({account})"})
    record = client.records.retrieve("new_Gadget", key)
    assert record is not None
    assert {name: record[name] for name in values} == values
    assert record["_new_accountid_value"] == account
    many = client.tables.create_many_to_many_relationship(
        ManyToManyRelationshipMetadata(
            schema_name="new_gadget_contact", entity1_logical_name="new_gadget", entity2_logical_name="contact"
        )
    )
    found = client.tables.get_relationship("new_gadget_contact")
    assert found is not None
    assert many.relationship_id is not None
    assert found.relationship_id == many.relationship_id
    client.tables.delete_relationship(many.relationship_id)
    client.tables.remove_columns("new_Gadget", ["new_Extra"])
    client.tables.delete("new_Gadget")
    assert client.tables.get("new_Gadget") is None


def test_errors_are_told_apart(client: DataverseClient) -> None:
    with pytest.raises(HttpError) as refused:
        client.records.create("account", {"name": "x" * 200})
    assert refused.value.status_code == 400
    assert refused.value.details["service_error_code"] == "0x80044331"
    with pytest.raises(MetadataError):
        client.records.create("new_nothing", {"name": "x"})


@pytest.mark.parametrize("what", ["sql", "fetchxml", "bulk delete", "typed columns"])
def test_what_is_not_offered_is_refused_with_a_code(client: DataverseClient, what: str) -> None:
    fetch = '<fetch top="1"><entity name="account"><attribute name="name"/></entity></fetch>'
    attempts = {
        "sql": lambda: client.query.sql("SELECT TOP 1 name FROM account"),
        "fetchxml": lambda: list(client.query.fetchxml(fetch).execute()),
        "bulk delete": lambda: client.records.delete("account", ["00000000-0000-4000-8000-000000000001"] * 2),
        "typed columns": lambda: client.tables.list_columns("account", typed=True),
    }
    with pytest.raises(HttpError) as refused:
        attempts[what]()
    assert refused.value.status_code == 501
