"""Reads rows of pages: SQL, paging, expansion, and the JSON values of a row."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.business_central import codec
from sandbox.business_central.bindings import binding, page_filter
from sandbox.business_central.errors import BusinessCentralError, bad_request, not_implemented
from sandbox.business_central.navigation import Join, find_join
from sandbox.business_central.query import Query, compile_filter, find_property, selected
from sandbox.business_central.schema import Page, Property, Schema
from sandbox.odata.options import Expand
from sandbox.storage import Transaction

_SPREAD = 11400714819323198485
_CHUNK = 500


def etag_of(version: int) -> str:
    """Weak tag in the shape of the product's: base64 of a length-prefixed hash. One per row version."""
    raw = f"'20;{version * _SPREAD % 2**64:020d};00;'"
    return f'W/"{base64.b64encode(raw.encode()).decode()}"'


@dataclass(frozen=True, slots=True)
class Found:
    """Rows as JSON-ready dictionaries, the anchor of the next page, and the total when asked for."""

    rows: list[dict[str, Any]]
    next_token: str | None = None
    count: int | None = None


class Reader:
    def __init__(self, tx: Transaction, schema: Schema, today: str, profile: Mapping[str, Any]) -> None:
        self.tx = tx
        self.schema = schema
        self.today = today
        self.profile = profile

    # -- Public

    def collection(self, page: Page, query: Query, page_size: int) -> Found:
        where, params = [*self._source_filter(page), *query.where], list(query.params)
        count = self._count(page, where, params) if query.count else None
        order = [*query.order, *self._key_order(page)]
        if query.skiptoken is not None:
            condition, values = self._after(page, query.skiptoken, order)
            where.append(condition)
            params.extend(values)
        limit = page_size if query.top is None else min(page_size, query.top)
        rows, keys = self._rows(page, query.select, where, params, order, limit + 1, query.skip, query.expand)
        more = len(rows) > limit and query.top is None
        rows = rows[:limit]
        self._expand(page, rows, keys[:limit], query.expand)
        return Found(rows, keys[limit - 1][0] if more else None, count)

    def one(self, page: Page, where: list[str], params: list[Any], query: Query) -> dict[str, Any] | None:
        conditions = [*self._source_filter(page), *where]
        rows, keys = self._rows(page, query.select, conditions, params, [], 1, 0, query.expand)
        if not rows:
            return None
        self._expand(page, rows, keys, query.expand)
        return rows[0]

    def count(self, page: Page, query: Query) -> int:
        return self._count(page, [*self._source_filter(page), *query.where], query.params)

    def key_condition(self, page: Page, key: dict[str, str]) -> tuple[list[str], list[Any]]:
        """SQL that finds the row of a key as written in a URL. Raises BusinessCentralError for a malformed key."""
        names = page.key
        if set(key) == {""} and len(names) == 1:
            key = {names[0]: key[""]}
        elif set(key) == {""} and "SystemId" in page.by_field:
            key = {page.by_field["SystemId"].name: key[""]}
        if set(key) != set(names) and not (len(key) == 1 and set(key) <= {"id", "systemId", "SystemId"}):
            raise bad_request("The number of keys specified in the URI does not match.", "BadRequest_InvalidRequestUrl")
        where, params = [], []
        for name, text in key.items():
            if name in ("systemId", "SystemId"):
                where.append("t.system_id = ?")
                params.append(text.lower())
                continue
            prop = find_property(page, (name,))
            value: Any = text
            if prop.kind in ("integer", "bigint"):
                if not text.lstrip("-").isdigit():
                    raise bad_request(f"'{text}' is not a valid key.", "BadRequest_InvalidRequestUrl")
                value = int(text)
            elif prop.kind == "guid":
                value = codec.parse_type(prop, text)
            elif prop.is_code:
                value = codec.normalise_code(text)
            elif prop.kind in ("enum", "option"):
                value = codec.member_of(prop, text, api=page.is_api)
            where.append(f"{binding(page, prop, self.today).sql} = ?")
            params.append(value)
        return where, params

    # -- SQL

    def _source_filter(self, page: Page) -> list[str]:
        return source_conditions(self.schema, page)

    def _count(self, page: Page, where: Sequence[str], params: Sequence[Any]) -> int:
        sql = f"SELECT count(*) FROM {self.schema.tables[page.table].sql_name} t{_where(where)}"  # noqa: S608
        return int(self.tx.execute(sql, params).fetchone()[0])

    def _key_order(self, page: Page) -> list[tuple[str, bool]]:
        table = self.schema.tables[page.table]
        keys = [(f't."{column}"', False) for column in table.key_columns]
        return keys if table.key == ("SystemId",) else [*keys, ("t.system_id", False)]

    def _rows(
        self,
        page: Page,
        select: Sequence[Property],
        where: Sequence[str],
        params: Sequence[Any],
        order: Sequence[tuple[str, bool]],
        limit: int,
        skip: int,
        expand: tuple[Expand, ...],
    ) -> tuple[list[dict[str, Any]], list[tuple[str, ...]]]:
        joins = [self._join(page, item.navigation) for item in expand]
        columns = ["t.system_id", *(join.parent_sql for join in joins), "t._version"]
        columns += [binding(page, prop, self.today).sql for prop in select]
        sql = f"SELECT {', '.join(columns)} FROM {self.schema.tables[page.table].sql_name} t{_where(where)}"  # noqa: S608
        if order:
            sql += " ORDER BY " + ", ".join(f"{expression}{' DESC' if down else ''}" for expression, down in order)
        sql += f" LIMIT {limit}" + (f" OFFSET {skip}" if skip else "")
        hidden = 1 + len(joins)
        build = _row_builder(page, select, hidden, api_names=page.is_api or self.profile["enum_names_on_pages"])
        rows, keys = [], []
        for found in self.tx.execute(sql, params):
            rows.append(build(found))
            keys.append(found[:hidden])
        return rows, keys

    def _after(self, page: Page, token: str, order: Sequence[tuple[str, bool]]) -> tuple[str, list[Any]]:
        """Condition for the rows that sort after the anchor row. Raises when the anchor is gone."""
        columns = ", ".join(expression for expression, _ in order)
        sql = f"SELECT {columns} FROM {self.schema.tables[page.table].sql_name} t WHERE t.system_id = ?"  # noqa: S608
        anchor = self.tx.execute(sql, (token.lower(),)).fetchone()
        if anchor is None:
            raise BusinessCentralError(400, "SkipTokenIsNoLongerValid", "The skip token is no longer valid.")
        if len({down for _, down in order}) == 1:
            sign = "<" if order[0][1] else ">"
            return f"({columns}) {sign} ({', '.join('?' * len(order))})", list(anchor)
        alternatives, values = [], []
        for index, (expression, down) in enumerate(order):
            equal = "".join(f"{previous} = ? AND " for previous, _ in order[:index])
            alternatives.append(f"({equal}{expression} {'<' if down else '>'} ?)")
            values.extend(anchor[: index + 1])
        return f"({' OR '.join(alternatives)})", values

    # -- Expansion

    def _join(self, page: Page, name: str) -> Join:
        navigation = page.navigation.get(name)
        if navigation is None:
            raise bad_request(f"Could not find a property named '{name}' on type 'Microsoft.NAV.{page.entity}'.")
        join = find_join(self.schema, page, navigation, self.today)
        if join is None:
            raise not_implemented(f"Expanding '{name}'")
        return join

    def _expand(
        self, page: Page, rows: list[dict[str, Any]], keys: list[tuple[str, ...]], expand: tuple[Expand, ...]
    ) -> None:
        for index, item in enumerate(expand, start=1):
            join = self._join(page, item.navigation)
            wanted = [key[index] for key in keys]
            related = self._related(join, item, list(dict.fromkeys(wanted)))
            for row, key in zip(rows, wanted, strict=True):
                found = related.get(key, [])
                row[item.navigation] = _window(found, item) if join.many else (found[0] if found else None)

    def _related(self, join: Join, item: Expand, keys: list[str]) -> dict[str, list[dict[str, Any]]]:
        target = join.target
        select = selected(target, {"$select": ",".join(item.select)} if item.select else {})
        where: list[str] = list(self._source_filter(target))
        params: list[Any] = []
        if item.filter:
            sql, params = compile_filter(target, item.filter, self.today, self.profile)
            where.append(sql)
        order = [
            (binding(target, find_property(target, term.path), self.today).sql, term.descending)
            for term in item.orderby
        ]
        grouped: dict[str, list[dict[str, Any]]] = {}
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            condition = f"{join.target_sql} IN ({', '.join('?' * len(chunk))})"
            rows, found_keys = self._joined(join, select, [*where, condition], [*params, *chunk], order, item.expand)
            self._expand(target, rows, [key[1:] for key in found_keys], item.expand)
            for row, key in zip(rows, found_keys, strict=True):
                grouped.setdefault(key[0], []).append(row)
        return grouped

    def _joined(
        self,
        join: Join,
        select: Sequence[Property],
        where: Sequence[str],
        params: Sequence[Any],
        order: Sequence[tuple[str, bool]],
        expand: tuple[Expand, ...],
    ) -> tuple[list[dict[str, Any]], list[tuple[str, ...]]]:
        page = join.target
        joins = [self._join(page, item.navigation) for item in expand]
        columns = [join.target_sql, "t.system_id", *(inner.parent_sql for inner in joins), "t._version"]
        columns += [binding(page, prop, self.today).sql for prop in select]
        ordered = ", ".join(f"{sql}{' DESC' if down else ''}" for sql, down in [*order, *self._key_order(page)])
        sql = (
            f"SELECT {', '.join(columns)} FROM {self.schema.tables[page.table].sql_name} t{_where(where)}"  # noqa: S608
            f" ORDER BY {ordered}"
        )
        hidden = 2 + len(joins)
        build = _row_builder(page, select, hidden, api_names=page.is_api or self.profile["enum_names_on_pages"])
        rows, keys = [], []
        for found in self.tx.execute(sql, params):
            rows.append(build(found))
            keys.append(found[:hidden])
        return rows, keys


