"""Partners for many records at once: which are made right away, which wait for a person, and why."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.contrib.auth.models import User

from connector.choices import Direction, System
from connector.models import Connection
from coupling.models import TableMapping
from coupling.services.admission import admits
from coupling.services.duplicates import duplicates_of
from coupling.services.new_gaps import gaps
from coupling.services.new_values import NewValue
from coupling.services.requests import create_other_side, with_living_partner
from coupling.services.search import mirror_of


@dataclass(slots=True)
class Created:
    """`queued` partners are being made. Left out: `coupled`, `claimed` by somebody else, `outside` the filters; records
    that `alike` ones exist for; those that are `blank` in what the new record needs; and by mapping those `waiting` for
    a value that is not mapped, which may be one for all."""

    queued: int = 0
    coupled: int = 0
    claimed: int = 0
    outside: int = 0
    alike: dict[UUID, str] = field(default_factory=dict)
    blank: dict[UUID, str] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    waiting: list[tuple[TableMapping, list[UUID], list[NewValue]]] = field(default_factory=list)


def create_partners(
    *,
    connection: Connection,
    system: System,
    table: str,
    mappings: Iterable[TableMapping],
    keys: Collection[UUID],
    user: User,
) -> Created:
    """Starts a job per mapping for the records that need nobody's decision."""
    done, remaining = Created(), set(keys)
    coupled = set(with_living_partner(connection, system, table, remaining))
    done.coupled, remaining = len(coupled), remaining - coupled
    for mapping in mappings:
        if not Direction(mapping.direction).allows(system.other):
            continue
        rows = mirror_of(system).objects.of_table(connection.pk, table).filter(admits(mapping, system))
        records = list(rows.filter(key__in=remaining))
        remaining -= {record.key for record in records}
        alike = duplicates_of(mapping=mapping, system=system, records=records)
        done.alike |= {record.key: str(record) for record in records if record.key in alike}
        free = [record.key for record in records if record.key not in alike]
        if not free:
            continue
        missing, blank = gaps(mapping=mapping, system=system, keys=free)
        done.needs |= {value.label for values in blank.values() for value in values}
        done.blank |= {record.key: str(record) for record in records if record.key in blank}
        free = [key for key in free if key not in blank]
        if missing and free:
            done.waiting.append((mapping, free, missing))
        elif free:
            work = create_other_side(mapping=mapping, system=system, keys=sorted(free, key=str), user=user)
            done.queued, done.claimed = done.queued + work.taken, done.claimed + work.claimed
    done.outside = len(remaining)
    return done
