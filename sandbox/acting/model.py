"""What the templates show, the same for both products."""

from dataclasses import dataclass, field
from typing import Any, Literal

InputKind = Literal["text", "memo", "number", "date", "datetime", "boolean", "choice"]


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(slots=True)
class FieldView:
    """One input of a form. ``value`` is text as it stands in the form ("true"/"" for booleans)."""

    name: str
    label: str
    kind: InputKind
    value: str = ""
    read_only: bool = False
    required: bool = False
    max_length: int | None = None
    choices: list[Choice] = field(default_factory=list)
    shown: str = ""
    """Read-only text where it says more than the value (the name behind a lookup)."""


@dataclass(frozen=True, slots=True)
class ActionView:
    name: str
    label: str
    inputs: tuple[FieldView, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action did, and the record to go on with where that is another one."""

    message: str
    area: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ParentLink:
    """The record that a line belongs to."""

    area: str
    key: str
    title: str


@dataclass(slots=True)
class PartView:
    """Rows that belong to a record (the lines of a document)."""

    title: str
    area: str
    columns: list[str]
    rows: list[tuple[str, list[str]]]
    """(key, cells)"""
    can_add: bool
    parent_link: str = ""
    """Value for the ``parent`` parameter of the page that adds a row."""


@dataclass(slots=True)
class RecordView:
    key: str
    title: str
    etag: str
    fields: list[FieldView]
    more: list[FieldView]
    actions: list[ActionView] = field(default_factory=list)
    parts: list[PartView] = field(default_factory=list)
    notes: list[str] | None = None
    """The timeline; None where a record has none."""
    can_save: bool = True
    can_delete: bool = False
    parent: ParentLink | None = None

    def lock(self) -> None:
        """Makes a closed document something to look at only."""
        self.can_save = self.can_delete = False
        for item in (*self.fields, *self.more):
            item.read_only = True
        for part in self.parts:
            part.can_add = False


@dataclass(slots=True)
class Listing:
    columns: list[str]
    rows: list[tuple[str, list[str]]]
    """(key, cells)"""
    next_link: str = ""
    total: int | None = None


@dataclass(frozen=True, slots=True)
class AreaLink:
    name: str
    title: str
    group: str = ""


def humanize(value: Any) -> str:
    """A cell: booleans as words, blanks as nothing."""
    if value is None or value in ("0001-01-01", "0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"):
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
