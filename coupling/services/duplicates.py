"""Before a record is created on the other side: is it there already?

What matching suggests counts, and what is called exactly alike, legal forms aside; so the check also works before
suggestions were computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import StrIndex, Substr

from connector.choices import System
from coupling.models import RemoteRecord, TableMapping
from coupling.services.admission import admits
from coupling.services.pairs import only_coupled
from coupling.services.search import mirror_of
from coupling.services.suggestions import suggestions_for
from coupling.services.words import without_legal_forms, words

LIKELY_PERCENT = 60
"""Suggestions below are not worth stopping for."""
_PART = 1000
_MOST = 5


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A free record of the other side that may be the one about to be created."""

    record: Any
    reasons: Sequence[str]


def duplicates_of(
    *, mapping: TableMapping, system: System, records: Sequence[RemoteRecord]
) -> dict[UUID, list[Duplicate]]:
    """Look-alikes by the key of the record that is about to get a partner. Some queries per thousand records."""
    found: dict[UUID, list[Duplicate]] = {}
    for start in range(0, len(records), _PART):
        part = records[start : start + _PART]
        for key, suggested in suggestions_for(
            mapping=mapping, system=system, keys=[record.key for record in part]
        ).items():
            likely = [Duplicate(one.record, one.reasons) for one in suggested if one.percent >= LIKELY_PERCENT]
            if likely:
                found[key] = likely[:_MOST]
        for key, namesakes in _namesakes(mapping, system, part).items():
            known = {one.record.key for one in found.get(key, [])}
            new = [Duplicate(record, ["same name"]) for record in namesakes if record.key not in known]
            if new:
                found[key] = [*found.get(key, []), *new][:_MOST]
    return found


def _namesakes(mapping: TableMapping, system: System, records: Sequence[RemoteRecord]) -> dict[UUID, list[Any]]:
    """Free records of the other side whose name has the same words in the same order."""
    other = system.other
    table = mapping.table(other)
    keys: dict[str, list[UUID]] = {}
    for record in records:
        if line := " ".join(without_legal_forms(words(record.name))):
            keys.setdefault(f" {line}", []).append(record.key)
    if not keys:
        return {}
    rows: Any = mirror_of(other).objects.of_table(mapping.connection_id, table).alive().filter(admits(mapping, other))
    rows = only_coupled(rows, mapping.connection, other, table, coupled=False)
    if len(keys) == 1:
        rows = rows.filter(search_text__startswith=f"{next(iter(keys))}\n")
    else:
        # The name's words are the first line of the stored text.
        first_line = Substr("search_text", 1, StrIndex("search_text", Value("\n")) - 1)
        rows = rows.annotate(first_line=first_line).filter(first_line__in=list(keys))
    found: dict[UUID, list[Any]] = {}
    for row in rows.order_by("name", "key"):
        for key in keys.get(row.search_text.partition("\n")[0], ()):
            found.setdefault(key, []).append(row)
    return found
