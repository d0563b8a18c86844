"""Normalised words of a record, so that people find it however they spell, order or punctuate what they type.

`search_text` is stored with every mirror row and indexed by trigrams; queries are normalised by the same functions.
Case, accents, punctuation and legal forms do not matter; phone and account numbers match by their digits; e-mail and
web addresses match by their domain.

Layout of the stored text, every word preceded by a blank so that a word's beginning can be asked for:
`" name words\\n joinednumber\\n further words\\n"`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from functools import cache, lru_cache
from typing import Any

LEGAL_FORMS = frozenset(
    {
        "ab", "ag", "as", "aps", "asa", "bv", "bvba", "co", "corp", "corporation", "cv", "ek", "eg", "ev",
        "gbr", "gesmbh", "gmbh", "inc", "incorporated", "kft", "kg", "kgaa", "limited", "llc", "llp", "lp",
        "ltd", "ltda", "mbh", "nv", "ohg", "oy", "oyj", "plc", "pte", "pty", "sa", "sab", "sarl", "sas", "sca",
        "se", "sl", "slu", "snc", "spa", "spzoo", "srl", "sro", "ug", "zoo",
    }
)  # fmt: skip
"""Words that say how a company is organised and not which one it is, normalised."""

_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "ħ": "h"}
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_DROPPED = re.compile("['\u2019`\u00b4.]")
_ABBREVIATION = re.compile(r"\b([a-z])/([a-z])\b")
_WORD = re.compile(r"[^\W_]+")
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+(?=$|[/:?#])")
_HAS_UMLAUT = re.compile("[äöü]")

# Parts of property and attribute names whose values people search by, on either system.
_PHONES = ("phone", "fax", "mobile")
_WEB = ("mail", "web", "homepage")
_TEXTS = (
    "city", "postal", "postcode", "post_code", "zip", "street", "address", "line1", "line2", "county", "contact",
    "tax", "vat", "registration", "accountnumber", "productnumber", "gtin", "vendorpartnumber", "isocurrencycode",
    "description", "jobtitle", "initials", "ordernumber", "quotenumber", "invoicenumber", "externaldocument",
)  # fmt: skip
_MAX_VALUE = 200
_NOT_TEXT = re.compile(r"^(_.*_value|.*id|.*code)$")


def fold(text: str) -> str:
    """Lower case without accents; punctuation stays."""
    lowered = text.casefold()
    if lowered.isascii():
        return lowered
    lowered = lowered.translate(_LETTERS)
    return "".join(char for char in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """Folded words in order, legal forms included: `"O'Neill & Sons A/S"` → `["oneill", "sons", "as"]`."""
    plain = _DROPPED.sub("", fold(text))
    return _WORD.findall(_ABBREVIATION.sub(r"\1\2", plain) if "/" in plain else plain)


def without_legal_forms(found: list[str]) -> list[str]:
    """The words that identify; all of them where nothing else is left."""
    return [word for word in found if word not in LEGAL_FORMS] or found


def joined(text: str) -> str:
    """One word of letters and digits: `"A-0012/7"` → `"a00127"`."""
    return "".join(words(text))


def digits(text: str) -> str:
    """The digits of a phone or account number, joined; an international prefix's zeros and `(0)` are left out."""
    return re.sub(r"\D", "", text.replace("(0)", "")).lstrip("0")


def domain(text: str) -> str:
    """Domain of a web or e-mail address without `www.`; empty where there is none."""
    text = fold(text.strip())
    if "@" in text:
        return text.rpartition("@")[2]
    host = _HOST.match(text.partition("//")[2] or text)
    return host[0].removeprefix("www.") if host else ""


def search_text(values: Mapping[str, Any], *, number: str = "", name: str = "") -> str:
    """The text to store for a mirror row.

    `values` are its wire values by property or attribute name; only what people search by is taken up.
    """
    name_words = without_legal_forms(words(name))
    further = list(words(number))
    if digits(number):
        further.append(digits(number))
    if _HAS_UMLAUT.search(name.casefold()):
        further += words(name.casefold().translate(_UMLAUTS))
    for key, value in values.items():
        if value and isinstance(value, str) and len(value) <= _MAX_VALUE and (kind := _kind(key)) is not None:
            further += _value_words(kind, value)
    lines = (name_words, [joined(number)] if number else [], dict.fromkeys(further))
    return "".join(_line(line) for line in lines)


def _line(line: Iterable[str]) -> str:
    return "".join(f" {word}" for word in line) + "\n"


class _Kind(Enum):
    """What the values of a property are, as far as people search by them."""

    PHONE = auto()
    WEB = auto()
    TEXT = auto()


@cache
def _kind(name: str) -> _Kind | None:
    """By the property's name; there are some hundred of them and millions of values."""
    key = name.lower()
    if any(part in key for part in _PHONES):
        return _Kind.PHONE
    if any(part in key for part in _WEB):
        return _Kind.WEB
    if any(part in key for part in _TEXTS) and (not _NOT_TEXT.match(key) or "postal" in key or "iso" in key):
        return _Kind.TEXT
    return None


@lru_cache(maxsize=20_000)
def _value_words(kind: _Kind, value: str) -> tuple[str, ...]:
    """Remembered: towns, post codes and domains come again, and each record's values do when its partner is written."""
    if kind is _Kind.PHONE:
        return (number,) if (number := digits(value)) else ()
    if kind is _Kind.WEB:
        host = domain(value)
        return tuple(filter(None, (fold(value.strip()) if "@" in value else "", host)))
    found = words(value)
    return (*found, "".join(found)) if len(found) > 1 and any(char.isdigit() for char in value) else tuple(found)
