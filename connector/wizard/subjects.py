"""What assisted setup asks of the apps above: which mappings there are, what they hold, who is who.

Nothing imports upwards, so the synchronisation app registers its answer here while Django starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured

from connector.models import Connection


@dataclass(frozen=True, slots=True)
class MappingOffer:
    """A mapping that the connection's switches ask for. `needs` names mappings that have to be on as well."""

    name: str
    subject: str
    business_central: str
    sales: str
    direction: str
    directions: tuple[str, ...]
    creates: bool
    may_create: bool
    enabled: bool
    available: bool
    reason: str
    needs: tuple[str, ...]
    rules: tuple["Rule", ...] = ()
    """Fields that records may be matched on; none for choices."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A field to match on. `key` names it within its mapping, stored or not."""

    key: str
    business_central: str
    sales: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """Records inside a mapping's filters; None where a side counts no further, `problem` where it cannot be asked."""

    business_central: int | None
    sales: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person decided about one mapping."""

    enabled: bool
    direction: str
    creates: bool


@dataclass(frozen=True, slots=True)
class Person:
    """A Sales user or a salesperson of Business Central. `partner`: a user's salesperson, where they are coupled."""

    id: UUID
    name: str
    email: str
    partner: UUID | None = None


@dataclass(frozen=True, slots=True)
class PeopleChoice:
    """What is to become of users: coupled with a salesperson (or with none any more), or given a new salesperson.

    `joins_team`: those that stand for somebody become members of the owning team.
    """

    pairs: Mapping[UUID, UUID | None]
    new: Sequence[UUID] = ()
    joins_team: bool = False

    @property
    def standing(self) -> list[UUID]:
        """Users that stand for a salesperson, or will."""
        return [*(user for user, person in self.pairs.items() if person is not None), *self.new]


@dataclass(frozen=True, slots=True)
class FirstChoice:
    """How one mapping takes part in the first synchronisation. `winner` is blank where the mapping says it."""

    name: str
    direction: str
    winner: str
    matches: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What a first synchronisation should do with a mapping: `nothing`, `full` or `couple`, and why."""

    action: str
    label: str
    reason: str


class Subjects(Protocol):
    """Implemented by `syncjobs`. `connection` carries the values of the draft; it is not the stored one."""

    def offers(self, connection: Connection) -> list[MappingOffer]: ...

    def count(self, connection: Connection, names: Sequence[str]) -> dict[str, Counted]:
        """Asks both systems; a mapping that cannot be counted says why."""
        ...

    def recommend(self, offer: MappingOffer, counted: Counted | None) -> Recommendation: ...

    def people(self, connection: Connection) -> tuple[list[Person], list[Person]]:
        """Sales users and salespeople, read live. Raises RemoteError."""
        ...

    def apply(self, connection: Connection, choices: Mapping[str, Choice], user: User | None) -> None:
        """Takes the choices over into the stored mappings. Raises HubError."""
        ...

    def couple_people(self, connection: Connection, choice: PeopleChoice, user: User | None) -> list[str]:
        """Couples users with salespeople; returns the sentences of what was refused. Raises HubError."""
        ...

    def set_rules(self, connection: Connection, rules: Mapping[str, Sequence[str]], user: User) -> None:
        """Makes the ticked fields (keys of rules, by mapping) those that the stored mappings match on."""
        ...

    def plan_first(self, connection: Connection, lines: Sequence[FirstChoice], user: User | None) -> None:
        """Starts calculating what a full synchronisation of these mappings would do. Raises HubError."""
        ...


_subjects: Subjects | None = None


def register(implementation: Subjects) -> None:
    """Called once while Django starts."""
    global _subjects
    _subjects = implementation


def subjects() -> Subjects:
    if _subjects is None:
        raise ImproperlyConfigured("Assisted setup has nothing to set up: add syncjobs to INSTALLED_APPS.")
    return _subjects
