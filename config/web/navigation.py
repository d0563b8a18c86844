"""The navigation: what people do, in their words. Entries that a person may not open are left out."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from config.access import needs_of
from config.roles import Capability


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the navigation. `family` is what the names of its URL and of the pages below it begin with."""

    label: str
    url_name: str
    icon: str
    family: str


@dataclass(frozen=True, slots=True)
class Section:
    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    icon: str
    url: str
    active: bool


SECTIONS = (
    Section("", (Entry("Home", "home", "home", "home"),)),
    Section(
        "Couple",
        (
            Entry("Couplings", "coupling-home", "link", "coupling-home"),
            Entry("Customers", "customer-list", "building-store", "customer-"),
            Entry("Accounts", "account-list", "building", "account-list"),
            Entry("Salespeople", "salesperson-list", "id-badge-2", "salesperson-"),
            Entry("Users", "user-list", "users", "user-list"),
        ),
    ),
    Section(
        "Documents",
        (
            Entry("Sales Orders", "sales-order-list", "shopping-cart", "sales-order-"),
            Entry("Sales Quotes", "sales-quote-list", "file-text", "sales-quote-l"),
            Entry("Sales Quote Archives", "sales-quote-archive-list", "history", "sales-quote-archive-"),
        ),
    ),
    Section(
        "Synchronise",
        (
            Entry("Full Synch Review", "full-synch-review", "stack-2", "full-synch-"),
            Entry("Synch Jobs", "job-list", "list-check", "job-"),
            Entry("Errors", "error-list", "alert-triangle", "error-"),
            Entry("Schedules", "schedule-list", "calendar-time", "schedule-"),
        ),
    ),
    Section(
        "Set up",
        (
            Entry("Assisted Setup", "setup-start", "checklist", "setup-"),
            Entry("Connection Setup", "connection-setup", "plug-connected", "connection-"),
            Entry("Status", "status", "heartbeat", "status"),
            Entry("Mappings", "mapping-list", "arrows-left-right", "mapping-"),
            Entry("Sales & Receivables Setup", "sales-receivables-setup", "settings", "sales-receivables-"),
            Entry("People and roles", "people", "user-check", "people"),
        ),
    ),
)


_WITHOUT_CONNECTION = frozenset({"home", "people"})


def navigation(
    *, connection: str | None, current: str, allowed: frozenset[Capability]
) -> Iterator[tuple[str, list[Link]]]:
    """Sections with the links that `allowed` opens; `current` is the name of the URL shown."""
    for section in SECTIONS:
        links = [link for entry in section.entries if (link := _link(entry, connection, current, allowed))]
        if links:
            yield section.label, links


def _link(entry: Entry, connection: str | None, current: str, allowed: frozenset[Capability]) -> Link | None:
    needs = needs_of(entry.url_name)
    if needs is None or needs.read not in allowed:
        return None
    if entry.url_name in _WITHOUT_CONNECTION:
        url = reverse(entry.url_name)
    elif connection:
        url = reverse(entry.url_name, kwargs={"connection": connection})
    else:
        return None
    return Link(entry.label, entry.icon, url, current.startswith(entry.family))
