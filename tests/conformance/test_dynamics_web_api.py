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


@pytest.fixture(scope="module")
def results(guest: ApiClient, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What every step of the script answered, by its name."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    directory = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json", "run.mjs"):
        shutil.copy(PROJECT / name, directory)
    environment = {name: value for name, value in os.environ.items() if name not in ("SSL_CERT_FILE",)}
    install = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=directory, env=environment, capture_output=True, text=True
    )
    if install.returncode:
        pytest.skip(f"npm cannot install the client here: {install.stderr[-300:]}")
    body = {"SchemaName": "new_Number", "KeyAttributes": ["accountnumber"]}
    assert guest.request("POST", "EntityDefinitions(LogicalName='account')/Keys", body).status_code == 204
    run = subprocess.run(
        ["node", "run.mjs", guest.server.url, guest.token],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return {entry["step"]: entry for entry in map(json.loads, run.stdout.splitlines())}


def value(results: dict[str, dict[str, Any]], step: str) -> Any:
    entry = results[step]
    assert entry["ok"], entry
    return entry["value"]


def error(results: dict[str, dict[str, Any]], step: str) -> tuple[int, str]:
    entry = results[step]
    assert not entry["ok"], entry
    return entry["error"]["status"], entry["error"]["code"]


def test_only_what_must_fail_fails(results: dict[str, dict[str, Any]]) -> None:
    assert {step for step, entry in results.items() if not entry["ok"]} == {"fetch is not offered", "retrieve deleted"}
    assert error(results, "retrieve deleted") == (404, "0x80040217")
    assert error(results, "fetch is not offered") == (501, "0x80040315")


def test_rows(results: dict[str, dict[str, Any]]) -> None:
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


def test_queries(results: dict[str, dict[str, Any]]) -> None:
    page = value(results, "retrieve multiple")
    assert (len(page["value"]), page["@odata.count"]) == (2, 3)
    assert value(results, "retrieve all pages") == value(results, "count") == 3
    assert value(results, "count filtered") == 1
    assert [row["name"] for row in value(results, "delta")["value"]] == ["Tracked"]
    assert value(results, "expand")["primarycontactid"]["lastname"] == "Ng"


def test_functions_and_actions(results: dict[str, dict[str, Any]]) -> None:
    assert value(results, "function")["UserId"]
    counts = value(results, "function with parameters")["EntityRecordCountCollection"]
    assert counts["Keys"] == ["account", "contact"]
    assert len(value(results, "bound action")["Ids"]) == 1


def test_batches(results: dict[str, dict[str, Any]]) -> None:
    assert [len(item) for item in value(results, "batch with change set")] == [36, 36]
    reads = value(results, "batch of reads")
    assert (len(reads[0]["value"]), reads[1]["name"]) == (2, "Tracked")
    assert value(results, "batch without change set")[1] is True
    failed, created = value(results, "batch that goes on")
    assert failed["error"]["code"] == "0x80048d19"
    assert len(created) == 36


def test_metadata(results: dict[str, dict[str, Any]]) -> None:
    assert value(results, "entity definitions")["value"][0]["EntitySetName"] == "accounts"
    assert value(results, "entity definition")["ChangeTrackingEnabled"] is True
    assert value(results, "attribute")["MaxLength"] == 160
    account = next(table for table in load().tables if table.logical_name == "account")
    assert value(results, "attributes of a type") == len(account.attributes["customertypecode"].options)
    assert value(results, "relationships")["value"][0]["ReferencedEntity"] == "salesorder"
    assert value(results, "csdl") > 100_000
