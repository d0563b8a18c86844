"""Paging cookies: where the next page begins.

The outer form is the service's own, because some clients look into it. The inner cookie names the order columns with
the values of the last row; the next page is found by comparing with them, so a page costs the same wherever it lies.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from sandbox.dataverse import errors

_OUTER = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="(True|False)" />')
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_INNER = re.compile(r'<cookie page="\d+" state="([\w\-=]*)"')


@dataclass(frozen=True, slots=True)
class PageState:
    """``page`` is the number of the page to come (2 for the second), ``last`` the order values of the row before it.
    ``tracking`` holds what change tracking needs to go on."""

    page: int
    last: tuple[Any, ...]
    tracking: dict[str, Any] | None = None


def write_token(state: PageState, key_column: str, key: str) -> str:
    """The value of $skiptoken, percent-encoded once more as the service does."""
    body = json.dumps({"last": state.last, "tracking": state.tracking}, separators=(",", ":"))
    packed = urlsafe_b64encode(body.encode()).decode()
    inner = f'<cookie page="{state.page - 1}" state="{packed}"><{key_column} last="{{{key.upper()}}}" /></cookie>'
    escaped = _ESCAPE.sub(lambda found: found[0].lower(), quote(inner, safe=""))
    tracking = "True" if state.tracking is not None else "False"
    outer = f'<cookie pagenumber="{state.page}" pagingcookie="{escaped}" istracking="{tracking}" />'
    return quote(outer, safe="=/")


def read_token(text: str) -> PageState:
    """Raises 400 for a token that this service did not make."""
    found = _OUTER.fullmatch(text)
    inner = _INNER.search(unquote(found.group(2))) if found else None
    if found is None or inner is None:
        raise errors.bad_query("Malformed XML in the Paging Cookie.")
    try:
        body = json.loads(urlsafe_b64decode(inner.group(1)))
        return PageState(int(found.group(1)), tuple(body["last"]), body["tracking"])
    except (ValueError, KeyError, TypeError) as error:
        raise errors.bad_query("Malformed XML in the Paging Cookie.") from error


@dataclass(frozen=True, slots=True)
class OrderColumn:
    sql: str
    descending: bool

    @property
    def order_by(self) -> str:
        return f"{self.sql}{' DESC' if self.descending else ''}"


def after(columns: list[OrderColumn], last: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Condition for rows that come after the one with these order values. Empty values sort first."""
    if len(columns) != len(last):
        raise errors.bad_query("The paging cookie belongs to another query.")
    params: list[Any] = []
    condition = ""
    parts: list[tuple[str, list[Any]]] = []
    equal: list[str] = []
    equal_params: list[Any] = []
    for column, value in zip(columns, last, strict=True):
        greater, greater_params = _beyond(column, value)
        if greater:
            parts.append((" AND ".join([*equal, greater]), [*equal_params, *greater_params]))
        if value is None:
            equal.append(f"{column.sql} IS NULL")
        else:
            equal.append(f"{column.sql} = ?")
            equal_params.append(value)
    condition = " OR ".join(f"({text})" for text, _ in parts)
    for _, values in parts:
        params.extend(values)
    return f"({condition})" if condition else "0", params


def _beyond(column: OrderColumn, value: Any) -> tuple[str, list[Any]]:
    if column.descending:
        if value is None:
            return "", []
        return f"({column.sql} < ? OR {column.sql} IS NULL)", [value]
    if value is None:
        return f"{column.sql} IS NOT NULL", []
    return f"{column.sql} > ?", [value]
