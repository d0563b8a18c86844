"""What of a record tells which company, person or article it is, in a form that the two systems share.

Properties are recognised by their names, so that mappings of one's own and columns a user added take part. The same
patterns make the blocking keys in the database (`coupling.matching.blocking`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coupling.services.words import LEGAL_FORMS, digits, domain, fold, joined, words

REGISTRATION = r"(vat|taxreg|taxid|registrationn|cvr|duns|gln)"
MAIL = "mail"
WEB = r"(web|homepage)"
PHONE = r"(phone|mobile)"
POSTAL = r"(postal|postcode|post_code|zip)"
STREET = r"(line1$|street$|^address$)"
CITY = r"(city$|_city$)"
FREE_MAIL = frozenset(
    {
        "aol.com", "aol.de", "bluewin.ch", "free.fr", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.de",
        "gmx.net", "googlemail.com", "hotmail.com", "hotmail.co.uk", "hotmail.fr", "icloud.com", "laposte.net",
        "libero.it", "live.com", "mail.com", "mail.ru", "me.com", "msn.com", "online.no", "orange.fr", "outlook.com",
        "outlook.de", "proton.me", "protonmail.com", "qq.com", "seznam.cz", "t-online.de", "telia.com", "wanadoo.fr",
        "web.de", "wp.pl", "yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.fr", "ymail.com", "yandex.ru",
    }
)  # fmt: skip
"""Domains that say nothing about whom an address belongs to."""
PHONE_DIGITS = 8
"""Last digits that two spellings of one number share, whatever stands for the country and the trunk prefix."""

_REGISTRATION, _MAIL, _WEB, _PHONE = (re.compile(text, re.IGNORECASE) for text in (REGISTRATION, MAIL, WEB, PHONE))
_POSTAL, _STREET, _CITY = (re.compile(text, re.IGNORECASE) for text in (POSTAL, STREET, CITY))
_LEAST_DIGITS = 6
_LEAST_REGISTRATION = 5
_HOUSE = re.compile(r"\d+")
_STREET_WORDS = {
    "str": "strasse", "st": "street", "rd": "road", "ave": "avenue", "av": "avenue", "dr": "drive", "ln": "lane",
    "blvd": "boulevard", "sq": "square", "pl": "plads", "vej": "vej", "ct": "court",
}  # fmt: skip


class Profile(StrEnum):
    """What a mapping's records are; decides how much each signal says."""

    COMPANY = "company"
    PERSON = "person"
    ARTICLE = "article"


_COMPANIES = frozenset({"customers", "vendors"})
_PERSONS = frozenset({"contacts", "salespeoplePurchasers"})


def profile_of(bc_table: str, sales_table: str) -> Profile:
    """Companies and persons by their tables; anything else is told apart by its code."""
    if bc_table in _COMPANIES or sales_table == "accounts":
        return Profile.COMPANY
    if bc_table in _PERSONS or sales_table in ("contacts", "systemusers"):
        return Profile.PERSON
    return Profile.ARTICLE


@dataclass(frozen=True, slots=True)
class Signals:
    """A record as matching sees it. `name` are folded words without legal forms, `legal` the legal forms it had."""

    name: tuple[str, ...]
    legal: frozenset[str]
    number: str
    registrations: frozenset[str]
    emails: frozenset[str]
    domains: frozenset[str]
    phones: frozenset[str]
    postal: str
    city: str
    street: str
    house: str
    company: tuple[str, ...] = ()
    """Words of the company that a person belongs to."""

    @property
    def text(self) -> str:
        return " ".join(self.name)


def signals_of(values: Mapping[str, Any], *, number: str, name: str, company: str = "") -> Signals:
    """Signals of a mirror row; `values` by property or attribute name, `company` the name of a person's company."""
    found: dict[str, set[str]] = {"registrations": set(), "emails": set(), "domains": set(), "phones": set()}
    postal = city = street = ""
    for key, value in values.items():
        if not isinstance(value, str) or not value or key.startswith("_"):
            continue
        if _MAIL.search(key):
            _add_mail(value, found)
        elif _WEB.search(key):
            _add_domain(domain(value), found)
        elif _PHONE.search(key):
            number_digits = digits(value)
            if len(number_digits) >= _LEAST_DIGITS:
                found["phones"].add(number_digits[-PHONE_DIGITS:])
        elif _REGISTRATION.search(key):
            plain = registration(value)
            if plain:
                found["registrations"].add(plain)
        elif _POSTAL.search(key):
            postal = postal or joined(value)
        elif _STREET.search(key):
            street = street or value
        elif _CITY.search(key):
            city = city or " ".join(words(value))
    every = words(name)
    plain_name = tuple(word for word in every if word not in LEGAL_FORMS) or tuple(every)
    house = _HOUSE.search(street)
    return Signals(
        name=plain_name,
        legal=frozenset(every) & LEGAL_FORMS,
        number="" if "@" in number else joined(number),
        registrations=frozenset(found["registrations"]),
        emails=frozenset(found["emails"]),
        domains=frozenset(found["domains"]),
        phones=frozenset(found["phones"]),
        postal=postal,
        city=city,
        street=_street(street),
        house=house[0] if house else "",
        company=tuple(word for word in words(company) if word not in LEGAL_FORMS),
    )


def registration(text: str) -> str:
    """A VAT or registration number without punctuation and country letters; blank where it says nothing."""
    plain = re.sub(r"[^0-9A-Z]", "", fold(text).upper())
    plain = re.sub(r"^[A-Z]{2}", "", plain)
    return plain if len(plain) >= _LEAST_REGISTRATION and plain.strip("0") else ""


def _add_mail(value: str, found: dict[str, set[str]]) -> None:
    for address in re.split(r"[;,\s]+", fold(value)):
        if "@" in address:
            found["emails"].add(address)
            _add_domain(address.rpartition("@")[2], found)


def _add_domain(name: str, found: dict[str, set[str]]) -> None:
    if "." in name and name not in FREE_MAIL:
        found["domains"].add(name)


def _street(text: str) -> str:
    """Street words in one spelling: `"Hauptstr. 12"` and `"Hauptstraße 12"` → `"hauptstrasse"`."""
    plain = [word for word in words(text) if not word[0].isdigit()]
    spelt = [_STREET_WORDS.get(word, word) for word in plain]
    return " ".join(f"{word}asse" if word.endswith("str") and len(word) > 4 else word for word in spelt)
