"""dynamics-web-api (npm), unmodified, against the sandbox over TLS."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.definitions.dataverse_source import load
from tests.sandbox.conftest import ApiClient

PROJECT = Path(__file__).with_name("dynamics-web-api")


Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the scripts and the client."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    directory = tmp_path_factory.mktemp("npm")
    for file in PROJECT.iterdir():
        if file.is_file():
            shutil.copy(file, directory)
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    install = subprocess.run(command, cwd=directory, env=environment(), capture_output=True, text=True)
    if install.returncode:
        pytest.skip(f"npm cannot install the client here: {install.stderr[-300:]}")
    return directory


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}


def run(installed: Path, script: str, guest: ApiClient) -> Results:
    """What every step of the script answered, by its name."""
    command = ["node", script, guest.server.url, guest.token]
    done = subprocess.run(command, cwd=installed, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {entry["step"]: entry for entry in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def results(installed: Path, guest: ApiClient) -> Results:
    body = {"SchemaName": "new_Number", "KeyAttributes": ["accountnumber"]}
    assert guest.request("POST", "EntityDefinitions(LogicalName='account')/Keys", body).status_code == 204
    return run(installed, "run.mjs", guest)


@pytest.fixture(scope="module")
def documented(installed: Path, guest: ApiClient) -> Results:
    return run(installed, "documented.mjs", guest)


def value(results: Results, step: str) -> Any:
    entry = results[step]
    assert entry["ok"], entry
    return entry["value"]


def error(results: Results, step: str) -> tuple[int, str]:
    entry = results[step]
    assert not entry["ok"], entry
    return entry["error"]["status"], entry["error"]["code"]


def test_only_what_must_fail_fails(results: Results) -> None:
    assert {step for step, entry in results.items() if not entry["ok"]} == {"fetch is not offered", "retrieve deleted"}
    assert error(results, "retrieve deleted") == (404, "0x80040217")
    assert error(results, "fetch is not offered") == (501, "0x80040315")


def test_rows(results: Results) -> None:
    assert len(value(results, "create")) == 36
    assert value(results, "create with representation")["name"] == "Shown"
    annotated = value(results, "retrieve annotated")
    assert annotated["creditlimit@OData.Community.Display.V1.FormattedValue"] == "€5.00"
    assert value(results, "update") is True
    assert value(results, "update with stale etag") is False
    assert value(results, "update with representation")["name"] == "Again"
    assert value(results, "upsert creates")
    assert value(results, "upsert that must create") is None
    assert value(results, "deep insert")["_primarycontactid_value"]
    assert value(results, "upsert by alternate key")["accountnumber"] == "N-1"
    assert value(results, "retrieve by alternate key")["name"] == "By key"
    assert value(results, "delete property") is True
    assert value(results, "delete with stale etag") is False
    assert value(results, "delete") is True


def test_queries(results: Results) -> None:
    page = value(results, "retrieve multiple")
    assert (len(page["value"]), page["@odata.count"]) == (2, 3)
    assert value(results, "retrieve all pages") == value(results, "count") == 3
    assert value(results, "count filtered") == 1
    assert [row["name"] for row in value(results, "delta")["value"]] == ["Tracked"]
    assert value(results, "expand")["primarycontactid"]["lastname"] == "Ng"


def test_functions_and_actions(results: Results) -> None:
    assert value(results, "function")["UserId"]
    counts = value(results, "function with parameters")["EntityRecordCountCollection"]
    assert counts["Keys"] == ["account", "contact"]
    assert len(value(results, "bound action")["Ids"]) == 1


def test_batches(results: Results) -> None:
    assert [len(item) for item in value(results, "batch with change set")] == [36, 36]
    reads = value(results, "batch of reads")
    assert (len(reads[0]["value"]), reads[1]["name"]) == (2, "Tracked")
    assert value(results, "batch without change set")[1] is True
    failed, created = value(results, "batch that goes on")
    assert failed["error"]["code"] == "0x80048d19"
    assert len(created) == 36


def test_metadata(results: Results) -> None:
    assert value(results, "entity definitions")["value"][0]["EntitySetName"] == "accounts"
    assert value(results, "entity definition")["ChangeTrackingEnabled"] is True
    assert value(results, "attribute")["MaxLength"] == 160
    account = next(table for table in load().tables if table.logical_name == "account")
    assert value(results, "attributes of a type") == len(account.attributes["customertypecode"].options)
    assert value(results, "relationships")["value"][0]["ReferencedEntity"] == "salesorder"
    assert value(results, "csdl") > 100_000


def test_documented_rows(documented: Results) -> None:
    failed = {step for step, entry in documented.items() if not entry["ok"]}
    assert failed == {"change set that fails", "search is not offered"}
    assert error(documented, "change set that fails") == (400, "0x80044331")
    assert error(documented, "search is not offered") == (501, "0x80040315")
    assert value(documented, "lead")["fullname"] == "Ida Berg"
    assert value(documented, "not modified")["subject"] == "Bigger boat"
    assert value(documented, "reference of the owner")["collection"] == "systemusers"
    for step in ("related row by path", "related row by property"):
        assert value(documented, step)["name"] == "Berg Shipping"
    assert value(documented, "page of leads") == {"count": 1, "total": 1}
    formatted = value(documented, "formatted")
    assert (formatted["donotemail_Formatted"], formatted["leadqualitycode_Formatted"]) == ("Allow", "Warm")
    assert formatted["_ownerid_value_LogicalName"] == "systemuser"
    named = value(documented, "names of tables")
    assert (named["primarycontactid"]["lastname"], value(documented, "name of a set")) == ("Named", "accounts")


def test_documented_batches(documented: Results) -> None:
    (order,) = value(documented, "order of that customer")["value"]
    assert order["customerid_contact"]["lastname"] == "Doe"
    for step in ("customer first, order by content id", "batch without any change set"):
        assert [len(item) for item in value(documented, step)] == [36, 36]
    assert len(value(documented, "change sets and a single request")) == 3
    assert value(documented, "nothing of the failed change set") == 0
    assert value(documented, "won")["statecode"] == 1


def test_documented_definitions(documented: Results) -> None:
    assert value(documented, "table by id")["SchemaName"] == "new_BankAccount"
    assert value(documented, "rename table") == "Giro"
    assert value(documented, "tables owned by users") == ["account"]
    assert value(documented, "rename column") == "Saldo"
    assert value(documented, "columns of a type") == ["new_balance"]
    assert value(documented, "relationship")["ReferencedEntity"] == "contact"
    assert len(value(documented, "polymorphic lookup")["RelationshipIds"]) == 2
    row = value(documented, "row with a polymorphic lookup")
    assert (row["new_balance"], row["_new_source_value_LogicalName"]) == (12.5, "lead")
    assert row["_new_source_value_NavigationProperty"] == "new_Source_lead"
    assert [option["Value"] for option in value(documented, "choices")["Options"]] == [0, 1]
    assert value(documented, "rename choices") == "Paints"


def test_documented_files(documented: Results) -> None:
    assert value(documented, "download in chunks") == {"name": "contract.bin", "size": 5242887, "same": True}
    assert value(documented, "delete the file") is True
    left = value(documented, "no file is left")
    assert (left["new_contract"], left["new_contract_name"]) == (None, None)
