"""What the examples of Microsoft's Python SDK do, with rows of our own: frames, choices by label, tasks, batches."""

import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.query_builder import ExpandOption
from PowerPlatform.Dataverse.models.relationship import (
    CascadeConfiguration,
    LookupAttributeMetadata,
    OneToManyRelationshipMetadata,
)
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from tests.conformance.test_dataverse_python_sdk import credential
from tests.sandbox_process import SandboxServer

FORMATTED = "OData.Community.Display.V1.FormattedValue"


class Priority(IntEnum):
    LOW = 1
    HIGH = 3


@pytest.fixture(scope="module")
def client(stranger: SandboxServer) -> Iterator[DataverseClient]:
    stranger.reset("demo")
    with DataverseClient(stranger.url, credential(stranger)) as opened:
        yield opened


def test_frames(client: DataverseClient) -> None:
    frame = pd.DataFrame(
        [
            {"name": "Frame A", "telephone1": "1", "lastonholdtime": pd.Timestamp("2024-06-15 10:30:00")},
            {"name": "Frame B", "telephone1": "2", "lastonholdtime": None},
        ]
    )
    frame["accountid"] = client.dataframe.create("account", frame)
    frame["telephone1"] = ["11", "22"]
    client.dataframe.update("account", frame[["accountid", "telephone1"]], id_column="accountid")
    cleared = pd.DataFrame([{"accountid": frame["accountid"].iloc[0], "telephone1": None}])
    client.dataframe.update("account", cleared, id_column="accountid", clear_nulls=True)
    query = client.query.builder("account").select("name", "telephone1", "lastonholdtime")
    found = query.where(col("name").startswith("Frame ")).order_by("name").execute().to_dataframe()
    assert found["telephone1"].fillna("").tolist() == ["", "22"]
    assert found["lastonholdtime"].fillna("").tolist() == ["2024-06-15T10:30:00Z", ""]
    client.dataframe.delete("account", frame["accountid"], use_bulk_delete=False)


def test_pages_counts_and_formatted_values(client: DataverseClient) -> None:
    query = client.query.builder("account").select("accountid", "name").where(col("statecode") == 0).order_by("name")
    pages = [len(page) for page in query.page_size(100).execute_pages()]
    assert max(pages) == 100
    assert sum(pages) == len(client.records.list("account", select=["name"], filter="statecode eq 0", count=True))
    (row,) = client.query.builder("account").select("name", "statecode").include_formatted_values().top(1).execute()
    assert row[f"statecode@{FORMATTED}"] == "Active"
    listed = client.records.list("account", select=["statecode"], top=2, include_annotations=FORMATTED)
    assert [item[f"statecode@{FORMATTED}"] for item in listed] == ["Active", "Active"]


def test_expand_of_tasks_with_options(client: DataverseClient) -> None:
    key = client.records.create("account", {"name": "With tasks"})
    for number in range(4):
        bind = {"regardingobjectid_account_task@odata.bind": f"/accounts({key})"}
        client.records.create("task", {"subject": f"Call {number}", **bind})
    tasks = ExpandOption("Account_Tasks").select("subject").order_by("subject", descending=True).top(3)
    query = client.query.builder("account").select("name").where(col("accountid") == key).expand(tasks)
    (found,) = query.execute()
    assert [task["subject"] for task in found["Account_Tasks"]] == ["Call 3", "Call 2", "Call 1"]
    one = client.records.retrieve("account", key, select=["name"], expand=["primarycontactid"])
    assert one is not None
    assert one["primarycontactid"] is None


def test_change_set_over_three_tables(client: DataverseClient) -> None:
    batch = client.batch.new()
    with batch.changeset() as change_set:
        lead = change_set.records.create("lead", {"firstname": "Ada", "lastname": "Byron"})
        contact = change_set.records.create("contact", {"firstname": "Ada"})
        change_set.records.create(
            "account",
            {"name": "Babbage", "originatingleadid@odata.bind": lead, "primarycontactid@odata.bind": contact},
        )
    result = batch.execute()
    assert len(result.entity_ids) == 3
    row = client.records.retrieve("account", result.entity_ids[2], expand=["originatingleadid"])
    assert row is not None
    assert row["originatingleadid"]["fullname"] == "Ada Byron"


def test_choices_by_label_and_columns_added_and_removed(client: DataverseClient) -> None:
    columns: dict[str, Any] = {"new_Title": "string", "new_Notes": "memo", "new_Done": "bool", "new_Priority": Priority}
    client.tables.create("new_Walk", columns, primary_column="new_WalkName")
    info = client.tables.get("new_Walk")
    assert info is not None
    assert info["table_logical_name"] == "new_walk"
    key = client.records.create("new_Walk", {"new_WalkName": "W", "new_Priority": "HIGH"})
    row = client.records.retrieve("new_Walk", key, select=["new_priority"])
    assert row is not None
    assert row["new_priority"] == Priority.HIGH
    client.records.update("new_Walk", key, {"new_Priority": "LOW"})
    assert client.tables.add_columns("new_Walk", {"new_Tags": "string", "new_Rank": "int"}) == ["new_Tags", "new_Rank"]
    client.records.update("new_Walk", key, {"new_rank": 5})
    client.tables.remove_columns("new_Walk", ["new_Tags", "new_Rank"])
    names = {column["LogicalName"] for column in client.tables.list_columns("new_Walk", select=["LogicalName"])}
    assert "new_rank" not in names
    assert "new_priority" in names
    client.tables.delete("new_Walk")


