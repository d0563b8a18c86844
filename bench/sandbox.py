"""How fast the sandbox is: loading the bulk dataset, writing by bulk messages, reading in large pages.

    python bench/sandbox.py --rows 100000

Starts a sandbox of its own in a temporary directory and talks to it over HTTPS with one client and one connection. For
each step prints rows per second by the clock and by the sandbox's own processor time (user and system), which on a busy
machine is the fairer number, and the sandbox's resident memory afterwards.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# In place of this directory, in which this very file would be taken for the package `sandbox`.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import requests  # noqa: E402

from sandbox.datasets.company import COMPANY_ID  # noqa: E402
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE  # noqa: E402
from tests.sandbox_process import SandboxServer, start_sandbox  # noqa: E402

_TARGETS = 1000
_PAGE = 5000
_ACCOUNT_COLUMNS = (
    "name,accountnumber,telephone1,emailaddress1,address1_line1,address1_city,address1_postalcode,address1_country,"
    "statecode,modifiedon"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows: int = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as directory:
        server = start_sandbox(Path(directory))
        try:
            bench(server, rows)
        finally:
            server.stop()


def bench(server: SandboxServer, rows: int) -> None:
    def load() -> int:
        server.reset("bulk", customers=rows, accounts=rows)
        return 3 * rows  # every customer has a company contact

    measure(server, f"bulk dataset, {rows:,} customers with contacts and {rows:,} accounts", load)
    sales, central = session(server, f"{server.url}/.default"), session(server, f"{BUSINESS_CENTRAL_AUDIENCE}/.default")
    accounts = f"{server.url}/api/data/v9.2/accounts"
    root = f"{server.url}/v2.0/{server.tenant}/{server.environment}/api/v2.0/companies({COMPANY_ID})"
    measure(server, "accounts, 10 columns", lambda: read(sales, f"{accounts}?$select={_ACCOUNT_COLUMNS}"))
    measure(server, "accounts, all columns", lambda: read(sales, accounts))
    measure(server, "customers, all properties", lambda: read(central, f"{root}/customers"))

    server.reset("empty")
    ids: list[str] = []

    def create() -> int:
        for part in parts(rows):
            answer = post(sales, accounts, "CreateMultiple", [account(index) for index in part])
            ids.extend(answer.json()["Ids"])
        return len(ids)

    def update() -> int:
        for part in parts(rows):
            targets = [{"accountid": ids[index], "telephone1": f"+49 30 {index:07d}"} for index in part]
            post(sales, accounts, "UpdateMultiple", targets)
        return len(ids)

    measure(server, f"CreateMultiple of {_TARGETS:,} accounts", create)
    measure(server, f"UpdateMultiple of {_TARGETS:,} accounts", update)


def measure(server: SandboxServer, title: str, step: Callable[[], int]) -> None:
    started, used = time.perf_counter(), processor_seconds(server)
    rows = step()
    seconds, cpu = time.perf_counter() - started, processor_seconds(server) - used
    print(
        f"{title}: {rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} rows/s;"
        f" {cpu:.1f} s of processor time, {rows / max(cpu, 0.01):,.0f} rows/s; {memory_mb(server):.0f} MB",
        flush=True,
    )


def session(server: SandboxServer, scope: str) -> requests.Session:
    result = requests.Session()
    result.trust_env = False
    result.verify = server.ca_file
    form = {
        "grant_type": "client_credentials",
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "scope": scope,
    }
    token = result.post(f"{server.url}/{server.tenant}/oauth2/v2.0/token", data=form, timeout=30).json()
    result.headers["Authorization"] = f"Bearer {token['access_token']}"
    result.headers["Prefer"] = f"odata.maxpagesize={_PAGE}"
    return result


def read(client: requests.Session, url: str | None) -> int:
    count = 0
    while url is not None:
        answer = client.get(url, timeout=300)
        answer.raise_for_status()
        page = json.loads(answer.content)
        count += len(page["value"])
        url = page.get("@odata.nextLink")
    return count


def parts(rows: int) -> Iterator[range]:
    for start in range(0, rows, _TARGETS):
        yield range(start, min(start + _TARGETS, rows))


def post(client: requests.Session, accounts: str, message: str, targets: list[dict[str, Any]]) -> requests.Response:
    typed = [{"@odata.type": "Microsoft.Dynamics.CRM.account", **target} for target in targets]
    answer = client.post(f"{accounts}/Microsoft.Dynamics.CRM.{message}", json={"Targets": typed}, timeout=300)
    answer.raise_for_status()
    return answer


def account(index: int) -> dict[str, Any]:
    """What a synchronisation sends for a customer: a dozen columns."""
    return {
        "name": f"Company {index}",
        "accountnumber": f"C{index:07d}",
        "customertypecode": 3,
        "telephone1": "+49 30 1234567",
        "emailaddress1": f"info{index}@company.example",
        "websiteurl": f"https://www.company{index}.example",
        "address1_line1": "Hafenstraße 5",
        "address1_city": "Hamburg",
        "address1_postalcode": "20457",
        "address1_country": "DE",
        "creditlimit": 5000.5,
        "creditonhold": False,
    }


def processor_seconds(server: SandboxServer) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(server: SandboxServer) -> float:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
