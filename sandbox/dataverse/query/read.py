"""Collections and single rows: runs a query and builds its answer."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.dataverse.query import annotations as notes
from sandbox.dataverse.query import expand as expansion
from sandbox.dataverse.query.functions import Moments
from sandbox.dataverse.query.options import MAX_TOP, QueryOptions
from sandbox.dataverse.query.paging import OrderColumn, PageState, after, read_token, write_token
from sandbox.dataverse.query.resolver import DataverseResolver, Source, dialect
from sandbox.dataverse.query.selection import RawRow, Selection
from sandbox.definitions.dataverse import Table
from sandbox.odata.ast import Comparison, Expression
from sandbox.odata.options import OrderTerm
from sandbox.odata.sql import Compiler, FilterError

COUNT_LIMIT = 5000


@dataclass
class Collection:
    """A collection to read: all rows of a table, or those behind a navigation property (``where`` on alias t)."""

    table: Table
    context_name: str
    """What ``@odata.context`` calls it."""
    path: str
    """Service-relative path for continuation links."""
    where: str = ""
    params: list[Any] = field(default_factory=list)


def compile_filter(context: Context, source: Source, expression: Expression) -> tuple[str, list[Any]]:
    """SQL condition and parameters. Raises 400 for what the service does not offer."""
    moments = Moments(
        now=context.sandbox.clock.now("sales"),
        user_id=context.user_id,
        business_unit_id=context.business_unit_of("systemuser", context.user_id),
    )
    _refuse_in(expression)
    compiler = Compiler(DataverseResolver(source, moments), dialect(context.profile))
    try:
        return compiler.compile(expression), compiler.params
    except FilterError as error:
        raise errors.bad_query(error.message) from error


def _refuse_in(expression: Expression) -> None:
    if isinstance(expression, Comparison) and expression.operator == "in":
        raise errors.bad_query("The query node In is not supported.")
    for name in ("operands", "arguments"):
        for inner in getattr(expression, name, ()):
            _refuse_in(inner)
    for name in ("operand", "condition", "left", "right"):
        nested = getattr(expression, name, None)
        if nested is not None:
            _refuse_in(nested)


def order_columns(source: Source, terms: tuple[OrderTerm, ...]) -> list[OrderColumn]:
    """The order with the primary key as its last term, so that it is total."""
    columns = []
    try:
        for term in terms:
            sql, _, _ = source.column(term.path)
            columns.append(OrderColumn(sql, term.descending))
    except FilterError as error:
        raise errors.bad_query(error.message) from error
    columns.append(OrderColumn(f'{source.alias}."{source.table.primary_id}"', False))
    return columns


def collection(context: Context, target: Collection, options: QueryOptions, query_text: str) -> dict[str, Any]:
    """The answer's body. ``query_text`` is the request's query string, repeated in continuation links."""
    context.require("Read", target.table)
    table = target.table
    source = Source.root(context.schema, table)
    where, params = _conditions(context, target, source, options)
    orders = order_columns(source, options.orderby)
    state = read_token(options.skip_token) if options.skip_token else None
    limit, paged = _limit(context, options)
    plan = expansion.plan(context, table, options.expand)
    selection = Selection.of(context, table, options.select, options.annotations, plan.columns)
    page_where, page_params = where, list(params)
    if state is not None:
        condition, values = after(orders, state.last)
        page_where = f"{where} AND {condition}" if where else condition
        page_params += values
    order_sql = ", ".join(column.order_by for column in orders)
    order_values = ", ".join(column.sql for column in orders)
    sql = (
        f"SELECT {selection.sql('t')}, {order_values} FROM {source.from_clause()}"  # noqa: S608 - names are ours
        + (f" WHERE {page_where}" if page_where else "")
        + f" ORDER BY {order_sql} LIMIT {limit + (1 if paged else 0)}"
    )
    found: list[RawRow] = context.tx.execute(sql, page_params).fetchall()
    more = paged and len(found) > limit
    found = found[:limit]
    body: dict[str, Any] = {
        "@odata.context": f"{context.api_root}/$metadata#{target.context_name}{context_suffix(options)}"
    }
    _add_counts(context, body, options, source, where, params)
    rows = selection.render(found)
    expansion.attach(context, selection, plan, found, rows, options)
    body["value"] = rows
    if more:
        last = found[-1]
        next_state = PageState(page=(state.page if state else 1) + 1, last=tuple(last[len(selection.columns) :]))
        token = write_token(next_state, table.primary_id, last[selection.position[table.primary_id]])
        body["@odata.nextLink"] = f"{context.api_root}/{target.path}?{_without_token(query_text)}$skiptoken={token}"
    return body


def count(context: Context, target: Collection, options: QueryOptions) -> int:
    """``$count``: at most 5000, as the service counts."""
    context.require("Read", target.table)
    source = Source.root(context.schema, target.table)
    where, params = _conditions(context, target, source, options)
    return min(_count(context, source, where, params), COUNT_LIMIT)


def single(context: Context, table: Table, key: str, options: QueryOptions, context_name: str) -> dict[str, Any]:
    """One row. Raises 404."""
    context.require("Read", table)
    plan = expansion.plan(context, table, options.expand)
    selection = Selection.of(context, table, options.select, options.annotations, plan.columns)
    sql = f'SELECT {selection.sql("t")} FROM "{table.storage}" t WHERE t."{table.primary_id}" = ?'  # noqa: S608
    found = context.tx.execute(sql, (key,)).fetchall()
    if not found:
        raise errors.not_found(table.logical_name, key)
    rows = selection.render(found)
    expansion.attach(context, selection, plan, found, rows, options)
    body: dict[str, Any] = {
        "@odata.context": f"{context.api_root}/$metadata#{context_name}{context_suffix(options)}/$entity"
    }
    body.update(rows[0])
    return body


def context_suffix(options: QueryOptions) -> str:
    """``(name,primarycontactid(fullname))``: what the answer is reduced to."""
    parts = list(options.select or ())
    for item in options.expand:
        parts.append(f"{item.navigation}({','.join(item.select or ())})")
    return f"({','.join(parts)})" if parts else ""


def _conditions(context: Context, target: Collection, source: Source, options: QueryOptions) -> tuple[str, list[Any]]:
    if options.filter is None:
        return target.where, list(target.params)
    condition, params = compile_filter(context, source, options.filter)
    if target.where:
        return f"{target.where} AND {condition}", [*target.params, *params]
    return condition, params


def _limit(context: Context, options: QueryOptions) -> tuple[int, bool]:
    """(rows of this page, whether there may be further pages). A page size makes the service ignore $top."""
    page = min(options.page_size or context.profile.page_size, context.profile.page_size)
    if options.top is not None and options.page_size is None:
        if options.top > MAX_TOP or options.top < 1:
            raise errors.bad_query(f"Invalid value '{options.top}' for $top: it must be between 1 and {MAX_TOP}.")
        return options.top, False
    return page, True


def _add_counts(
    context: Context, body: dict[str, Any], options: QueryOptions, source: Source, where: str, params: list[Any]
) -> None:
    total = _count(context, source, where, params) if options.count else -1
    if options.count:
        body["@odata.count"] = min(total, COUNT_LIMIT)
    if notes.TOTAL in options.annotations:
        body[f"@{notes.TOTAL}"] = min(total, COUNT_LIMIT)
    if notes.TOTAL_EXCEEDED in options.annotations:
        body[f"@{notes.TOTAL_EXCEEDED}"] = total > COUNT_LIMIT
    if notes.METADATA_VERSION in options.annotations:
        body[f"@{notes.METADATA_VERSION}"] = str(context.schema.version)


def _count(context: Context, source: Source, where: str, params: list[Any]) -> int:
    condition = f" WHERE {where}" if where else ""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {source.from_clause()}{condition} LIMIT {COUNT_LIMIT + 1})"  # noqa: S608
    return int(context.tx.execute(sql, params).fetchone()[0])


def _without_token(query_text: str) -> str:
    """The query of a continuation link without the position, ready for one to be appended."""
    kept = [
        part
        for part in query_text.split("&")
        if part and not part.replace("%24", "$").lower().startswith(("$skiptoken=", "$deltatoken="))
    ]
    return "".join(f"{quote(part, safe='%$=&(),;:/@*-._~!+?' + chr(39))}&" for part in kept)
