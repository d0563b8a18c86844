"""Couple Salespeople: which salesperson stands for which Sales user, decided for all of them on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from connector.choices import System
from connector.errors import HubError
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord, TableMapping
from coupling.services.admission import admits
from coupling.services.changes import attach_job
from coupling.services.couplings import couple, require_usable
from coupling.services.requests import FIRST, uncouple_many
from coupling.synchronisation import StartedJob, service

MAPPING = "SALESPEOPLE"


@dataclass(frozen=True, slots=True)
class Line:
    """One Sales user. `salesperson` is the coupled one, `suggested` the free one with the same e-mail address."""

    user: Any
    email: str
    salesperson: UUID | None
    suggested: UUID | None


@dataclass(slots=True)
class Saved:
    """What became of a form: how many were coupled and uncoupled, the first synchronisations, what was refused."""

    coupled: int = 0
    uncoupled: int = 0
    jobs: list[StartedJob] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def salespeople_of(mapping: TableMapping) -> list[BusinessCentralRecord]:
    """Living salespeople by name."""
    records = BusinessCentralRecord.objects.of_table(mapping.connection_id, mapping.business_central_table).alive()
    return list(records.order_by("name", "number", "key"))


def lines_of(mapping: TableMapping, salespeople: Sequence[BusinessCentralRecord]) -> list[Line]:
    """A line per user inside the mapping's filter, and per coupled user outside of it; sorted by name. Two queries."""
    couplings = dict(Coupling.objects.filter(mapping=mapping).values_list("sales_key", "bc_key"))
    users = SalesRecord.objects.of_table(mapping.connection_id, mapping.sales_table).alive()
    inside = users.filter(admits(mapping, System.SALES)) | users.filter(key__in=couplings)
    taken = set(couplings.values())
    by_email = {_email(person.values): person.key for person in salespeople if person.key not in taken}
    by_email.pop("", None)
    return [
        Line(
            user,
            _email(user.values),
            couplings.get(user.key),
            None if user.key in couplings else by_email.get(_email(user.values)),
        )
        for user in inside.order_by("name", "key")
    ]


def save(*, mapping: TableMapping, chosen: Mapping[UUID, UUID | None], user: User | None) -> Saved:
    """Couples and uncouples so that every user in `chosen` has the salesperson given, or none.

    A salesperson belongs to one user: chosen for another one, it leaves the first. New pairs get their first
    synchronisation from Sales; a salesperson that only changed its user is not synchronised. A refusal of one line
    does not stop the others.
    """
    require_usable(mapping)
    now = {c.sales_key: c for c in Coupling.objects.filter(mapping=mapping).select_related("mapping__connection")}
    changed = {key: person for key, person in chosen.items() if _person(now.get(key)) != person}
    wanted = {person for person in changed.values() if person is not None}
    leaving = [
        coupling
        for key, coupling in now.items()
        if key in changed or (coupling.bc_key in wanted and key not in changed)
    ]
    before = {coupling.bc_key for coupling in leaving}
    saved = Saved(uncoupled=len(leaving))
    if leaving:
        uncouple_many(couplings=leaving, user=user)
    fresh: list[Coupling] = []
    for key, person in changed.items():
        if person is None:
            continue
        try:
            coupling = couple(mapping=mapping, bc_key=person, sales_key=key, user=user)
        except HubError as error:
            saved.problems.append(str(error))
            continue
        saved.coupled += 1
        if person not in before:
            fresh.append(coupling)
    if fresh:
        saved.jobs = service().synchronize_pairs(couplings=fresh, force_from=System.SALES, user=user, trigger=FIRST)
        for coupling in fresh:
            attach_job(coupling, saved.jobs[0].id)
    return saved


def _person(coupling: Coupling | None) -> UUID | None:
    return coupling.bc_key if coupling else None


def _email(values: Mapping[str, Any]) -> str:
    return str(values.get("internalemailaddress") or values.get("email") or "").strip().casefold()
