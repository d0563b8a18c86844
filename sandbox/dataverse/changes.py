"""Change tracking: reading everything with a delta link at the end, and later only what changed since."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.dataverse.query.options import QueryOptions
from sandbox.dataverse.query.paging import PageState, read_token, write_token
from sandbox.dataverse.query.read import Collection, context_suffix
from sandbox.dataverse.query.selection import RawRow, Selection
from sandbox.definitions.dataverse import Table

_REFUSED = (("filter_text", "filter"), ("orderby", "orderby"), ("expand", "expand"), ("top", "top"))
_STAMP = "%m/%d/%Y %H:%M:%S"


def applies(options: QueryOptions) -> bool:
    return options.track_changes or options.delta_token is not None or _tracking(options) is not None


def read(context: Context, target: Collection, options: QueryOptions, query_text: str) -> dict[str, Any]:
    """A page of the first read or of the changes since a delta link. Raises 400 for an expired link."""
    table = target.table
    _check(context, table, options)
    tracking = _tracking(options)
    last: tuple[Any, ...] = ()
    page = 1
    if tracking is not None and options.skip_token is not None:
        state = read_token(options.skip_token)
        last, page = state.last, state.page
    elif options.delta_token is not None:
        tracking = {"since": since(context, table, options.delta_token), "upto": context.tx.version, "deleted": False}
    else:
        tracking = {"since": None, "upto": context.tx.version, "deleted": False}
    size = min(options.page_size or context.profile.page_size, context.profile.page_size)
    values, next_last = _rows(context, table, options, tracking, last, size)
    if tracking["since"] is not None and next_last is None:
        removed, next_last = _deletions(context, table, tracking, last, size - len(values))
        values += removed
    body: dict[str, Any] = {
        "@odata.context": f"{context.api_root}/$metadata#{table.entity_set}{context_suffix(options)}"
        + ("/$delta" if tracking["since"] is not None else "")
    }
    select = _select_text(query_text)
    link = f"{context.api_root}/{table.entity_set}?{select}"
    if next_last is not None:
        token = write_token(PageState(page + 1, next_last, tracking), table.primary_id, str(next_last[0]))
        body["@odata.nextLink"] = f"{link}$skiptoken={token}"
    else:
        token = f"{tracking['upto']}!{context.sandbox.clock.now('sales').strftime(_STAMP)}"
        body["@odata.deltaLink"] = f"{link}$deltatoken={quote(token, safe='').lower()}"
    body["value"] = values
    return body


def count(context: Context, table: Table, options: QueryOptions) -> int:
    """``$count`` with a delta token: how many rows changed or were deleted."""
    _check(context, table, options)
    version = since(context, table, options.delta_token or "")
    changed = context.tx.count(table.storage, '"_version" > ?', (version,))
    return changed + len(context.tx.tombstones(table.storage, version, context.tx.version))


def since(context: Context, table: Table, token: str) -> int:
    """The row version of a delta token. Raises 0x80044352 when it is too old."""
    version_text, _, stamp = token.partition("!")
    try:
        version = int(version_text)
        moment = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise errors.bad_query("The delta token is not valid.") from error
    days = context.organization["expirechangetrackingindays"]
    too_old = moment < context.sandbox.clock.now("sales") - timedelta(days=days)
    if too_old or version < table.defined_at_version or version > context.tx.version:
        raise expired()
    return version


def expired() -> errors.DataverseError:
    return errors.DataverseError(
        400,
        errors.DELTA_EXPIRED,
        "Version stamp associated with the client has expired. Please perform a full sync.",
    )


def _check(context: Context, table: Table, options: QueryOptions) -> None:
    context.require("Read", table)
    for attribute, name in _REFUSED:
        if getattr(options, attribute):
            raise errors.bad_query(f'The "${name}" query parameter isn\'t supported when Change Tracking is enabled.')
    if not table.change_tracking:
        raise errors.DataverseError(
            400, errors.TRACKING_OFF, f"Change tracking is not enabled for entity {table.logical_name}."
        )


def _tracking(options: QueryOptions) -> dict[str, Any] | None:
    return read_token(options.skip_token).tracking if options.skip_token else None


def _rows(
    context: Context,
    table: Table,
    options: QueryOptions,
    tracking: dict[str, Any],
    last: tuple[Any, ...],
    size: int,
) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
    """New and changed rows in version order. A row that changes while the reader pages moves behind the upper bound and
    is reported by the next delta, so none is missed."""
    if tracking["deleted"]:
        return [], None
    selection = Selection.of(context, table, options.select, options.annotations)
    first_read = tracking["since"] is None
    if first_read:
        # The first read goes by key: rows that change meanwhile keep their place and come again with the delta.
        where, params = (f't."{table.primary_id}" > ?', [last[0]]) if last else ("1", [])
        order = f't."{table.primary_id}"'
    else:
        where = 't."_version" > ? AND t."_version" <= ?'
        params = [last[0] if last else tracking["since"], tracking["upto"]]
        order = 't."_version"'
    found: list[RawRow] = context.tx.execute(
        f'SELECT {selection.sql("t")} FROM "{table.storage}" t WHERE {where} ORDER BY {order} LIMIT {size + 1}',  # noqa: S608
        params,
    ).fetchall()
    more = len(found) > size
    found = found[:size]
    if not more:
        return selection.render(found), None
    position = selection.position[table.primary_id] if first_read else 0
    return selection.render(found), (found[-1][position],)


def _deletions(
    context: Context, table: Table, tracking: dict[str, Any], last: tuple[Any, ...], room: int
) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
    after = last[0] if tracking["deleted"] and last else tracking["since"]
    tracking["deleted"] = True
    found = context.tx.tombstones(table.storage, after, tracking["upto"], room + 1)
    name = f"{context.api_root}/$metadata#{table.entity_set}/$deletedEntity"
    values = [{"@odata.context": name, "id": key, "reason": "deleted"} for key, _ in found[:room]]
    if len(found) > room:
        return values, (found[room - 1][1] if room else after,)
    return values, None


def _select_text(query_text: str) -> str:
    parts = [part for part in query_text.split("&") if part.replace("%24", "$").startswith("$select=")]
    return "".join(f"{part}&" for part in parts)
