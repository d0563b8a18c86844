"""File columns: made by metadata, written whole or in chunks, read whole or in ranges."""

from collections.abc import Iterator

import pytest
import requests

from tests.sandbox.conftest import ApiClient

COLUMN = {"@odata.type": "Microsoft.Dynamics.CRM.FileAttributeMetadata", "SchemaName": "new_Plan", "MaxSizeInKB": 1}


@pytest.fixture
def account(sales: ApiClient) -> Iterator[str]:
    """Address of an account whose table has the column new_plan."""
    table = "EntityDefinitions(LogicalName='account')"
    assert sales.request("POST", f"{table}/Attributes", COLUMN).status_code == 204
    yield f"accounts({sales.create('accounts', {'name': 'Filed'})})"
    assert sales.request("DELETE", f"{table}/Attributes(LogicalName='new_plan')").status_code == 204


def upload(sales: ApiClient, address: str, content: bytes, **headers: str) -> requests.Response:
    return sales.request("PATCH", address, raw=content, **{"Content_Type": "application/octet-stream", **headers})


def test_whole_files_and_ranges(sales: ApiClient, account: str) -> None:
    column = f"{account}/new_plan"
    assert sales.request("GET", column).status_code == 204
    assert upload(sales, column, b"hello world", x_ms_file_name="a.txt").status_code == 204
    row = sales.get(f"{account}?$select=new_plan,new_plan_name")
    assert row["new_plan_name"] == "a.txt"
    assert len(row["new_plan"]) == 36
    assert sales.get(column)["value"] == "aGVsbG8gd29ybGQ="
    part = sales.request("GET", f"{column}/$value", Range="bytes=6-")
    assert (part.status_code, part.content) == (206, b"world")
    assert (part.headers["Content-Range"], part.headers["x-ms-file-size"]) == ("bytes 6-10/11", "11")
    put = sales.request("PUT", f"{column}/$value", raw=b"again", x_ms_file_name="b.txt")
    assert put.status_code == 204
    assert sales.request("DELETE", column).status_code == 204
    assert sales.request("GET", f"{column}/$value").status_code == 204


def test_chunks_have_to_follow_one_another(sales: ApiClient, account: str) -> None:
    begun = upload(sales, f"{account}/new_plan?x-ms-file-name=c.bin", b"", x_ms_transfer_mode="chunked")
    location = begun.headers["Location"]
    assert (begun.status_code, begun.headers["x-ms-chunk-size"]) == (200, "4194304")
    assert upload(sales, location, b"abc", Content_Range="bytes 0-2/5").status_code == 206
    gap = upload(sales, location, b"e", Content_Range="bytes 4-4/5")
    assert sales.error(gap) == (400, "0x80040203")
    assert upload(sales, location, b"de", Content_Range="bytes 3-4/5").status_code == 204
    assert sales.request("GET", f"{account}/new_plan/$value").content == b"abcde"
    late = upload(sales, location, b"x", Content_Range="bytes 0-0/1")
    assert sales.error(late) == (400, "0x80040203")


def test_refusals(sales: ApiClient, account: str) -> None:
    column = f"{account}/new_plan"
    assert sales.error(upload(sales, column, b"x")) == (400, "0x80040203")
    assert sales.error(upload(sales, column, b"x" * 1025, x_ms_file_name="d")) == (400, "0x80044a02")
    assert sales.error(upload(sales, column, b"x", x_ms_file_name="d", If_Match='W/"1"')) == (412, "0x80060882")
    assert upload(sales, column, b"x", x_ms_file_name="d").status_code == 204
    assert sales.error(upload(sales, column, b"y", x_ms_file_name="d", If_None_Match="*")) == (412, "0x80040237")
    assert sales.error(sales.request("GET", column, Range="bytes=9-")) == (416, "0x80040203")
    # The content is not part of the row: a value in its body changes nothing.
    assert sales.request("PATCH", account, {"new_plan": None}).status_code == 204
    assert sales.get(column)["value"] == "eA=="
    assert sales.error(sales.request("POST", "InitializeFileBlocksUpload", {})) == (501, "0x80040315")