def source_conditions(schema: Schema, page: Page) -> list[str]:
    """What a page restricts its table to."""
    table = schema.tables[page.table]
    fixed = [
        f"t.{table.column(name)} = {int(value)}" if isinstance(value, bool) else f"t.{table.column(name)} = '{value}'"
        for name, value in page.source_filter
    ]
    special = page_filter(page.entity_set)
    return [*fixed, special] if special else fixed


def _where(conditions: Iterable[str]) -> str:
    joined = " AND ".join(f"({condition})" for condition in conditions)
    return f" WHERE {joined}" if joined else ""


def _window(rows: list[dict[str, Any]], item: Expand) -> list[dict[str, Any]]:
    start = item.skip or 0
    return rows[start : None if item.top is None else start + item.top]


def _row_builder(
    page: Page, select: Sequence[Property], hidden: int, *, api_names: bool
) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
    """``hidden`` columns precede the version and the selected values. ``api_names``: how enumerations are written."""
    fields = [(prop.name, hidden + 1 + index, codec.renderer(prop, api=api_names)) for index, prop in enumerate(select)]

    def build(found: tuple[Any, ...]) -> dict[str, Any]:
        row: dict[str, Any] = {"@odata.etag": etag_of(found[hidden])}
        for name, index, render in fields:
            value = found[index]
            row[name] = value if render is None else render(value)
        return row

    return build
