"""A small hub with one of everything that pages show, and a person of every role."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from config.roles import ensure_groups
from connector.choices import System
from connector.models import Connection
from coupling.models import Coupling, TableMapping, TransformationRule
from syncjobs.models import ConfigurationCopy, FullSynch, FullSynchLine, Operation, Schedule, SynchJob, WorkerHeartbeat
from syncjobs.services.configuration import export_configuration
from tests.coupling.factories import make_account, make_connection, make_coupling, make_customer, make_person


@dataclass
class Hub:
    """What the pages of a test show."""

    connection: Connection
    customers: TableMapping
    couplings: list[Coupling]
    job: SynchJob
    conflict: Operation
    failed: Operation
    full_synch: FullSynch

    def arguments(self, name: str, converters: dict) -> dict[str, object]:
        """Arguments that make an address of any name point to something that exists."""
        known = {
            "connection": self.connection.slug,
            "system": System.BUSINESS_CENTRAL,
            "table": "customers",
            "key": self.couplings[0].bc_key,
            "list_name": "jobs",
            "name": "CUSTOMER",
            "job": self.job.pk,
            "step": "welcome",
            "kind": "opportunities",
            "entry": 1,
            "deed": "7d1f0c9e-0000-4000-8000-000000000000",
            "pk": 1,
        }
        by_family = {
            "job": self.job.pk,
            "operation": self.conflict.pk,
            "coupling": self.couplings[0].pk,
            "full-synch": self.full_synch.pk,
            "mapping-rule": TransformationRule.objects.values_list("pk", flat=True).first() or 1,
            "mapping-configuration": ConfigurationCopy.objects.values_list("pk", flat=True).first() or 1,
            "mapping-template": self.customers.templates.values_list("pk", flat=True).first(),
            "field": self.customers.fields.first().pk,
            "template": 1,
            "sales-quote-archive": 1,
        }
        family = name.removeprefix("api-")
        for begin, pk in by_family.items():
            if family.startswith(begin):
                known["pk"] = pk
        return {argument: known[argument] for argument in converters if argument in known}


@pytest.fixture
def people(db) -> dict[str, User]:
    ensure_groups()
    roles = ("administrator", "operator", "salesperson", "viewer")
    return {role: make_person(role, role) for role in roles} | {"outsider": make_person("outsider")}


@pytest.fixture
def signed_in(client, people):
    """`signed_in("salesperson")` is a browser of that person."""

    def sign_in(name: str):
        client.force_login(people[name])
        return client

    return sign_in


@pytest.fixture
def hub(db) -> Hub:
    connection = make_connection(business_central_environment="Production", company_name="CRONUS")
    customers = connection.mappings.get(name="CUSTOMER")
    couplings = [add_pair(customers, number) for number in ("10000", "20000")]
    now = timezone.now()
    job = SynchJob.objects.create(
        connection=connection, mapping=customers, mode="modified", direction="bidirectional", trigger="schedule",
        state="partly", inserted=1, failed=1, conflicts=1, done=3, total=3, started_at=now - timedelta(seconds=9),
        finished_at=now, message="Finished; one record failed.",
    )  # fmt: skip
    couplings[0].conflict = True
    couplings[0].save()
    couplings[1].error_code, couplings[1].error_message = "data.too_long", "The name is too long."
    couplings[1].failed_at = now
    couplings[1].save()
    conflict = add_operation(job, couplings[0], "conflict")
    failed = add_operation(
        job, couplings[1], "failed", error_code="data.too_long", error_message="The name is too long."
    )
    full_synch = FullSynch.objects.create(connection=connection, state="partly", started_at=now, finished_at=now)
    FullSynchLine.objects.create(
        full_synch=full_synch, mapping=customers, direction="bidirectional", state="finished", to_sales="error"
    )
    Schedule.objects.create(connection=connection, name="CUSTOMER", mapping=customers, next_run=now)
    ConfigurationCopy.objects.create(
        connection=connection, origin="before_reset", document=export_configuration(connection=connection, names=[])
    )
    TransformationRule.objects.create(connection=connection, code="TRIM", kind="trim")
    for kind in ("worker", "scheduler"):
        WorkerHeartbeat.objects.create(name=kind, kind=kind, at=now)
    return Hub(connection, customers, couplings, job, conflict, failed, full_synch)


@pytest.fixture
def free(hub: Hub):
    """A customer without a partner."""
    return make_customer(hub.connection, "30000", "Adatum Corporation", city="Aarhus", phoneNumber="+45 1234 5678")


def add_pair(mapping: TableMapping, number: str) -> Coupling:
    customer = make_customer(mapping.connection, number, f"Customer {number}")
    account = make_account(mapping.connection, f"Account {number}", number)
    return make_coupling(mapping, customer, account, bc_base={"displayName": "Before"}, sales_base={"name": "Before"})


def add_operation(job: SynchJob, coupling: Coupling, state: str, **values: object) -> Operation:
    return Operation.objects.create(
        job=job, connection=job.connection, mapping=coupling.mapping, coupling=coupling, system="sales",
        table="accounts", record_id=coupling.sales_key, bc_key=coupling.bc_key, sales_key=coupling.sales_key,
        record_name="10000 Customer", kind="update", state=state, before={"name": "Old"}, after={"name": "New"},
        **values,
    )  # fmt: skip


@pytest.fixture
def sandbox_is_off(settings) -> None:
    """Nothing answers at the connection's addresses, so that no test waits for the outside world."""
    unreachable = "https://127.0.0.1:9"
    Connection.objects.update(authority_url=unreachable, sales_url=unreachable, business_central_url=unreachable)
