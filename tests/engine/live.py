"""A hub connected with the running sandbox, as the engine's tests drive it: change records, run, look."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.bulk import BulkWriter, Write, WriteStatus
from connector.choices import ConnectionState, System
from connector.clients import business_central_client, sales_client
from connector.models import Connection, Credential
from connector.services.facts import discover_facts
from coupling.models import Coupling, TableMapping
from coupling.services.defaults import apply_switches, load_defaults
from syncjobs import tasks
from syncjobs.choices import JobMode, JobTrigger
from syncjobs.engine.options import RunOptions
from syncjobs.models import SynchJob
from syncjobs.services.jobs import start_job
from tests.sandbox_process import SandboxServer

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
CREATING = RunOptions(ignore_only_coupled=True)


@dataclass
class Remote:
    """One of the two systems, read and changed past the hub."""

    system: System
    connection: Connection

    def _address(self, table: str, key: Any = "") -> str:
        client = self.client
        path = client.addresses.table(table) if self.system == BC else table  # type: ignore[union-attr]
        return f"{path}({key})" if key else path

    @property
    def client(self) -> Any:
        make = business_central_client if self.system == BC else sales_client
        return make(self.connection)

    def create(self, table: str, **values: Any) -> UUID:
        answer = self.client.session.send(
            "POST", self._address(table), body=values, headers={"Prefer": "return=representation"}
        )
        row = answer.data
        return UUID(row["id"] if self.system == BC else row[self.client.table(table).primary_id])

    def update(self, table: str, key: UUID, **values: Any) -> None:
        self.client.session.send("PATCH", self._address(table, key), body=values, headers={"If-Match": "*"})

    def delete(self, table: str, key: UUID) -> None:
        self.client.session.send("DELETE", self._address(table, key), headers={"If-Match": "*"})

    def rows(self, table: str, *properties: str) -> list[dict[str, Any]]:
        return [record.values for record in self.client.query(table, properties=list(properties))]

    def row(self, table: str, key: UUID, *properties: str) -> dict[str, Any]:
        values: dict[str, Any] = self.client.read_records(table, [key], properties=list(properties))[key].values
        return values


class Hub:
    """The hub under test and both systems. `run` starts a job and works on it in this process."""

    def __init__(self, connection: Connection, sandbox: SandboxServer) -> None:
        self.connection, self.sandbox = connection, sandbox
        self.bc, self.sales = Remote(BC, connection), Remote(SALES, connection)

    def mapping(self, name: str) -> TableMapping:
        return TableMapping.objects.get(connection=self.connection, name=name)

    def switch(self, **switches: Any) -> None:
        """Changes switches of the connection, and the mappings with them."""
        for name, value in switches.items():
            setattr(self.connection, name, value)
        self.connection.save()
        apply_switches(connection=self.connection)

    def start(self, name: str, mode: JobMode = JobMode.MODIFIED, **arguments: Any) -> SynchJob:
        """A queued job that nobody works on yet."""
        return start_job(
            connection=self.connection,
            mapping=self.mapping(name),
            mode=mode,
            trigger=JobTrigger.COMMAND,
            hand_over=False,
            **arguments,
        )

    def run(self, name: str, mode: JobMode = JobMode.MODIFIED, **arguments: Any) -> SynchJob:
        job = self.start(name, mode, **arguments)
        tasks.run_job(job.pk)
        job.refresh_from_db()
        return job

    def run_full(self, name: str) -> SynchJob:
        """All records, partners are created."""
        return self.run(name, JobMode.FULL, options=CREATING)

    def create_customers(self, count: int) -> None:
        """So many, "Customer 0" and on, with few requests."""
        self.create(self.bc, "customers", [{"displayName": f"Customer {number}"} for number in range(count)])

    def create_accounts(self, count: int) -> None:
        """So many of the relationship type Customer, "Account 0" and on."""
        bodies = [{"name": f"Account {number}", "customertypecode": 3} for number in range(count)]
        self.create(self.sales, "accounts", bodies)

    def create(self, remote: Remote, table: str, bodies: list[dict[str, Any]]) -> None:
        writes = [Write(number, "create", table, None, body) for number, body in enumerate(bodies)]
        for results in BulkWriter(remote.client).run(writes, before_send=lambda _: None):
            assert all(result.status == WriteStatus.DONE for result in results)

    def coupling(self, name: str, **keys: UUID) -> Coupling:
        return Coupling.objects.get(mapping__name=name, **keys)

    def faults(self, *faults: dict[str, Any]) -> None:
        self.sandbox.control("PUT", "/faults", list(faults))

    def requests(self) -> dict[str, Any]:
        """Since the last call or reset: the control API's counters; counting starts anew."""
        counters: dict[str, Any] = self.sandbox.control("GET", "/requests")
        self.sandbox.control("DELETE", "/requests")
        return counters

    def request_count(self) -> int:
        return sum(system["requests"] for system in self.requests().values())


def connect(sandbox: SandboxServer) -> Connection:
    """An enabled connection with its mappings; creating partners is allowed where a test asks for it only."""
    connection = Connection(
        slug="default",
        tenant_id=sandbox.tenant,
        client_id=sandbox.client_id,
        authority_url=sandbox.url,
        sales_url=sandbox.url,
        business_central_url=sandbox.url,
        business_central_environment=sandbox.environment,
    )
    connection.save()
    Credential.objects.create(connection=connection, secret=sandbox.client_secret)
    company = business_central_client(connection).companies()[0]
    connection.company_id, connection.company_name = company.id, company.name
    for name, value in discover_facts(connection=connection).items():
        setattr(connection, name, value)
    connection.enabled, connection.state = True, ConnectionState.ENABLED
    connection.save()
    load_defaults(connection=connection)
    return connection
