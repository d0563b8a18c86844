"""What every step of one worker on one job needs at hand: the job, its mapping, clients, and where to report."""

from dataclasses import dataclass, field
from functools import partial

from connector.bulk import BulkWriter
from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.clients import business_central_client, sales_client
from connector.models import Connection
from connector.sales import SalesClient
from coupling.models import TableMapping
from syncjobs.engine.options import RunOptions
from syncjobs.engine.progress import Progress
from syncjobs.engine.rules import rule_for
from syncjobs.engine.tables import TableReading
from syncjobs.models import SynchJob


@dataclass(slots=True)
class JobRun:
    """One worker's share of a job. Clients are made on first use and count into the job's requests."""

    job: SynchJob
    mapping: TableMapping
    options: RunOptions
    progress: Progress
    _clients: dict[System, SalesClient | BusinessCentralClient] = field(default_factory=dict)
    _writers: dict[System, BulkWriter] = field(default_factory=dict)
    _readings: dict[tuple[System, str], TableReading] = field(default_factory=dict)

    @property
    def clients(self) -> dict[System, SalesClient | BusinessCentralClient]:
        """Those made so far, to be shared with another run of this worker."""
        return self._clients

    @property
    def connection(self) -> Connection:
        return self.job.connection

    def client(self, system: System) -> SalesClient | BusinessCentralClient:
        if system not in self._clients:
            make = business_central_client if system == System.BUSINESS_CENTRAL else sales_client
            self._clients[system] = make(self.connection, meter=self.progress.meter)
        return self._clients[system]

    def writer(self, system: System) -> BulkWriter:
        """One for the whole job: it learns how much a request may carry."""
        if system not in self._writers:
            client = self.client(system)
            rule = rule_for(self.mapping.name)
            self._writers[system] = BulkWriter(client, adapt=partial(rule.sender, client))
        return self._writers[system]

    def reading(self, system: System, table: str = "") -> TableReading:
        """How a table is mirrored, the mapping's own where none is named."""
        table = table or self.mapping.table(system)
        if (system, table) not in self._readings:
            self._readings[system, table] = TableReading(self.connection, system, table)
        return self._readings[system, table]
