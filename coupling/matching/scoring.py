"""How likely two records are one: pure, from their signals, with the reasons for and against.

Independent evidence adds up as doubts multiply: each piece leaves `1 - weight` of the doubt. A name alone leaves too
much of it to be clear, whatever its spelling. Evidence that many records share (a switchboard, a group's domain) weighs
less. A different registration number contradicts everything but a second identifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from coupling.matching.signals import Profile, Signals

CLEAR_SCORE = 920
CLEAR_LEAD = 100
"""Per mille: what a candidate needs, and how far the next one has to be behind, to be proposed as clear."""
LEAST_SCORE = 450
"""Per mille: what resembles a record less is no candidate."""
SHARED_BY = 3
"""An identifier that more records of one side have says less about each of them."""

_SIMILAR = 0.72
_VERY_SIMILAR = 0.93
_WORD_ALIKE = 0.7

_WEIGHTS: Mapping[Profile, Mapping[str, float]] = {
    Profile.COMPANY: {
        "registration": 0.90, "number": 0.45, "email": 0.75, "domain": 0.62, "domain_shared": 0.30,
        "phone": 0.65, "phone_shared": 0.30, "name": 0.80, "address": 0.63, "house": 0.45, "postal": 0.20, "city": 0.12,
        "company": 0.0,
    },
    Profile.PERSON: {
        "registration": 0.90, "number": 0.40, "email": 0.87, "domain": 0.30, "domain_shared": 0.25,
        "phone": 0.60, "phone_shared": 0.20, "name": 0.70, "address": 0.20, "house": 0.15, "postal": 0.10, "city": 0.08,
        "company": 0.74,
    },
    Profile.ARTICLE: {
        "registration": 0.90, "number": 0.93, "email": 0.40, "domain": 0.0, "domain_shared": 0.0,
        "phone": 0.0, "phone_shared": 0.0, "name": 0.75, "address": 0.0, "house": 0.0, "postal": 0.0, "city": 0.0,
        "company": 0.0,
    },
}  # fmt: skip
_FOREIGN_ADDRESS = 0.30
"""A shared address says less of companies that are called differently: they may rent in one house."""


@dataclass(frozen=True, slots=True)
class Score:
    """`value` per mille; `reasons` and `doubts` are codes of `coupling.matching.reasons`, the weightiest first."""

    value: int
    reasons: tuple[str, ...]
    doubts: tuple[str, ...]


def name_similarity(bc: Signals, sales: Signals) -> tuple[float, str]:
    """How alike two names are without their legal forms, 0 to 1, and the reason that says so (blank below `_SIMILAR`).

    Words in another order count as equal; of a name inside a longer one the longer rest counts against it.
    """
    if not bc.name or not sales.name:
        return 0.0, ""
    if bc.name == sales.name:
        return 1.0, "name" if bc.legal == sales.legal else "name_legal"
    if sorted(bc.name) == sorted(sales.name):
        return 0.97, "name_order"
    first, second = bc.text, sales.text
    if first.replace(" ", "") == second.replace(" ", ""):
        return 0.97, "name_similar"
    spelling = max(
        DamerauLevenshtein.normalized_similarity(first, second), fuzz.token_sort_ratio(first, second) / 100 * 0.98
    )
    short, long = sorted((set(bc.name), set(sales.name)), key=len)
    if short < long and max(len(word) for word in short) >= 4:
        part = 0.60 + 0.35 * sum(map(len, short)) / sum(map(len, long))
        if part > spelling:
            return part, "name_part" if part >= _SIMILAR else ""
    return spelling, "name_similar" if spelling >= _SIMILAR else ""


def compare(bc: Signals, sales: Signals, profile: Profile, *, shared: Mapping[str, int] | None = None) -> Score:
    """Scores a pair. `shared`: how many records of one side have the domain or phone that the two have in common."""
    weights = _WEIGHTS[profile]
    shared = shared or {}
    likeness, name_reason = name_similarity(bc, sales)
    if profile == Profile.PERSON and name_reason == "name_similar" and not _every_word_alike(bc.name, sales.name):
        # Two members of one family share most letters of their names.
        likeness, name_reason = min(likeness, _SIMILAR - 0.01), ""
    found: list[tuple[float, str]] = []
    if bc.registrations & sales.registrations:
        found.append((weights["registration"], "registration"))
    if same := bc.emails & sales.emails:
        found.append((weights["email"], f"email:{min(same)}"))
    elif same := bc.domains & sales.domains:
        code = "domain_shared" if shared.get("domain", 1) > SHARED_BY else "domain"
        found.append((weights[code], f"{code}:{min(same)}"))
    if bc.phones & sales.phones:
        code = "phone_shared" if shared.get("phone", 1) > SHARED_BY else "phone"
        found.append((weights[code], code))
    if bc.number and bc.number == (sales.number or ("".join(sales.name) if profile == Profile.ARTICLE else "")):
        found.append((weights["number"], "number"))
    if name_reason:
        fit = 1.0 if likeness >= 1 else (likeness - _SIMILAR) / (1 - _SIMILAR) * 0.45 + 0.5
        found.append((weights["name"] * min(1.0, fit), name_reason))
    place = _place(bc, sales, weights, likeness)
    if place:
        found.append(place)
    if bc.company and sales.company and set(bc.company) & set(sales.company):
        shares = fuzz.token_sort_ratio(" ".join(bc.company), " ".join(sales.company)) / 100
        if shares >= _VERY_SIMILAR:
            found.append((weights["company"], "company"))
    doubts, factor = _doubts(bc, sales, profile, found, likeness)
    rest = 1.0
    for weight, _ in found:
        rest *= 1 - weight
    value = (1 - rest) * factor
    if not _has_more_than_a_name(found):
        value = min(value, (CLEAR_SCORE - 1) / 1000)
    found.sort(key=lambda each: -each[0])
    return Score(round(value * 1000), tuple(code for weight, code in found if weight), tuple(doubts))


def _every_word_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    short, long = sorted((one, other), key=len)
    return all(
        max(DamerauLevenshtein.normalized_similarity(word, each) for each in long) >= _WORD_ALIKE for word in short
    )


def _has_more_than_a_name(found: list[tuple[float, str]]) -> bool:
    return any(weight >= 0.3 and not code.startswith("name") for weight, code in found)


def _place(bc: Signals, sales: Signals, weights: Mapping[str, float], likeness: float) -> tuple[float, str] | None:
    """The closest thing two addresses have in common."""
    if bc.postal and bc.postal == sales.postal:
        most = 1.0 if likeness >= _SIMILAR else _FOREIGN_ADDRESS
        same_house = bool(bc.house) and bc.house == sales.house
        if bc.street and sales.street and bc.house == sales.house and fuzz.ratio(bc.street, sales.street) >= 85:
            return min(most, weights["address"]), "address"
        if same_house:
            return min(most, weights["house"]), "house"
        return weights["postal"], "postal"
    if bc.city and bc.city == sales.city:
        return weights["city"], "city"
    return None


def _doubts(
    bc: Signals, sales: Signals, profile: Profile, found: list[tuple[float, str]], likeness: float
) -> tuple[list[str], float]:
    """What speaks against the pair, and what it leaves of the score."""
    codes = {code.partition(":")[0] for _, code in found}
    identified = bool(codes & {"registration", "email", "domain", "phone", "number"})
    doubts, factor = [], 1.0
    if bc.registrations and sales.registrations and "registration" not in codes:
        doubts.append("registration")
        factor *= 0.55
    if profile == Profile.COMPANY:
        elsewhere = bool(bc.postal and sales.postal and bc.postal != sales.postal)
        if elsewhere and not codes & {"city"}:
            doubts.append("address")
            factor *= 0.97 if identified else 0.80
        differ = bool(bc.phones and sales.phones and "phone" not in codes and "phone_shared" not in codes)
        other_domain = bool(bc.domains and sales.domains and not bc.domains & sales.domains)
        if differ and other_domain and "registration" not in codes:
            doubts.append("identifiers")
            factor *= 0.85
    if profile == Profile.PERSON and bc.company and sales.company and "company" not in codes:
        doubts.append("company")
        factor *= 0.75
    if likeness < 0.45 and found and bc.name and sales.name and profile != Profile.ARTICLE:
        doubts.append("name")
        factor *= 0.80
    return doubts, factor
