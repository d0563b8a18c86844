"""``$expand``: related rows inside of an answer, read with one statement per navigation property and level."""

from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.dataverse.query.options import QueryOptions, parse
from sandbox.dataverse.query.resolver import Source
from sandbox.dataverse.query.selection import RawRow, Selection, chunks
from sandbox.definitions.dataverse import TABLE_SUFFIX, Attribute, ManyToMany, Relationship, Table
from sandbox.odata.options import Expand

MAX_EXPANDS = 15
MAX_ROWS = 5000


@dataclass
class Item:
    """One navigation property to expand; exactly one of the three kinds is set."""

    request: Expand
    table: Table
    lookups: list[tuple[Attribute, Table]] = field(default_factory=list)
    relationship: Relationship | None = None
    association: ManyToMany | None = None


@dataclass
class Plan:
    items: list[Item] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    """Stored columns of the outer rows that the expansion needs."""


def plan(context: Context, table: Table, requests: tuple[Expand, ...], *, nested: bool = False) -> Plan:
    """Checks names and limits. Raises 400."""
    if not nested and _number(requests) > MAX_EXPANDS:
        raise errors.bad_query(f"Number of expand options has exceeded the limit of {MAX_EXPANDS}.")
    result = Plan()
    for request in requests:
        item = _item(context, table, request)
        if request.skip is not None or request.count:
            raise errors.bad_query("Only $select, $filter, $orderby, $top and $expand are supported inside of $expand.")
        if item.association is not None and (nested or request.expand):
            raise errors.bad_query("N:N expand cannot be nested.")
        if request.expand and item.lookups == [] and (request.orderby or request.top is not None):
            raise errors.bad_query("$orderby and $top are not supported inside of a nested $expand.")
        if item.lookups and (request.filter or request.orderby or request.top is not None):
            raise errors.bad_query("Only $select and $expand are supported for a single-valued navigation property.")
        result.items.append(item)
        for attribute, _ in item.lookups:
            result.columns += (
                [attribute.name, attribute.name + TABLE_SUFFIX] if attribute.polymorphic else [attribute.name]
            )
    return result


def attach(
    context: Context,
    selection: Selection,
    expansion: Plan,
    raw: list[RawRow],
    rows: list[dict[str, Any]],
    options: QueryOptions,
) -> None:
    """Adds the related rows to the rendered ``rows``, which correspond to ``raw`` one by one."""
    for item in expansion.items:
        context.require("Read", item.table)
        if item.lookups:
            _attach_single(context, selection, item, raw, rows, options)
        else:
            _attach_many(context, selection, item, raw, rows, options)


def _item(context: Context, table: Table, request: Expand) -> Item:
    name = request.navigation
    if name in table.navigation:
        if table.navigation[name][0].type == "owner":
            _check_principal(request)
        lookups = [
            (attribute, context.table(target.table))
            for attribute in table.attributes.values()
            for target in attribute.targets
            if target.nav == name
        ]
        return Item(request, lookups[0][1], lookups)
    relationship = context.schema.collections.get(table.logical_name, {}).get(name)
    if relationship is not None:
        return Item(request, context.table(relationship.many), relationship=relationship)
    association = context.schema.associations.get(table.logical_name, {}).get(name)
    if association is not None:
        other = association.second if association.first == table.logical_name else association.first
        return Item(request, context.table(other), association=association)
    raise errors.unknown_property(name, table.logical_name)


def _check_principal(request: Expand) -> None:
    """An owner is a principal, which has no property but its key; users and teams are expanded as owninguser and
    owningteam."""
    for selected in request.select or ():
        if selected != "ownerid":
            raise errors.unknown_property(selected, "principal")


def _number(requests: tuple[Expand, ...]) -> int:
    return sum(1 + _number(request.expand) for request in requests)


def _attach_single(
    context: Context,
    selection: Selection,
    item: Item,
    raw: list[RawRow],
    rows: list[dict[str, Any]],
    options: QueryOptions,
) -> None:
    name = item.request.navigation
    for row in rows:
        row[name] = None
    for attribute, target in item.lookups:
        position = selection.position[attribute.name]
        kind = selection.position.get(attribute.name + TABLE_SUFFIX)
        wanted = {
            row[position]
            for row in raw
            if row[position] is not None and (kind is None or row[kind] == target.logical_name)
        }
        found = _by_key(context, target, sorted(wanted), item.request, options)
        for row, values in zip(rows, raw, strict=True):
            related = found.get(values[position])
            if related is not None and (kind is None or values[kind] == target.logical_name):
                row[name] = related


