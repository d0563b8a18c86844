"""What a new record needs and its mapping leaves empty: which properties these are, and whether what somebody gave
for them fits.

Sales says which columns people have to fill in. Business Central's metadata does not; what its standard pages insist on
is part of `coupling.definitions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from connector.cached import cached
from connector.choices import System
from connector.clients import INTERACTIVE, sales_client
from connector.errors import ErrorKind, HubError, RemoteError
from connector.sales import SalesClient
from connector.sales_metadata import ColumnInfo
from coupling.definitions import (
    PropertyDefinition,
    ValueKind,
    bc_properties,
    kind_of_column,
    sales_attribute,
    sales_attributes,
)
from coupling.models import TableMapping
from coupling.services.new_lookups import LEFT_ALONE, RequiredLookup, required_lookup
from coupling.services.schema import spaced
from coupling.synchronisation import PairPreview, service

LARGEST_INTEGER = 2**31 - 1

_TYPED = frozenset(
    {
        ValueKind.TEXT,
        ValueKind.CODE,
        ValueKind.INTEGER,
        ValueKind.DECIMAL,
        ValueKind.BOOLEAN,
        ValueKind.DATE,
        ValueKind.DATETIME,
        ValueKind.CHOICE,
    }
)
"""Kinds of values that can be typed; a lookup's row is picked or named."""


class ValuesError(HubError):
    """Typed values do not fit; `problems` names each property with what is wrong."""

    kind = ErrorKind.DATA
    code = "new_record.values"

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("Some values of the new record are missing or do not fit.")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class NewValue:
    """A property of the new record that somebody has to fill in. `choices`: (value, label) where only these fit;
    `lookup` finds the row of a lookup."""

    name: str
    label: str
    kind: ValueKind
    length: int | None = None
    scale: int | None = None
    choices: tuple[tuple[int | str, str], ...] = ()
    lookup: RequiredLookup | None = None

    @property
    def written_as(self) -> tuple[str, ...]:
        """Names under which a body may have the value."""
        return tuple(target.write for target in self.lookup.targets) if self.lookup else (self.name,)


def preview_new(mapping: TableMapping, system: System, key: UUID) -> PairPreview:
    """The record that would be created on the other side of record `key` of `system`."""
    is_bc = system == System.BUSINESS_CENTRAL
    return service().preview_pair(
        mapping=mapping, bc_key=key if is_bc else None, sales_key=None if is_bc else key, force_from=system
    )


def missing_values(mapping: TableMapping, target: System, body: Mapping[str, Any]) -> list[NewValue]:
    """Properties that a new record in `target` needs and `body` does not have; none where no body could be planned."""
    if not body:
        return []
    return [value for value in required_values(mapping, target) if not is_filled(value, body)]


def required_values(mapping: TableMapping, target: System) -> list[NewValue]:
    """Properties that a new record in `target` cannot do without."""
    return _sales_columns(mapping) if target == System.SALES else _bc_properties(mapping)


def is_filled(value: NewValue, body: Mapping[str, Any]) -> bool:
    return any(body.get(name) not in (None, "") for name in value.written_as)


def checked(wanted: list[NewValue], given: Mapping[str, Any], *, complete: bool) -> dict[str, Any]:
    """The typed values as the wire has them. Raises ValuesError naming every one that does not fit.

    `complete`: each wanted one has to be there. `given` may hold wire values or what a form sent.
    """
    known = {value.name: value for value in wanted}
    values: dict[str, Any] = {}
    problems = {name: "This is not one of the values that are missing." for name in given if name not in known}
    for name, value in known.items():
        text = given.get(name)
        if text is None or (isinstance(text, str) and not text.strip()):
            if complete or name in given:
                problems[name] = f"{value.label} is needed."
            continue
        try:
            if value.lookup:
                bound, reference = value.lookup.find(str(text).strip())
                values[bound] = reference
            else:
                values[name] = _converted(value, text)
        except (ValueError, RemoteError) as error:
            problems[name] = f"{value.label}: {error}"
    if problems:
        raise ValuesError(problems)
    return values


