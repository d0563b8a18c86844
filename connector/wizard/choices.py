"""The mappings of the step What to synchronise: what is offered, what was chosen, what a choice needs besides.

A mapping that was not on the page when the answers were given (a switch has brought it) counts as proposed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import QueryDict

from connector.choices import Direction, System
from connector.models import SetupDraft
from connector.wizard import drafts
from connector.wizard.subjects import Choice, Counted, FirstChoice, MappingOffer, Recommendation, Rule, subjects

_SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Row:
    """One mapping on the page; `key` is its name in the form."""

    offer: MappingOffer
    choice: Choice
    counted: Counted | None

    @property
    def key(self) -> str:
        return key_of(self.offer.name)


@dataclass(frozen=True, slots=True)
class Card:
    """The mappings of one subject."""

    title: str
    rows: list[Row] = field(default_factory=list)

    @property
    def on(self) -> int:
        return sum(row.choice.enabled for row in self.rows)


@dataclass(frozen=True, slots=True)
class FirstLine:
    """One mapping of the first synchronisation. `rules` are ticked as chosen."""

    row: Row
    recommendation: Recommendation
    takes_part: bool
    choice: FirstChoice
    rules: tuple[Rule, ...]

    @property
    def directions(self) -> list[Direction]:
        """A mapping that goes both ways may begin with one of them."""
        own = Direction(self.row.choice.direction)
        return list(Direction) if own == Direction.BIDIRECTIONAL else [own]

    @property
    def is_unmatched(self) -> bool:
        """Whether records of both sides would get second partners, for want of something to match them on."""
        couples = self.recommendation.action == "couple" and bool(self.rules)
        return couples and self.takes_part and not self.choice.matches

    @property
    def ticked(self) -> list[Rule]:
        return [rule for rule in self.rules if rule.ticked]


def key_of(name: str) -> str:
    return name.replace(" ", "_")


def answers_of(post: QueryDict, offers: Iterable[MappingOffer]) -> dict[str, Any]:
    """The mapping part of a posted form, as it was posted."""
    answers: dict[str, Any] = {_SHOWN: post.getlist(_SHOWN)}
    for offer in offers:
        key = key_of(offer.name)
        for part in ("on", "direction", "creates"):
            if (value := post.get(f"{part}-{key}")) is not None:
                answers[f"{part}-{key}"] = value
    return answers


def offers_of(draft: SetupDraft) -> list[MappingOffer]:
    return subjects().offers(drafts.candidate(draft))


def rows_of(draft: SetupDraft, offers: list[MappingOffer] | None = None) -> list[Row]:
    answers = draft.answers.get("subjects", {})
    counts = draft.found.get("counts", {})
    return [
        Row(
            offer,
            _choice(offer, answers),
            Counted(**counts[offer.name]) if offer.name in counts else None,
        )
        for offer in (offers if offers is not None else offers_of(draft))
    ]


def cards_of(rows: Iterable[Row]) -> list[Card]:
    """The rows by subject, in the order in which subjects first appear."""
    cards: dict[str, Card] = {}
    for row in rows:
        cards.setdefault(row.offer.subject, Card(row.offer.subject)).rows.append(row)
    return list(cards.values())


def missing_needs(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Mappings that are off although others need them, with those others; what needs those again is included."""
    by_name = {row.offer.name: row for row in rows}
    found: dict[str, list[str]] = {}
    waiting = [row for row in by_name.values() if row.choice.enabled and row.offer.available]
    while waiting:
        row = waiting.pop()
        for name in row.offer.needs:
            needed = by_name.get(name)
            if needed is None or not needed.offer.available or needed.choice.enabled:
                continue
            if name not in found:
                waiting.append(needed)
            found.setdefault(name, []).append(row.offer.name)
    return found


def dependents(rows: Iterable[Row], name: str) -> list[str]:
    """Mappings that are on and stop with this one, in order: what needs it, and what needs those."""
    stopping = {name}
    on = [row.offer for row in rows if row.choice.enabled and row.offer.available]
    while more := {offer.name for offer in on if stopping & set(offer.needs)} - stopping:
        stopping |= more
    return [offer.name for offer in on if offer.name in stopping and offer.name != name]


def without(answers: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The answers with these mappings switched off."""
    gone = {f"on-{key_of(name)}" for name in names}
    return {key: value for key, value in answers.items() if key not in gone}


def with_needs(answers: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The answers with these mappings switched on."""
    return {**answers, **{f"on-{key_of(name)}": "on" for name in names}}


def shown_all(draft: SetupDraft, rows: Iterable[Row]) -> bool:
    """Whether every mapping of the present switches was on the page that was answered."""
    return {row.offer.name for row in rows} <= set(draft.answers.get("subjects", {}).get(_SHOWN, []))


def choices_of(draft: SetupDraft) -> dict[str, Choice]:
    return {row.offer.name: row.choice for row in rows_of(draft)}


def first_lines(draft: SetupDraft) -> list[FirstLine]:
    """What a first synchronisation should do, for the mappings that are on."""
    answers = draft.answers.get("first", {})
    lines = []
    for row in rows_of(draft):
        if not (row.choice.enabled and row.offer.available):
            continue
        advice = subjects().recommend(row.offer, row.counted)
        if row.offer.name in answers.get(_SHOWN, []):
            lines.append(_answered(row, advice, answers))
            continue
        matches = advice.action == "couple" and any(rule.ticked for rule in row.offer.rules)
        choice = FirstChoice(row.offer.name, row.choice.direction, "", matches)
        lines.append(FirstLine(row, advice, advice.action != "nothing", choice, row.offer.rules))
    return lines


def _answered(row: Row, advice: Recommendation, answers: dict[str, Any]) -> FirstLine:
    """A line as it was posted; a direction that the mapping does not have any more gives way to the mapping's."""
    ticked = answers.get(f"rules-{row.key}", [])
    rules = tuple(replace(rule, ticked=rule.key in ticked) for rule in row.offer.rules)
    way, winner = answers.get(f"way-{row.key}", ""), answers.get(f"winner-{row.key}", "")
    both = row.choice.direction == Direction.BIDIRECTIONAL
    choice = FirstChoice(
        row.offer.name,
        way if both and way in Direction.values else row.choice.direction,
        winner if both and winner in System.values else "",
        f"match-{row.key}" in answers and bool(ticked),
    )
    return FirstLine(row, advice, f"part-{row.key}" in answers, choice, rules)


_FIRST_PARTS = ("part-", "way-", "winner-", "match-")


def first_answers(post: QueryDict) -> dict[str, Any]:
    """The lines of a posted form, as posted."""
    single = {key: post[key] for key in post if key.startswith(_FIRST_PARTS)}
    rules = {key: post.getlist(key) for key in post if key.startswith("rules-")}
    return {_SHOWN: post.getlist(_SHOWN), **single, **rules}


def _choice(offer: MappingOffer, answers: dict[str, Any]) -> Choice:
    key = key_of(offer.name)
    if offer.name not in answers.get(_SHOWN, []):
        return Choice(offer.enabled and offer.available, offer.direction, offer.creates)
    direction = answers.get(f"direction-{key}", offer.direction)
    return Choice(
        f"on-{key}" in answers and offer.available,
        direction if direction in offer.directions else offer.direction,
        f"creates-{key}" in answers and offer.may_create,
    )
