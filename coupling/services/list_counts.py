"""How many records stand behind each view of a record list.

Counted over whole tables, so they are remembered for half a minute.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Count

from connector.choices import System
from connector.models import Connection
from coupling.choices import CouplingState
from coupling.matching.choices import MatchVerdict
from coupling.matching.models import MatchCandidate
from coupling.models import TableMapping
from coupling.services.overview import free_name
from coupling.services.owners import owned_by
from coupling.services.pairs import couplings_of, only_coupled
from coupling.services.search import mirror_of
from coupling.services.suggestions import suggestion_counts
from coupling.synchronisation import service

KEPT_SECONDS = 30
ALL, NOT_COUPLED, SUGGESTED = "all", "not_coupled", "suggested"


def list_counts(connection: Connection, system: System, table: str, mappings: Sequence[TableMapping]) -> dict[str, int]:
    """Numbers by state of the coupling, of all records, of those without a coupling, and of those for which `mappings`
    suggest a partner."""
    name = _name(connection.pk, system, table)
    known: dict[str, int] | None = cache.get(name)
    if known is None:
        known = _count(connection, system, table)
        known[SUGGESTED] = _suggested(connection, system, table, mappings)
        cache.set(name, known, KEPT_SECONDS)
    return known


def forget_counts(mapping: TableMapping) -> None:
    """Something was coupled or uncoupled by hand: the next page counts anew, the couplings home too."""
    cache.delete_many([_name(mapping.connection_id, system, mapping.table(system)) for system in System])
    cache.delete(free_name(mapping))


def _name(connection_id: int, system: System, table: str) -> str:
    return f"list-counts-{connection_id}-{system}-{table}"


def own_count(connection: Connection, system: System, table: str, user: User) -> int:
    """How many records of a table are somebody's own."""
    name = f"{_name(connection.pk, system, table)}-{user.pk}"
    known: int | None = cache.get(name)
    if known is None:
        records = mirror_of(system).objects.of_table(connection.pk, table)
        known = records.filter(owned_by(connection, system, user.email)).count() if user.email else 0
        cache.set(name, known, KEPT_SECONDS)
    return known


def _suggested(connection: Connection, system: System, table: str, mappings: Sequence[TableMapping]) -> int:
    if system == System.SALES:
        candidates = MatchCandidate.objects.filter(line__mapping__in=mappings, line__job_id=None).values("sales_key")
        records = mirror_of(system).objects.of_table(connection.pk, table).filter(key__in=candidates)
        return only_coupled(records, connection, system, table, coupled=False).count()
    found = suggestion_counts(connection)
    numbers = [found.get(mapping.pk, {}) for mapping in mappings]
    return sum(n for each in numbers for verdict, n in each.items() if verdict != MatchVerdict.NONE)


def _count(connection: Connection, system: System, table: str) -> dict[str, int]:
    records = mirror_of(system).objects.of_table(connection.pk, table)
    couplings: Any = couplings_of(connection, system, table).with_state()
    found = dict(couplings.order_by().values_list("state").annotate(n=Count("pk")))
    failed = service().failed_creation_keys(connection=connection, system=system, table=table)
    failing = found.get(CouplingState.FAILING, 0) + failed.distinct().count()
    return {
        **found,
        CouplingState.FAILING: failing,
        ALL: records.count(),
        NOT_COUPLED: only_coupled(records, connection, system, table, coupled=False).count(),
    }