def _converted(value: NewValue, given: Any) -> Any:
    """Raises ValueError with a sentence."""
    text = given.strip() if isinstance(given, str) else given
    if value.choices:
        return _choice(value, text)
    match value.kind:
        case ValueKind.TEXT | ValueKind.CODE:
            return _text(value, text)
        case ValueKind.INTEGER | ValueKind.CHOICE:
            return _integer(text)
        case ValueKind.DECIMAL:
            return _decimal(value, text)
        case ValueKind.BOOLEAN:
            return _boolean(text)
        case ValueKind.DATE | ValueKind.DATETIME:
            return _moment(value, text)
    raise ValueError("this kind of value cannot be typed.")


def _text(value: NewValue, text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("has to be text.")
    if value.length and len(text) > value.length:
        raise ValueError(f"at most {value.length} characters, these are {len(text)}.")
    return text.upper() if value.kind is ValueKind.CODE else text


def _integer(text: Any) -> int:
    try:
        number = int(str(text))
    except ValueError as error:
        raise ValueError("has to be a whole number.") from error
    if isinstance(text, bool) or abs(number) > LARGEST_INTEGER:
        raise ValueError("has to be a whole number of at most nine digits.")
    return number


def _decimal(value: NewValue, text: Any) -> str | int | float:
    try:
        number = Decimal(str(text).replace(",", ".") if isinstance(text, str) else str(text))
    except InvalidOperation as error:
        raise ValueError("has to be a number.") from error
    if isinstance(text, bool) or not number.is_finite() or abs(number) >= Decimal(10) ** 12:
        raise ValueError("has to be a number below a million millions.")
    scale = value.scale if value.scale is not None else 5
    if number != round(number, scale):
        raise ValueError(f"at most {scale} decimal places.")
    return int(number) if number == number.to_integral_value() else float(number)


def _boolean(text: Any) -> bool:
    said = str(text).lower()
    if said not in ("true", "false"):
        raise ValueError("has to be yes or no.")
    return said == "true"


def _moment(value: NewValue, text: Any) -> str:
    try:
        if value.kind is ValueKind.DATE:
            return date.fromisoformat(str(text)).isoformat()
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError("has to be a date, such as 2026-05-31.") from error
    return moment.isoformat() if moment.tzinfo else f"{moment.isoformat()}Z"


def _choice(value: NewValue, text: Any) -> int | str:
    for number, _ in value.choices:
        if str(text) == str(number):
            return number
    raise ValueError("choose one of " + ", ".join(label for _, label in value.choices) + ".")


def _bc_properties(mapping: TableMapping) -> list[NewValue]:
    known = bc_properties(mapping.business_central_table)
    return [_value(name, spaced(name), each) for name, each in known.items() if _asked_for(each)]


def _sales_columns(mapping: TableMapping) -> list[NewValue]:
    """As the organisation says; as the standard product has it where the organisation cannot be asked."""
    entity = mapping.sales_entity
    try:
        client = sales_client(mapping.connection, patience=INTERACTIVE)
        columns = [column for column in client.columns(entity) if column.required and column.creatable]
        return [value for column in columns if (value := _sales_column(client, entity, column)) is not None]
    except RemoteError:
        return [_value(name, name, each) for name, each in sales_attributes(entity).items() if _asked_for(each)]


def _sales_column(client: SalesClient, entity: str, column: ColumnInfo) -> NewValue | None:
    """None for what nobody can give."""
    known = sales_attribute(entity, column.name)
    kind = known.kind if known else kind_of_column(column.type)
    if kind is ValueKind.LOOKUP and column.name not in LEFT_ALONE:
        lookup = required_lookup(client, entity, column.name)
        if lookup is None:
            return None
        return NewValue(column.name, column.label, kind, choices=tuple(lookup.rows()), lookup=lookup)
    if kind not in _TYPED:
        return None
    choices: tuple[tuple[int | str, str], ...] = ()
    if kind is ValueKind.CHOICE:
        rows = cached(
            f"{client.session.root}:options:{entity}:{column.name}",
            lambda: [[option.value, option.label] for option in client.options(entity, column.name)],
        )
        choices = tuple((value, label) for value, label in rows)
    return NewValue(column.name, column.label, kind, column.length, known.scale if known else None, choices)


def _asked_for(definition: PropertyDefinition) -> bool:
    return definition.required and definition.on_create and definition.kind in _TYPED - {ValueKind.CHOICE}


def _value(name: str, label: str, definition: PropertyDefinition) -> NewValue:
    return NewValue(name, label, definition.kind, definition.length, definition.scale)
