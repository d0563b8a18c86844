"""What scenarios say in one line: given a coupled pair, when both sides change, then."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connector.choices import System
from coupling.models import Coupling, TableCursor
from syncjobs.choices import JobMode
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import SynchJob
from tests.engine.live import Hub

COUNTERS = ("inserted", "modified", "unchanged", "skipped", "failed", "coupled", "uncoupled", "deleted", "conflicts")


def counted(job: SynchJob) -> dict[str, int]:
    """The counters of a job that are not zero."""
    return {name: count for name in COUNTERS if (count := getattr(job, name))}


class World(Hub):
    """A hub with both systems, in the words of the scenarios."""

    def set(self, name: str, **values: Any) -> None:
        """Settings of a mapping."""
        self.connection.mappings.filter(name=name).update(**values)

    def set_field(self, name: str, attribute: str, **values: Any) -> None:
        """Settings of one of a mapping's fields."""
        assert self.mapping(name).fields.filter(sales_attribute=attribute).update(**values) == 1

    def may_create(self, name: str = "CUSTOMER") -> None:
        """The mapping creates partners in every run from now on; what exists so far was looked at."""
        self.set(name, synch_only_coupled_records=False)

    def customer(self, name: str = "Adatum", **values: Any) -> UUID:
        return self.bc.create("customers", displayName=name, **values)

    def account(self, name: str = "Contoso", **values: Any) -> UUID:
        return self.sales.create("accounts", name=name, **{"customertypecode": 3, **values})

    def pair(self, name: str = "Adatum", **values: Any) -> Coupling:
        """A customer and its account, coupled and in step."""
        key = self.customer(name, **{"city": "Oslo", **values})
        self.run_full("CUSTOMER")
        self.run("CUSTOMER")
        return self.coupling("CUSTOMER", bc_key=key)

    def linked(self, bc_key: UUID, sales_key: UUID, name: str = "CUSTOMER") -> Coupling:
        """Two records coupled in the hub, never synchronised."""
        mapping = self.mapping(name)
        return Coupling.objects.create(
            connection=self.connection,
            mapping=mapping,
            bc_table=mapping.business_central_table,
            bc_key=bc_key,
            sales_table=mapping.sales_table,
            sales_key=sales_key,
        )

    def city_of_customer(self, coupling: Coupling) -> str:
        return str(self.bc.row("customers", coupling.bc_key, "city")["city"] or "")

    def city_of_account(self, coupling: Coupling) -> str:
        return str(self.sales.row("accounts", coupling.sales_key, "address1_city")["address1_city"] or "")

    def edit_customer(self, coupling: Coupling, **values: Any) -> None:
        self.bc.update("customers", coupling.bc_key, **values)

    def edit_account(self, coupling: Coupling, **values: Any) -> None:
        self.sales.update("accounts", coupling.sales_key, **values)

    def force(self, coupling: Coupling, source: System) -> SynchJob:
        """Synchronize Now with a direction chosen by hand."""
        options = RunOptions(force_from=source).with_pairs([PairRef(coupling.bc_key, coupling.sales_key)])
        return self.run(coupling.mapping.name, JobMode.SELECTED, options=options)

    def clock(self, sales_seconds: int) -> None:
        """Dataverse's clock runs so far ahead of everybody else's."""
        self.sandbox.control("PUT", "/clock", {"sales": {"offset_s": sales_seconds}})

    def exists(self, system: System, table: str, key: UUID) -> bool:
        remote = self.bc if system == System.BUSINESS_CENTRAL else self.sales
        return key in remote.client.read_records(table, [key], properties=[])

    def names(self, system: System) -> list[str]:
        """Names of all customers or accounts."""
        if system == System.BUSINESS_CENTRAL:
            return sorted(row["displayName"] for row in self.bc.rows("customers", "displayName"))
        return sorted(row["name"] for row in self.sales.rows("accounts", "name"))

    def cursor(self, system: System, table: str) -> str:
        return TableCursor.objects.get(connection=self.connection, system=system, table=table).cursor

    def now(self) -> datetime:
        return datetime.now(UTC)
