"""Search over the mirror: find one of 100,000 records by whatever people remember of it.

Every word of the query has to begin a word of the record, in any order; numbers match inside phone and account numbers
however they are written; `city:`, `phone:`, `no:` and `owner:` look into one column; where that finds little, words of
four letters or more may be misspelt. Exact hits come before beginnings of the name or number, those before beginnings
of any word, misspelt ones last; free records before coupled ones.

Misspelt words are looked for as one pattern of all spellings one slip away, which the trigram index answers in
milliseconds; trigram similarity itself has to look at every record that shares a few letters. Where that finds
nothing, a long word may have two slips: see `coupling.services.spelling`.
"""

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from coupling.records import COLUMN_PROPERTIES
from coupling.services.spelling import near_words
from coupling.services.words import digits, domain, fold, joined, search_text, without_legal_forms, words

__all__ = ["matching", "mirror_of", "search_records", "search_text"]

_MIN_FUZZY_LETTERS = 4
# The pattern of a word's spellings grows with the square of its letters, and the index needs memory for all of them.
_MAX_FUZZY_LETTERS = 24
_MOST_FUZZY_WORDS = 6
_MIN_DIGITS_INSIDE = 4
_LOCAL_DIGITS = 7
_INTERNATIONAL_DIGITS = 9
_LONG_WORD = 8
_FEW = 5
_CANDIDATES = 200

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_PHONE = re.compile(r"^[\d\s+()/.\-]+$")
_EXACT, _PREFIX, _WORD_PREFIX, _FUZZY = range(4)


def mirror_of(system: System | str) -> type[BusinessCentralRecord] | type[SalesRecord]:
    """The mirror's model of a system."""
    return BusinessCentralRecord if system == System.BUSINESS_CENTRAL else SalesRecord


@dataclass(frozen=True, slots=True)
class _Query:
    """A query taken apart: a record's key, or conditions that all have to hold."""

    key: UUID | None
    name: str
    number: str
    strict: tuple[Q, ...]
    fuzzy: tuple[Q, ...]
    fuzzy_words: tuple[str, ...]
    certain: tuple[Q, ...] = ()
    """Conditions of what cannot be misspelt: numbers, addresses, short words, columns."""
    whole: bool = True
    """The conditions come from words alone, so that those can be told apart into present and misspelt ones."""


def _parse(text: str) -> _Query:
    text, columns = _columns(text.strip())
    if columns:
        rest = _parse(text) if text else _Query(None, "", "", (), (), ())
        narrowed = (*rest.strict, *columns)
        certain = (*rest.certain, *columns)
        return replace(rest, key=None, strict=narrowed, fuzzy=(*rest.fuzzy, *columns), certain=certain, whole=False)
    if found := _GUID.findall(text):
        return _Query(UUID(found[-1]), "", "", (), (), ())
    if _PHONE.match(text) and digits(text):
        number = digits(text)
        condition = Q(search_text__contains=number if len(number) >= _MIN_DIGITS_INSIDE else f" {number}")
        if len(number) >= _INTERNATIONAL_DIGITS:
            condition |= Q(search_text__contains=number[-_LOCAL_DIGITS:])
        elif text.isdigit() and number != text:
            condition |= Q(search_text__contains=f" {text}")
        return _Query(None, "", joined(text), (condition,), (), ())
    addresses = [token for token in fold(text).split() if "@" in token or domain(token)]
    plain = [token for token in text.split() if fold(token) not in addresses]
    found_words = words(" ".join(plain))
    searched = without_legal_forms(found_words)
    strict = [Q(search_text__contains=token if "@" in token else domain(token)) for token in addresses]
    misspelt = [word for word in searched if _may_be_misspelt(word)][:_MOST_FUZZY_WORDS]
    fuzzy, sure = list(strict), list(strict)
    for word in searched:
        begins = Q(search_text__contains=f" {word}")
        if word.isdigit() and len(word) >= _MIN_DIGITS_INSIDE:
            begins |= Q(search_text__contains=word)
        strict.append(begins)
        if word in misspelt:
            fuzzy.append(begins | Q(search_text__regex=_slips(word)))
        else:
            fuzzy.append(begins)
            sure.append(begins)
    name = " ".join(searched)
    return _Query(None, name, joined(text), tuple(strict), tuple(fuzzy), tuple(misspelt), tuple(sure))


def _columns(text: str) -> tuple[str, tuple[Q, ...]]:
    """What is searched in one column only (`city:Graz`, `phone:"+45 33"`), taken out of the text."""
    conditions = tuple(_COLUMNS[name.lower()](value.strip('"')) for name, value in _COLUMN.findall(text))
    return (_COLUMN.sub(" ", text).strip(), conditions) if conditions else (text, ())


