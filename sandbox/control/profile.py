"""What the simulated installation offers and permits. The control API changes it while the sandbox runs."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sandbox.clock import SystemName


@dataclass(frozen=True, slots=True)
class SalesProfile:
    business_central_solution: bool = True
    """The tables and columns of the Business Central base solution exist."""
    order_wall: bool = True
    """Orders take posts (timeline)."""
    denied: tuple[str, ...] = ()
    """Privileges that no application user has, for example prvCreateAccount."""
    dynamics_web_api_batches: bool = True
    """Batches with bare line feeds are accepted; the real service insists on CRLF."""
    bulk_limit: int = 1000
    """Most targets of one CreateMultiple, UpdateMultiple or UpsertMultiple."""
    page_size: int = 5000
    """Most rows of one page."""
    ne_includes_null: bool = True
    """``ne 'x'`` also returns rows without a value; the other documented reading leaves them out."""


@dataclass(frozen=True, slots=True)
class BusinessCentralProfile:
    local_currency: str = "EUR"
    companion_extension: bool = True
    pages: bool = True
    """The page web services that a company has to publish are published."""
    quote_archives: bool = True
    denied: tuple[str, ...] = ()
    """Entity sets that the application has no permission for."""
    webhook_delay_seconds: int = 30
    """How long changes are collected before they are announced."""
    webhook_threshold: int = 1000
    """More changes of one set than this are announced as one ``collection`` notification."""
    stale_tag_status: int = 409
    """Answer to a stale tag; some builds and proxies say 412."""
    same_key_status: int = 400
    """Answer to a key that is taken; 409 is the other reading."""
    missing_row_code: str = "Internal_RecordNotFound"
    """Code of the 404 for a missing row; BadRequest_ResourceNotFound has been seen as well."""
    denied_status: int = 403
    """Answer to a missing permission; older versions say 400."""
    nested_rows_in_answer: bool = False
    """Whether a deep insert answers with its lines when $expand does not ask for them."""
    retry_after: bool = True
    """Whether throttling answers carry Retry-After."""


_SECTIONS: dict[SystemName, type] = {"sales": SalesProfile, "business_central": BusinessCentralProfile}


class Profile:
    """Both systems' profiles. Each is replaced as a whole, so a request sees one consistent state."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sales = SalesProfile()
        self.business_central = BusinessCentralProfile()

    def change(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Sets the given keys; others stay. Raises ValueError for unknown keys or values of another type."""
        with self._lock:
            updated = {}
            for system, values in changes.items():
                if system not in _SECTIONS or not isinstance(values, Mapping):
                    raise ValueError(f"'{system}' is not a system.")
                updated[system] = replace(getattr(self, system), **_checked(getattr(self, system), values))
            for system, section in updated.items():
                setattr(self, system, section)

    def reset(self) -> None:
        with self._lock:
            self.sales = SalesProfile()
            self.business_central = BusinessCentralProfile()

    def as_json(self) -> dict[str, Any]:
        return {
            system: {item.name: getattr(getattr(self, system), item.name) for item in fields(section)}
            for system, section in _SECTIONS.items()
        }


def _checked(section: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    known = {item.name for item in fields(section)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"'{name}' is not part of the profile.")
        current = getattr(section, name)
        if isinstance(current, tuple):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ValueError(f"'{name}' is a list of texts.")
            result[name] = tuple(value)
        elif type(value) is not type(current):
            raise ValueError(f"'{name}' is of type {type(current).__name__}.")
        else:
            result[name] = value
    return result
