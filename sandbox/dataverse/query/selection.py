"""Which columns an answer shows and how stored values become JSON.

Reading is the hot path: rows come from SQLite as tuples, and a selection knows once per request which positions need
work. Decimals are written as JSON fragments, so that money keeps its four decimals.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.dataverse.query import annotations as notes
from sandbox.dataverse.query.formatting import formatted
from sandbox.definitions.dataverse import TABLE_SUFFIX, Attribute, Table

RawRow = tuple[Any, ...]
_CHUNK = 500
_WRITE_ONLY = {("serviceendpoint", "authvalue")}


@dataclass
class Selection:
    """``columns`` are the stored columns to read, in the order of the raw rows; ``shown`` the attributes to answer."""

    context: Context
    table: Table
    annotations: notes.Annotations
    shown: list[Attribute]
    columns: list[str] = field(default_factory=list)
    position: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        context: Context,
        table: Table,
        select: Sequence[str] | None,
        annotations: notes.Annotations = notes.NONE,
        extra: Iterable[str] = (),
    ) -> "Selection":
        """``extra`` are stored columns that are needed but not shown. Raises 400 for unknown names in ``select``."""
        selection = cls(context, table, annotations, _shown(table, select))
        selection._need("_version")
        selection._need(table.primary_id)
        for attribute in selection.shown:
            if attribute.name != "versionnumber":
                selection._need(attribute.name)
            if attribute.polymorphic:
                selection._need(attribute.name + TABLE_SUFFIX)
        if notes.FORMATTED in annotations and any(attribute.type == "money" for attribute in selection.shown):
            selection._need("transactioncurrencyid")
        for name in extra:
            selection._need(name)
        return selection

    def _need(self, column: str) -> None:
        if column not in self.position and (column == "_version" or self._is_stored(column)):
            self.position[column] = len(self.columns)
            self.columns.append(column)

    def _is_stored(self, column: str) -> bool:
        return column.removesuffix(TABLE_SUFFIX) in self.table.attributes

    def sql(self, alias: str) -> str:
        return ", ".join(f'{alias}."{name}"' for name in self.columns)

    def render(self, rows: Sequence[RawRow]) -> list[dict[str, Any]]:
        """The rows as dictionaries to be written by orjson."""
        if self.annotations.any_on_values:
            return self._render_annotated(rows)
        names = [attribute.property for attribute in self.shown]
        positions = [self._position_of(attribute) for attribute in self.shown]
        conversions = [
            (attribute.property, conversion)
            for attribute in self.shown
            if (conversion := self._conversion(attribute)) is not None
        ]
        result = []
        for row in rows:
            item: dict[str, Any] = {"@odata.etag": f'W/"{row[0]}"'}
            item.update(zip(names, [row[position] for position in positions], strict=True))
            for name, convert in conversions:
                value = item[name]
                if value is not None:
                    item[name] = convert(value)
            result.append(item)
        return result

    def _position_of(self, attribute: Attribute) -> int:
        return 0 if attribute.name == "versionnumber" else self.position[attribute.name]

    def _conversion(self, attribute: Attribute) -> Callable[[Any], Any] | None:
        if (self.table.logical_name, attribute.name) in _WRITE_ONLY:
            return lambda _: None
        if attribute.kind == "boolean":
            return bool
        if attribute.kind == "decimal":
            return decimal_writer(attribute.scale)
        return None

    def _render_annotated(self, rows: Sequence[RawRow]) -> list[dict[str, Any]]:
        names = self._lookup_names(rows) if notes.FORMATTED in self.annotations else {}
        currency = self.position.get("transactioncurrencyid")
        plan = [(attribute, self._position_of(attribute), self._conversion(attribute)) for attribute in self.shown]
        result = []
        for row in rows:
            item: dict[str, Any] = {"@odata.etag": f'W/"{row[0]}"'}
            currency_id = row[currency] if currency is not None else None
            for attribute, position, convert in plan:
                value = row[position]
                if value is not None:
                    self._annotate(item, attribute, row, value, names, currency_id)
                    if convert is not None:
                        value = convert(value)
                item[attribute.property] = value
            result.append(item)
        return result

    def _annotate(
        self,
        item: dict[str, Any],
        attribute: Attribute,
        row: RawRow,
        value: Any,
        names: dict[tuple[str, str], str],
        currency_id: str | None,
    ) -> None:
        if attribute.is_lookup:
            target = self._target(attribute, row)
            if notes.FORMATTED in self.annotations and (target, value) in names:
                item[f"{attribute.property}@{notes.FORMATTED}"] = names[target, value]
            nav = next((entry.nav for entry in attribute.targets if entry.table == target), None)
            if notes.NAVIGATION in self.annotations and nav is not None:
                item[f"{attribute.property}@{notes.NAVIGATION}"] = nav
            if notes.LOOKUP_TABLE in self.annotations:
                item[f"{attribute.property}@{notes.LOOKUP_TABLE}"] = target
        elif notes.FORMATTED in self.annotations:
            text = formatted(self.context, attribute, value, currency_id)
            if text is not None:
                item[f"{attribute.property}@{notes.FORMATTED}"] = text

    def _target(self, attribute: Attribute, row: RawRow) -> str:
        if attribute.polymorphic:
            return str(row[self.position[attribute.name + TABLE_SUFFIX]])
        return attribute.targets[0].table if attribute.targets else ""

    def _lookup_names(self, rows: Sequence[RawRow]) -> dict[tuple[str, str], str]:
        """Names of all rows that the lookups of this page point to, by table and id."""
        wanted: dict[str, set[str]] = {}
        for attribute in self.shown:
            if attribute.is_lookup:
                position = self.position[attribute.name]
                for row in rows:
                    if row[position] is not None:
                        wanted.setdefault(self._target(attribute, row), set()).add(row[position])
        names: dict[tuple[str, str], str] = {}
        for logical_name, keys in wanted.items():
            table = self.context.schema.by_name.get(logical_name)
            if table is None or table.primary_name is None:
                continue
            for chunk in chunks(sorted(keys)):
                marks = ", ".join("?" * len(chunk))
                found = self.context.tx.execute(
                    f'SELECT "{table.primary_id}", "{table.primary_name}" FROM "{table.storage}"'  # noqa: S608
                    f' WHERE "{table.primary_id}" IN ({marks})',
                    chunk,
                )
                names.update(((logical_name, key), name) for key, name in found if name is not None)
        return names


def _shown(table: Table, select: Sequence[str] | None) -> list[Attribute]:
    if select is None or "*" in select:
        return list(table.attributes.values())
    chosen: dict[str, Attribute] = {}

    def add(name: str) -> None:
        attribute = table.attributes.get(name)
        if attribute is not None:
            chosen.setdefault(name, attribute)

    for name in select:
        attribute = table.by_property.get(name)
        if attribute is None:
            raise errors.unknown_property(name, table.logical_name)
        chosen.setdefault(attribute.name, attribute)
        if attribute.type == "money":
            add("transactioncurrencyid")
        prefix, _, rest = attribute.name.partition("_")
        if rest and rest != "composite":
            add(f"{prefix}_composite")
    add(table.primary_id)
    if table.logical_name in ("systemuser", "team"):
        add("ownerid")
    return list(chosen.values())


def decimal_writer(scale: int) -> Callable[[int], orjson.Fragment]:
    """Writes a scaled integer with exactly ``scale`` decimals."""
    unit = 10**scale

    def write(raw: int) -> orjson.Fragment:
        sign = "-" if raw < 0 else ""
        whole, fraction = divmod(abs(raw), unit)
        return orjson.Fragment(f"{sign}{whole}.{fraction:0{scale}d}" if scale else f"{sign}{whole}")

    return write


def chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
