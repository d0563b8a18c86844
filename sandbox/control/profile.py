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
    eq_wildcards: bool = True
    """``%``, ``_`` and ``[…]`` are active in ``eq``; otherwise only in contains, startswith and endswith."""
    heeds_accents: bool = True
    """Texts that differ in an accent are different; an organisation's collation may say otherwise."""
    empty_text_is_null: bool = True
    """An empty text is stored as null; otherwise it stays empty."""
    refuses_read_only: bool = False
    """A column that only the system writes is refused in a body; otherwise it is ignored."""
    refuses_state_on_create: bool = True
    """A statecode other than the initial one is refused on create; otherwise it is ignored."""
    columns_before_state: bool = True
    """A PATCH that leaves the editable state may change other columns as well; otherwise it is refused."""
    patch_to_closed: bool = False
    """A PATCH may reach states that an action exists for (won, lost, fulfilled, cancelled)."""
    patch_to_invoiced: bool = True
    """A PATCH may make an order Invoiced and an invoice Paid."""
    closed_line_code: str = "0x80043b09"
    """Code for a change to a line of a closed document; 0x8004022e is the other one."""
    syntax_error_code: str = "0x80060888"
    """Code of OData syntax errors and unknown names in options; 0x0 is the other one."""
    expired_delta_status: int = 400
    """Status of an expired change-tracking link."""
    restricted_delete_status: int = 405
    """Status of a deletion that related rows forbid; the code is the same."""
    fulfill_binding: str = "both"
    """Where FulfillSalesOrder is found: ``both``, ``bound`` or ``unbound``."""
    invoice_price_lock: bool = True
    """LockInvoicePricing and UnlockInvoicePricing exist, as they do for orders."""
    active_products_editable: bool = True
    """Plain columns of an active product may be changed; otherwise it has to be revised first."""
    price_list_required: bool = False
    """Products can be added only to documents that have a price list."""
    rounds_half_even: bool = False
    """Halves are rounded to the even neighbour; otherwise away from zero."""


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
    maintenance: bool = False
    """The tenant is being upgraded: everything is answered 503 ``Internal_TenantUnavailable``."""
    null_text_refused: bool = False
    """Null for a text is refused like any other null; otherwise it clears the text."""
    computed_filters: bool = False
    """Properties that page code fills may be filtered and sorted by."""
    blank_enum_filter: bool = True
    """The blank value of an enumeration can be filtered by; refused with 400 otherwise."""
    heeds_accents: bool = True
    """Texts that differ in an accent are different."""
    unsupported_option_status: int = 501
    """Answer to $search, $apply and $compute."""
    posted_ids_kept: bool = False
    """A posted id is kept on every set; otherwise on items only."""
    etag_header: bool = True
    """Single answers carry the tag in a header as well."""
    location_header: bool = True
    """Creates and actions that make a document carry Location."""
    if_match_required: bool = False
    """DELETE and actions need If-Match, as PATCH does."""
    depends_on: bool = True
    """``dependsOn`` in a batch skips what depends on a failed operation; otherwise it is ignored."""
    batch_operations_count: bool = False
    """Each operation of a batch counts against the rate limit; otherwise the batch counts once."""
    duplicate_subscriptions: bool = False
    """One URL may subscribe to one resource twice."""
    enum_names_on_pages: bool = False
    """Page services show the names of enumeration values; otherwise their captions."""


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
