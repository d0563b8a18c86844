"""The same synchronisation one record at a time with the systems' public clients, the way the built-in connector works.

For every record: its coupled record is looked for, then one record is written, one after the other in one thread. Sales
is reached by Microsoft's own Python client for Dataverse, Business Central by plain OData requests; each field that a
customer and an account share by default is carried over. A sample is measured and the time is scaled to all records.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from azure.identity import ClientSecretCredential
from PowerPlatform.Dataverse.client import DataverseClient

from bench.processes import own_cpu

BUSINESS_CENTRAL_SCOPE = "https://api.businesscentral.dynamics.com/.default"
_FIELDS = {
    "number": "accountnumber",
    "displayName": "name",
    "addressLine1": "address1_line1",
    "addressLine2": "address1_line2",
    "city": "address1_city",
    "state": "address1_stateorprovince",
    "postalCode": "address1_postalcode",
    "country": "address1_country",
    "phoneNumber": "telephone1",
    "email": "emailaddress1",
    "website": "websiteurl",
    "creditLimit": "creditlimit",
}
"""Business Central's property to Sales' column."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What the loop took for its sample."""

    records: int
    seconds: float
    cpu: float

    @property
    def per_second(self) -> float:
        return self.records / self.seconds


@dataclass(frozen=True, slots=True)
class Place:
    """Where both systems are and how to sign in."""

    url: str
    tenant: str
    client_id: str
    client_secret: str
    environment: str
    company_id: str
    ca_file: str


@contextmanager
def _dataverse(place: Place) -> Iterator[DataverseClient]:
    """The client takes a certificate authority from the environment only."""
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    os.environ["REQUESTS_CA_BUNDLE"] = place.ca_file
    try:
        with DataverseClient(place.url, _credential(place)) as client:
            yield client
    finally:
        if before is None:
            del os.environ["REQUESTS_CA_BUNDLE"]
        else:
            os.environ["REQUESTS_CA_BUNDLE"] = before


def customers_to_sales(place: Place, sample: int) -> Loop:
    """Creates an account for each of `sample` customers that has none; raises for anything refused."""
    central = _central(place)
    rows = _pages(central, f"{_root(place)}/customers?$top={sample}&$select={','.join(['id', *_FIELDS])}")
    with _dataverse(place) as client:

        def carry(customer: dict[str, Any]) -> None:
            condition = f"accountnumber eq '{customer['number']}'"
            found = list(client.records.list("account", select=["accountid"], filter=condition, top=1))
            body = {column: customer[name] for name, column in _FIELDS.items() if customer[name] not in ("", None)}
            if found:
                client.records.update("account", found[0]["accountid"], body)
            else:
                client.records.create("account", body)

        return _timed(carry, rows)


def accounts_to_business_central(place: Place, sample: int) -> Loop:
    """Creates a customer for each of `sample` accounts that has none; raises for anything refused."""
    central = _central(place)
    customers = f"{_root(place)}/customers"
    with _dataverse(place) as client:
        columns = ["accountid", *_FIELDS.values()]
        rows: Sequence[Any] = list(client.records.list("account", select=columns, top=sample))

        def carry(account: Any) -> None:
            number = account["accountnumber"] or ""
            answer = central.get(f"{customers}?$select=id&$top=1&$filter=number eq '{number}'", timeout=120)
            answer.raise_for_status()
            body = {name: account[column] for name, column in _FIELDS.items() if account[column] is not None}
            if answer.json()["value"]:
                key = answer.json()["value"][0]["id"]
                written = central.patch(f"{customers}({key})", json=body, headers={"If-Match": "*"}, timeout=120)
            else:
                written = central.post(customers, json=body, timeout=120)
            written.raise_for_status()

        return _timed(carry, rows)


def _timed(carry: Callable[[Any], None], rows: Iterable[Any]) -> Loop:
    rows = list(rows)
    # Signing in and reading metadata happen once, however many records follow.
    carry(rows[0])
    started, used = time.perf_counter(), own_cpu()
    for row in rows[1:]:
        carry(row)
    return Loop(len(rows) - 1, time.perf_counter() - started, own_cpu() - used)


def _credential(place: Place) -> ClientSecretCredential:
    return ClientSecretCredential(
        place.tenant,
        place.client_id,
        place.client_secret,
        authority=place.url,
        disable_instance_discovery=True,
        connection_verify=place.ca_file,
    )


def _central(place: Place) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = place.ca_file
    token = _credential(place).get_token(BUSINESS_CENTRAL_SCOPE).token
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def _root(place: Place) -> str:
    return f"{place.url}/v2.0/{place.tenant}/{place.environment}/api/v2.0/companies({place.company_id})"


def _pages(session: requests.Session, url: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while url:
        answer = session.get(url, timeout=120)
        answer.raise_for_status()
        rows += answer.json()["value"]
        url = answer.json().get("@odata.nextLink", "")
    return rows
