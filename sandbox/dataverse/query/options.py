"""The query options of one request, checked against what the service offers."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.dataverse import errors
from sandbox.dataverse.query import annotations as notes
from sandbox.http import Request
from sandbox.odata.ast import Expression
from sandbox.odata.filters import FilterSyntaxError, parse_filter
from sandbox.odata.options import (
    Expand,
    OptionError,
    OrderTerm,
    parse_count,
    parse_expand,
    parse_number,
    parse_orderby,
    parse_select,
)

_KNOWN = {"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken", "$deltatoken", "$format"}
_NOT_IMPLEMENTED = {"$apply", "fetchXml", "savedQuery", "userQuery", "sql"}
_HARMLESS = {"tag", "partitionId", "api-version", "$id", "annotations"}
MAX_TOP = 5000


@dataclass(frozen=True, slots=True)
class QueryOptions:
    select: tuple[str, ...] | None = None
    filter: Expression | None = None
    filter_text: str | None = None
    orderby: tuple[OrderTerm, ...] = ()
    top: int | None = None
    count: bool = False
    expand: tuple[Expand, ...] = ()
    skip_token: str | None = None
    delta_token: str | None = None
    page_size: int | None = None
    track_changes: bool = False
    annotations: notes.Annotations = notes.NONE


def read(request: Request) -> QueryOptions:
    """Raises DataverseError for options that the service does not take."""
    given = request.options
    check_names(given)
    preferences = request.preferences()
    try:
        return QueryOptions(
            select=parse_select(given["$select"]) if given.get("$select", "").strip() else None,
            filter=parse(given["$filter"], given) if "$filter" in given else None,
            filter_text=given.get("$filter"),
            orderby=parse_orderby(given["$orderby"]) if given.get("$orderby", "").strip() else (),
            top=parse_number("$top", given["$top"]) if "$top" in given else None,
            count=parse_count(given["$count"]) if "$count" in given else False,
            expand=parse_expand(given["$expand"]) if given.get("$expand", "").strip() else (),
            skip_token=given.get("$skiptoken"),
            delta_token=given.get("$deltatoken"),
            page_size=_page_size(preferences.get("odata.maxpagesize")),
            track_changes="odata.track-changes" in preferences,
            annotations=notes.parse(preferences.get("odata.include-annotations")),
        )
    except OptionError as error:
        raise errors.bad_query(str(error)) from error


def check_names(given: Mapping[str, str]) -> None:
    for name in given:
        if name in _KNOWN or name in _HARMLESS or name.startswith("@"):
            continue
        if name == "$skip":
            raise errors.bad_query("Skip Clause is not supported in CRM")
        if name in _NOT_IMPLEMENTED:
            raise errors.not_implemented(f"The query option '{name}'")
        raise errors.bad_query(f"The query parameter {name} is not supported")


def parse(text: str, aliases: Mapping[str, str]) -> Expression:
    """A filter expression. Raises 400 with the parser's message."""
    try:
        return parse_filter(text, {name: value for name, value in aliases.items() if name.startswith("@")})
    except FilterSyntaxError as error:
        raise errors.bad_query(error.message) from error


def _page_size(text: str | None) -> int | None:
    if text is None or not text.isdigit() or int(text) < 1:
        return None
    return int(text)
