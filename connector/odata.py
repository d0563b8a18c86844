"""Small pieces of OData text that both clients write: literals, keys, query options."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

Item = TypeVar("Item")
# Left readable in a query option; the rest is percent-encoded.
_SAFE = "$=,'():@/*"


def literal(value: Any) -> str:
    """A value as a literal of a filter or a key: quoted text, bare GUIDs, numbers, dates and booleans."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def key_segment(key: UUID | Mapping[str, Any]) -> str:
    """`(guid)`, `('code')` or `(A='x',B=1)`, percent-encoded."""
    if isinstance(key, UUID):
        return f"({key})"
    if len(key) == 1:
        text = literal(next(iter(key.values())))
    else:
        text = ",".join(f"{name}={literal(value)}" for name, value in key.items())
    return f"({quote(text, safe=_SAFE)})"


def options(**values: str | int | None) -> str:
    """`?$select=…&$filter=…` from keyword arguments; empty ones are left out, "" when none is left."""
    given = {name: str(value) for name, value in values.items() if value not in ("", None)}
    parts = [f"${name}={quote(value, safe=_SAFE)}" for name, value in given.items()]
    return "?" + "&".join(parts) if parts else ""


def chunks(items: Iterable[Item], size: int) -> Iterable[list[Item]]:
    """Lists of at most `size` items."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
