"""The loop that the bench compares the hub with does what it claims: records with their values, one after the other."""

from bench.record_at_a_time import Place, accounts_to_business_central, customers_to_sales
from sandbox.datasets.company import COMPANY_ID
from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET
from tests.sandbox_process import SandboxServer


def place(server: SandboxServer) -> Place:
    return Place(
        url=server.url,
        tenant=server.tenant,
        client_id=GUEST_CLIENT_ID,
        client_secret=GUEST_CLIENT_SECRET,
        environment=server.environment,
        company_id=str(COMPANY_ID),
        ca_file=server.ca_file,
    )


def written(server: SandboxServer, system: str, entity_set: str) -> int:
    counters = server.control("GET", "/requests")[system]["by"]
    return sum(row["requests"] for row in counters if row["entity_set"] == entity_set and row["method"] == "POST")


def test_customers_go_to_sales_one_by_one(sandbox: SandboxServer) -> None:
    sandbox.reset("bulk", customers=4)
    assert customers_to_sales(place(sandbox), 4).records == 3
    assert written(sandbox, "sales", "accounts") == 4


def test_accounts_go_to_business_central_one_by_one(sandbox: SandboxServer) -> None:
    sandbox.reset("bulk", accounts=4)
    assert accounts_to_business_central(place(sandbox), 4).records == 3
    assert written(sandbox, "business_central", "customers") == 4