def _in_city(value: str) -> Q:
    found = Q()
    for word in words(value):
        # The index finds the word, the expression makes sure that it stands in the city.
        pattern = rf"\m{_any_accent(word)}"
        place = Q(values__city__iregex=pattern) | Q(values__address1_city__iregex=pattern)
        found &= Q(search_text__contains=f" {word}") & (place | Q(values__City__iregex=pattern))
    return found


def _in_phone(value: str) -> Q:
    number = digits(value)
    if not number:
        return Q(pk__in=[])
    tail = number[-_LOCAL_DIGITS:] if len(number) >= _INTERNATIONAL_DIGITS else number
    pattern = r"\D*".join(tail)
    found = Q()
    for column in COLUMN_PROPERTIES["phone"]:
        found |= Q(**{f"values__{column}__regex": pattern})
    return Q(search_text__contains=tail) & found


def _in_number(value: str) -> Q:
    return Q(search_text__contains=f"\n {joined(value)}")


def _in_owner(value: str) -> Q:
    """The owner of a Sales row by name, the salesperson of a Business Central record by code."""
    users = SalesRecord.objects.filter(table="systemusers")
    for word in words(value):
        users = users.filter(search_text__contains=f" {word}")
    owners = [str(key) for key in users.values_list("key", flat=True)[:_CANDIDATES]]
    code = Q(values__salespersonCode__istartswith=value) | Q(values__Salesperson_Code__istartswith=value)
    return Q(values___ownerid_value__in=owners) | code


_COLUMN = re.compile(r'\b(city|phone|no|owner):\s*("[^"]*"|\S+)', re.IGNORECASE)
_COLUMNS = {"city": _in_city, "phone": _in_phone, "no": _in_number, "owner": _in_owner}


def _any_accent(word: str) -> str:
    """The word as an expression that does not mind accents: `"malm"` → `"m[aàá…]lm"`."""
    return "".join(f"[{letter}{_ACCENTS[letter]}]" if letter in _ACCENTS else letter for letter in word)


_ACCENTS = {
    "a": "àáâãäåāăą", "c": "çćč", "d": "đďð", "e": "èéêëēėęě", "g": "ğ", "i": "ìíîïīıį", "l": "łľ", "n": "ñńň",
    "o": "òóôõöøōő", "r": "řŕ", "s": "śšşș", "t": "ťțţ", "u": "ùúûüūůűų", "y": "ýÿ", "z": "źżž",
}  # fmt: skip


def _may_be_misspelt(word: str) -> bool:
    return _MIN_FUZZY_LETTERS <= len(word) <= _MAX_FUZZY_LETTERS and word.isalpha()


def _slips(word: str) -> str:
    """Regular expression of the beginnings of words that are one slip away from `word`: a wrong letter, one too many,
    one missing, two swapped; in long words also a muddle in one half."""
    spellings = []
    for at in range(len(word)):
        head, tail = word[:at], word[at + 1 :]
        spellings += [f"{head}.{tail}", head + tail]
        if at:
            spellings.append(f"{head}.{word[at:]}")
        if tail and tail[0] != word[at]:
            spellings.append(f"{head}{tail[0]}{word[at]}{tail[1:]}")
    if len(word) >= _LONG_WORD:
        half = len(word) // 2
        spellings += [f"{word[0]}.{{{half - 2},{half + 2}}}{word[half + 1 :]}", word[:half] + f".{{0,2}}{word[-3:]}"]
    return f" ({'|'.join(dict.fromkeys(spellings))})"


def _rank(query: _Query, otherwise: int) -> Case:
    """Rank by where in the stored text the query stands; see `coupling.services.words` for its layout."""
    cases = []
    if query.number:
        cases.append(When(search_text__contains=f"\n {query.number}\n", then=Value(_EXACT)))
    if query.name:
        cases.append(When(search_text__startswith=f" {query.name}\n", then=Value(_EXACT)))
        cases.append(When(search_text__startswith=f" {query.name}", then=Value(_PREFIX)))
    if query.number:
        cases.append(When(search_text__contains=f"\n {query.number}", then=Value(_PREFIX)))
    return Case(*cases, default=Value(otherwise), output_field=IntegerField())


