"""Multipart batches of Business Central: single parts, change sets, snapshots, and what is refused."""

import json
import re
from typing import Any

import pytest

from sandbox.datasets.company import COMPANY_ID
from tests.sandbox.conftest import ApiClient

CRLF = "\r\n"


def part(method: str, url: str, body: Any = None, number: int | None = None, **headers: str) -> str:
    """One application/http part, ready to stand behind a boundary."""
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if number is not None:
        head.append(f"Content-ID: {number}")
    inner = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    text = "" if body is None else json.dumps(body)
    return CRLF.join([*head, "", f"{method} {url} HTTP/1.1", *inner, "", text])


def joined(boundary: str, parts: list[str]) -> str:
    return "".join(f"--{boundary}{CRLF}{item}{CRLF}" for item in parts) + f"--{boundary}--{CRLF}"


def change_set(*parts: str) -> str:
    return f"Content-Type: multipart/mixed; boundary=set{CRLF}{CRLF}" + joined("set", list(parts))


@pytest.fixture
def root(business_central: ApiClient) -> str:
    return business_central.root.partition("companies(")[0]


def send(api: ApiClient, root: str, *parts: str, **headers: str) -> tuple[int, list[int], str]:
    """Status of the batch, statuses of its parts, and the text."""
    raw = joined("batch_1", list(parts))
    answer = api.request("POST", f"{root}$batch", raw=raw, Content_Type="multipart/mixed; boundary=batch_1", **headers)
    return answer.status_code, [int(found) for found in re.findall(r"HTTP/1.1 (\d+) ", answer.text)], answer.text


def customer(name: str, **values: Any) -> str:
    return part(
        "POST", f"companies({COMPANY_ID})/customers", {"displayName": name, **values}, Content_Type="application/json"
    )


def count(api: ApiClient, name: str) -> int:
    return len(api.get(f"customers?$filter=displayName eq '{name}'")["value"])


def test_single_parts_and_a_change_set(business_central: ApiClient, root: str) -> None:
    read = part("GET", f"{root}companies({COMPANY_ID})/customers?$filter=displayName eq 'Multi'", Accept="*/*")
    status, statuses, text = send(
        business_central, root, customer("Multi"), change_set(customer("Multi"), customer("Multi")), read
    )
    assert (status, statuses) == (200, [201, 201, 201, 200])
    assert "boundary=changesetresponse_" in text
    assert text.startswith("--batchresponse_")
    assert count(business_central, "Multi") == 3


def test_failing_change_set_is_undone_and_ends_the_batch(business_central: ApiClient, root: str) -> None:
    bad = customer("Undone", nope=1)
    status, statuses, _ = send(business_central, root, change_set(customer("Undone"), bad), customer("After"))
    assert (status, statuses) == (200, [400])
    assert (count(business_central, "Undone"), count(business_central, "After")) == (0, 0)
    _, statuses, _ = send(
        business_central, root, change_set(customer("Undone"), bad), customer("After"), Prefer="odata.continue-on-error"
    )
    assert statuses == [400, 201]
    assert (count(business_central, "Undone"), count(business_central, "After")) == (0, 1)


def test_snapshot_undoes_everything(business_central: ApiClient, root: str) -> None:
    _, statuses, _ = send(business_central, root, customer("Snap"), customer("Snap", nope=1), Isolation="snapshot")
    assert statuses == [201, 400]
    assert count(business_central, "Snap") == 0


def test_content_ids_come_back(business_central: ApiClient, root: str) -> None:
    url = f"companies({COMPANY_ID})/customers?$top=1"
    _, statuses, text = send(business_central, root, part("GET", url, number=7))
    assert statuses == [200]
    assert "Content-ID: 7" in text


def test_malformed_and_oversize_batches(business_central: ApiClient, root: str) -> None:
    kind = "multipart/mixed; boundary=batch_1"
    broken = business_central.request("POST", f"{root}$batch", raw="no boundary here", Content_Type=kind)
    assert business_central.error(broken) == (400, "BadRequest")
    reads = [part("GET", f"companies({COMPANY_ID})/customers?$top=1")] * 101
    large = business_central.request("POST", f"{root}$batch", raw=joined("batch_1", reads), Content_Type=kind)
    assert business_central.error(large) == (500, "Unknown")
