"""Filters for people: conditions made from a column, a comparison and a value, and what a filter lets through.

The text that comes out is the OData that both systems take; people may go on editing it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from connector.choices import System
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.odata import literal
from coupling.definitions import ValueKind
from coupling.models import TableMapping
from coupling.services.schema import ColumnChoice, business_central_columns, sales_columns

SAMPLES = 10

COMPARISONS = {
    "eq": "is",
    "ne": "is not",
    "contains": "contains",
    "startswith": "begins with",
    "ge": "is at least",
    "le": "is at most",
    "empty": "is empty",
    "filled": "is not empty",
}

_TEXTS = frozenset({ValueKind.TEXT, ValueKind.CODE, ValueKind.ENUM})
_ORDERED = frozenset({ValueKind.INTEGER, ValueKind.DECIMAL, ValueKind.DATE, ValueKind.DATETIME, ValueKind.CHOICE})
_BC_EMPTY = {
    ValueKind.GUID: "00000000-0000-0000-0000-000000000000",
    ValueKind.DATE: "0001-01-01",
    ValueKind.DATETIME: "0001-01-01T00:00:00Z",
}
_NOT_FILTERED = frozenset({ValueKind.STREAM, ValueKind.COMPLEX})


class ConditionError(ValueError):
    """The condition cannot be made; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a filter lets through. `number` is None where the system counts no further than 5,000."""

    number: int | None
    total: int | None
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def filter_columns(mapping: TableMapping, system: System) -> list[ColumnChoice]:
    """Columns that a filter may use, lookups under the name they are read by. Raises RemoteError."""
    if system == System.BUSINESS_CENTRAL:
        columns = business_central_columns(mapping)
    else:
        columns = [
            ColumnChoice(f"_{each.name}_value", each.label, ValueKind.GUID) if each.kind is ValueKind.LOOKUP else each
            for each in sales_columns(mapping)
        ]
    return [column for column in columns if column.kind not in _NOT_FILTERED]


def condition(*, column: ColumnChoice, comparison: str, value: str, system: System) -> str:
    """One condition as OData. Raises ConditionError."""
    name, kind = column.name, column.kind
    if comparison in ("empty", "filled"):
        operator = "eq" if comparison == "empty" else "ne"
        if system == System.SALES:
            return f"{name} {operator} null"
        if kind is ValueKind.ENUM:
            return f"{name} {operator} ' '"
        if kind in _TEXTS:
            return f"{name} {operator} ''"
        if kind in _BC_EMPTY:
            return f"{name} {operator} {_BC_EMPTY[kind]}"
        raise ConditionError(f"{column.label} is never empty in Business Central.")
    if comparison in ("contains", "startswith"):
        if kind not in _TEXTS:
            raise ConditionError(f"{column.label} holds no text; compare it with “is”.")
        return f"{comparison}({name},{literal(value)})"
    if comparison not in COMPARISONS:
        raise ConditionError("Choose a comparison.")
    if comparison in ("ge", "le") and kind not in _ORDERED:
        raise ConditionError(f"{column.label} has no order; compare it with “is”.")
    return f"{name} {comparison} {_literal(column, value.strip() if kind not in _TEXTS else value)}"


def joined(text: str, another: str) -> str:
    """A filter that also asks for one more condition."""
    if not text.strip():
        return another
    wrapped = f"({text.strip()})" if " or " in text else text.strip()
    return f"{wrapped} and {another}"


def sample(*, mapping: TableMapping, system: System, text: str) -> Sample:
    """Counts and the first rows that a filter lets through, read live. Raises RemoteError."""
    make = business_central_client if system == System.BUSINESS_CENTRAL else sales_client
    client = make(mapping.connection, patience=INTERACTIVE)
    table = mapping.table(system)
    row = mapping.connection.company_row_id
    live = text.replace("{company_row_id}", str(row) if row else "null")
    columns = _shown(mapping, system)
    found = list(client.query(table, properties=columns, filter=live, top=SAMPLES))
    return Sample(
        number=client.count(table, filter=live),
        total=client.count(table),
        columns=columns,
        rows=[[_text(record.values, name) for name in columns] for record in found[:SAMPLES]],
    )


def _shown(mapping: TableMapping, system: System) -> list[str]:
    """The first mapped columns, which are those people know."""
    names = []
    for each in mapping.fields.all():
        if system == System.SALES:
            names.append((each.sales_lookup or {}).get("read") or each.sales_attribute)
        elif not each.business_central_service:
            names.append(each.business_central_property)
    return list(dict.fromkeys(name for name in names if name))[:4]


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    return "" if value is None else str(value)


def _literal(column: ColumnChoice, value: str) -> str:
    kind = column.kind
    if kind in _TEXTS:
        return literal(value)
    if value == "{company_row_id}" and kind is ValueKind.GUID:
        return value
    try:
        if kind is ValueKind.BOOLEAN:
            return {"true": "true", "yes": "true", "false": "false", "no": "false"}[value.lower()]
        if kind in (ValueKind.INTEGER, ValueKind.CHOICE):
            return str(int(value))
        if kind is ValueKind.DECIMAL:
            return str(Decimal(value))
        if kind is ValueKind.GUID:
            return str(UUID(value))
        if kind is ValueKind.DATE:
            return date.fromisoformat(value).isoformat()
        moment = datetime.fromisoformat(value)
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    except (KeyError, ValueError, InvalidOperation) as error:
        example = _EXAMPLES.get(kind, "a value")
        raise ConditionError(f"{column.label} is compared with {example}; “{value}” is none.") from error


_EXAMPLES = {
    ValueKind.BOOLEAN: "yes or no",
    ValueKind.INTEGER: "a whole number",
    ValueKind.CHOICE: "the number of a choice",
    ValueKind.DECIMAL: "a number such as 12.5",
    ValueKind.GUID: "an id",
    ValueKind.DATE: "a date such as 2026-01-31",
    ValueKind.DATETIME: "a time such as 2026-01-31T12:00:00Z",
}