def matching(records: QuerySet[Any], text: str, *, place: tuple[int, str]) -> QuerySet[Any]:
    """The records of `records` that match `text`, annotated with `rank` and ordered by it; blank matches everything.

    `place`: id of the connection, and table of the records or blank. Asks at once whether there is a hit without
    misspelling, and leaves the queryset lazy. Misspelt hits are at most some hundred.
    """
    if not text.strip():
        return records
    query = _parse(text)
    if query.key is not None:
        return records.filter(key=query.key).annotate(rank=Value(_EXACT))
    if not query.strict:
        return records.none()
    strict = records.filter(*query.strict)
    if not query.fuzzy_words or strict.exists():
        return strict.annotate(rank=_rank(query, _WORD_PREFIX)).order_by("rank", "name", "key")
    similar = [record.key for record in _similar(records, query, place)]
    return records.filter(key__in=similar).annotate(rank=Value(_FUZZY)).order_by("name", "key")


def search_records(
    *, connection: Connection, system: System, table: str, text: str, limit: int = 50, offset: int = 0
) -> list[Any]:
    """Living records of a table, best first, each with `rank` and `coupled`; blank text gives the first by name.

    At most two queries whatever the number of rows.
    """
    records = mirror_of(system).objects.of_table(connection.pk, table).alive()
    records = records.annotate(coupled=_coupled(connection, system, table))
    if not text.strip():
        return list(records.order_by("coupled", "name", "key")[offset : offset + limit])
    query = _parse(text)
    if query.key is not None:
        return list(records.filter(key=query.key).annotate(rank=Value(_EXACT)))
    if not query.strict:
        return []
    order, place = ("rank", "coupled", "name", "key"), (connection.pk, table)
    strict = records.filter(*query.strict).annotate(rank=_rank(query, _WORD_PREFIX)).order_by(*order)
    found = list(strict[offset : offset + limit])
    if offset or len(found) >= _FEW or not query.fuzzy_words:
        return found
    known = {record.key for record in found}
    return [*found, *(record for record in _similar(records, query, place) if record.key not in known)][:limit]


def _similar(records: QuerySet[Any], query: _Query, place: tuple[int, str]) -> list[Any]:
    """Records with misspelt words, the closest names first; the first some hundred found, since asking the database
    to sort them would make it check the pattern against every candidate."""
    found = _misspelt(records, query) if query.whole and len(query.fuzzy_words) > 1 else []
    found = found or list(records.filter(*query.fuzzy).annotate(rank=Value(_FUZZY)).order_by()[:_CANDIDATES])
    found = found or _misspelt_twice(records, query, place)
    return sorted(found, key=lambda record: (-_closeness(record.name, query.fuzzy_words), record.name, str(record.key)))


def _misspelt(records: QuerySet[Any], query: _Query) -> list[Any]:
    """Of several words mostly one is misspelt: a word that some record has is taken as right, which lets the index
    narrow the rest to few records. Nothing found: the caller takes every word as misspelt."""
    present = {word for word in query.fuzzy_words if records.filter(search_text__contains=f" {word}").exists()}
    if not present or len(present) == len(query.fuzzy_words):
        return []
    conditions = [Q(search_text__contains=f" {word}") for word in present]
    conditions += [Q(search_text__regex=_slips(word)) for word in query.fuzzy_words if word not in present]
    conditions += query.certain
    return list(records.filter(*conditions).annotate(rank=Value(_FUZZY)).order_by()[:_CANDIDATES])


def _misspelt_twice(records: QuerySet[Any], query: _Query, place: tuple[int, str]) -> list[Any]:
    """Each word, or one of the names' words that is nearly like it."""
    conditions, changed = list(query.certain), False
    for word in query.fuzzy_words:
        near = near_words(records.model, place, word)
        changed = changed or near not in ([], [word])
        either = Q(search_text__contains=f" {word}")
        for other in near:
            either |= Q(search_text__contains=f" {other}")
        conditions.append(either)
    if not changed:
        return []
    return list(records.filter(*conditions).annotate(rank=Value(_FUZZY)).order_by()[:_CANDIDATES])


def _closeness(name: str, searched: tuple[str, ...]) -> float:
    """How well the words of a name fit the searched ones, 0 to 1 for each."""
    present = words(name)
    return sum(max((SequenceMatcher(None, word, other).ratio() for other in present), default=0) for word in searched)


def _coupled(connection: Connection, system: System, table: str) -> Exists:
    side = "bc" if system == System.BUSINESS_CENTRAL else "sales"
    couplings = Coupling.objects.filter(
        **{"connection": connection, f"{side}_table": table, f"{side}_key": OuterRef("key")}
    )
    return Exists(couplings)