def test_relationship_with_cascade_between_custom_tables(client: DataverseClient) -> None:
    for name in ("new_Department", "new_Employee"):
        client.tables.create(name, {"new_Note": "string"})
    made = client.tables.create_one_to_many_relationship(
        LookupAttributeMetadata(
            schema_name="new_DepartmentId",
            display_name=Label(localized_labels=[LocalizedLabel(label="Department", language_code=1033)]),
        ),
        OneToManyRelationshipMetadata(
            schema_name="new_Department_Employee",
            referenced_entity="new_department",
            referencing_entity="new_employee",
            referenced_attribute="new_departmentid",
            cascade_configuration=CascadeConfiguration(delete="Cascade"),
        ),
    )
    assert made.lookup_schema_name == "new_DepartmentId"
    department = client.records.create("new_Department", {"new_name": "Yard"})
    bind = {"new_DepartmentId@odata.bind": f"/new_departments({department})"}
    employee = client.records.create("new_Employee", {"new_name": "Ida", **bind})
    client.records.delete("new_Department", department)
    assert client.records.retrieve("new_Employee", employee) is None
    assert made.relationship_id is not None
    client.tables.delete_relationship(made.relationship_id)
    client.tables.delete("new_Employee")
    client.tables.delete("new_Department")


def test_key_of_two_columns(client: DataverseClient) -> None:
    client.tables.create_alternate_key("account", "new_pair", ["accountnumber", "address1_postalcode"])
    deadline = time.monotonic() + 10
    while client.tables.get_alternate_keys("account")[0].status != "Active":
        assert time.monotonic() < deadline
    key = {"accountnumber": "PAIR-1", "address1_postalcode": "98052"}
    for name in ("First", "Second"):
        client.records.upsert("account", [UpsertItem(alternate_key=key, record={"name": name})])
    rows = client.records.list("account", select=["name"], filter="accountnumber eq 'PAIR-1'")
    assert [row["name"] for row in rows] == ["Second"]


def test_tables_and_frames_inside_a_batch(client: DataverseClient) -> None:
    batch = client.batch.new()
    batch.tables.create("new_Boat", {"new_Price": "decimal", "new_Sold": "bool"})
    batch.tables.get("new_Boat")
    batch.dataframe.create("account", pd.DataFrame([{"name": "Batch A"}, {"name": "Batch B"}]))
    batch.records.list("account", filter="startswith(name,'Batch ')", select=["name"], orderby=["name asc"], top=50)
    result = batch.execute()
    assert [item.error_message for item in result.failed] == []
    listed = result.responses[-1].data
    assert listed is not None
    assert [row["name"] for row in listed["value"]] == ["Batch A", "Batch B"]
    client.tables.delete("new_Boat")


def test_lookups_can_be_discovered(client: DataverseClient) -> None:
    expands = client.query.odata_expands("contact")
    assert any(item["nav_property"] == "parentcustomerid_account" for item in expands)
    query = client.query.builder("contact").select("fullname").where(col("_parentcustomerid_value").is_not_null())
    assert all("fullname" in row for row in query.top(3).expand("parentcustomerid_account").execute())


def test_files(client: DataverseClient, stranger: SandboxServer, tmp_path: Path) -> None:
    small, large = tmp_path / "offer.txt", tmp_path / "plans.bin"
    small.write_bytes(b"We offer two boats.")
    large.write_bytes(bytes(range(256)) * 20_000)
    client.tables.create("new_Offer", {"new_Text": "file"})
    key = client.records.create("new_Offer", {"new_name": "First"})
    client.files.upload("new_Offer", key, "new_Text", str(small), mode="small", mime_type="text/plain")
    client.files.upload("new_Offer", key, "new_Plans", str(large), mode="chunk")  # makes the column
    client.files.upload("new_Offer", key, "new_Text", str(small), if_none_match=False)
    row = client.records.retrieve("new_Offer", key, select=["new_text_name", "new_plans_name"])
    assert row is not None
    assert (row["new_text_name"], row["new_plans_name"]) == ("offer.txt", "plans.bin")
    token = credential(stranger).get_token(f"{stranger.url}/.default").token
    for column, file in (("new_text", small), ("new_plans", large)):
        address = f"{stranger.url}/api/data/v9.2/new_offers({key})/{column}/$value"
        loaded = requests.get(
            address, headers={"Authorization": f"Bearer {token}"}, verify=stranger.ca_file, timeout=30
        )
        assert loaded.content == file.read_bytes()
    client.tables.delete("new_Offer")