def _by_key(
    context: Context, table: Table, keys: list[str], request: Expand, options: QueryOptions
) -> dict[str, dict[str, Any]]:
    inner = plan(context, table, request.expand, nested=True)
    selection = Selection.of(context, table, request.select, options.annotations, inner.columns)
    found: dict[str, dict[str, Any]] = {}
    for chunk in chunks(keys):
        marks = ", ".join("?" * len(chunk))
        sql = (
            f'SELECT {selection.sql("t")} FROM "{table.storage}" t'  # noqa: S608 - names are ours
            f' WHERE t."{table.primary_id}" IN ({marks})'
        )
        raw = context.tx.execute(sql, chunk).fetchall()
        rows = selection.render(raw)
        attach(context, selection, inner, raw, rows, options)
        position = selection.position[table.primary_id]
        for values, row in zip(raw, rows, strict=True):
            found[values[position]] = _link(context, table, row, values[position]) if request.ref else row
    return found


def _link(context: Context, table: Table, row: dict[str, Any], key: str) -> dict[str, Any]:
    return {"@odata.id": f"{context.api_root}/{table.entity_set}({key})"}


def _attach_many(
    context: Context,
    selection: Selection,
    item: Item,
    raw: list[RawRow],
    rows: list[dict[str, Any]],
    options: QueryOptions,
) -> None:
    from sandbox.dataverse.query.read import compile_filter, order_columns

    request, table, outer = item.request, item.table, selection.table
    inner = plan(context, table, request.expand, nested=True)
    inside = Selection.of(context, table, request.select, options.annotations, inner.columns)
    source = Source.root(context.schema, table)
    join, link, fixed = _link_sql(context, item, outer)
    condition = ""
    params: list[Any] = []
    if request.filter:
        condition, params = compile_filter(context, source, parse(request.filter, {}))
    order = ", ".join(column.order_by for column in order_columns(source, request.orderby))
    limit = _limit(context, request, options)
    keys = [row[selection.position[outer.primary_id]] for row in raw]
    grouped: dict[str, list[tuple[RawRow, dict[str, Any]]]] = {}
    for chunk in chunks(keys):
        where = f"{link} IN ({', '.join('?' * len(chunk))}){fixed}" + (f" AND {condition}" if condition else "")
        sql = (
            f"SELECT * FROM (SELECT {inside.sql('t')}, {link} AS parent,"  # noqa: S608 - names are ours
            f" row_number() OVER (PARTITION BY {link} ORDER BY {order}) AS place"
            f" FROM {source.from_clause()}{join} WHERE {where}) WHERE place <= {limit + 1} ORDER BY place"
        )
        found = context.tx.execute(sql, [*chunk, *params]).fetchall()
        rendered = inside.render(found)
        attach(context, inside, inner, found, rendered, options)
        for values, row in zip(found, rendered, strict=True):
            grouped.setdefault(values[-2], []).append((values, row))
    position = inside.position[table.primary_id]
    for key, row in zip(keys, rows, strict=True):
        related = grouped.get(key, [])
        shown = [
            _link(context, table, item_row, values[position]) if request.ref else item_row
            for values, item_row in related[:limit]
        ]
        row[request.navigation] = shown
        if not request.expand or len(related) > limit:
            row[f"{request.navigation}@odata.nextLink"] = _continuation(context, outer, key, request)


def _limit(context: Context, request: Expand, options: QueryOptions) -> int:
    if request.expand:
        return min(options.page_size or context.profile.page_size, context.profile.page_size)
    return min(request.top, MAX_ROWS) if request.top is not None else MAX_ROWS


def _link_sql(context: Context, item: Item, outer: Table) -> tuple[str, str, str]:
    """(join, expression of the outer row's id, fixed condition)."""
    if item.relationship is not None:
        column = item.relationship.column
        fixed = ""
        if item.table.attributes[column].polymorphic:
            fixed = f" AND t.\"{column}{TABLE_SUFFIX}\" = '{outer.logical_name}'"
        return "", f't."{column}"', fixed
    association = item.association
    if association is None:
        raise ValueError("an expanded item without a relationship")
    mine, other = association.first_column, association.second_column
    if association.first != outer.logical_name:
        mine, other = other, mine
    intersect = context.table(association.intersect)
    join = f' JOIN "{intersect.storage}" link ON link."{other}" = t."{item.table.primary_id}"'
    return join, f'link."{mine}"', ""


def _continuation(context: Context, outer: Table, key: str, request: Expand) -> str:
    options = []
    if request.select:
        options.append(f"$select={','.join(request.select)}")
    if request.filter:
        options.append(f"$filter={request.filter.replace(' ', '%20')}")
    if request.orderby:
        terms = ("/".join(term.path) + (" desc" if term.descending else "") for term in request.orderby)
        options.append("$orderby=" + ",".join(terms).replace(" ", "%20"))
    query = "?" + "&".join(options) if options else ""
    return f"{context.api_root}/{outer.entity_set}({key})/{request.navigation}{query}"


def without_nested(options: QueryOptions) -> QueryOptions:
    """The same options without expansion (an update answers without it)."""
    return replace(options, expand=())
