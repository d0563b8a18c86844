"""Whether a mapping's filter admits a record, and which of its conditions does not."""

from typing import Any
from uuid import UUID

from django.db.models import Q

from connector.choices import System
from connector.models import Connection
from coupling.filters import filter_condition
from coupling.models import TableMapping
from coupling.services.search import mirror_of


def filter_parameters(connection: Connection) -> dict[str, Any]:
    """Values of the names in braces that a filter may use."""
    return {"company_row_id": connection.company_row_id}


def admits(mapping: TableMapping, system: System) -> Q:
    """Condition over mirror rows: inside the mapping's filter of that side."""
    return filter_condition(mapping.filter(system), system=system, parameters=filter_parameters(mapping.connection))


def is_admitted(mapping: TableMapping, system: System, key: UUID) -> bool:
    """Whether the mirrored record is inside the filter; one query."""
    table = mapping.table(system)
    records = mirror_of(system).objects.of_table(mapping.connection_id, table)
    return records.filter(admits(mapping, system), key=key).exists()


def violated_condition(mapping: TableMapping, system: System, key: UUID) -> str:
    """The first part of the filter that the mirrored record does not meet; blank where it meets them all."""
    records = mirror_of(system).objects.of_table(mapping.connection_id, mapping.table(system)).filter(key=key)
    for part in conjuncts(mapping.filter(system)):
        condition = filter_condition(part, system=system, parameters=filter_parameters(mapping.connection))
        if not records.filter(condition).exists():
            return part
    return ""


def conjuncts(text: str) -> list[str]:
    """Parts of an OData filter joined by `and` at its top level; the whole filter where `or` stands there."""
    parts, start = [], 0
    for at, word in _top_level_words(text):
        if word == "or":
            return [text.strip()]
        if word == "and":
            parts.append(text[start:at].strip())
            start = at + len(word)
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def _top_level_words(text: str) -> list[tuple[int, str]]:
    """(position, word) of the words outside of parentheses and quoted text."""
    found: list[tuple[int, str]] = []
    depth, quoted, word_start = 0, False, None
    for at, char in enumerate(f"{text} "):
        if char == "'":
            quoted = not quoted
        if quoted:
            continue
        if char in "()":
            depth += 1 if char == "(" else -1
        if depth == 0 and char.isalpha():
            word_start = at if word_start is None else word_start
        elif word_start is not None:
            found.append((word_start, text[word_start:at]))
            word_start = None
    return found
