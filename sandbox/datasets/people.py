"""Companies and people of the datasets, drawn from the word lists with a seeded random source."""

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from sandbox.datasets.words import BY_CODE, COUNTRIES, ENDINGS, JOBS, ROOTS, TRADES, Country

_Word = TypeVar("_Word")
_TRANSLITERATION = str.maketrans({"ø": "o", "Ø": "O", "æ": "ae", "ß": "ss", "ł": "l", "Ł": "L", "å": "a", "ä": "ae",
                                  "ö": "oe", "ü": "ue"})  # fmt: skip


class Address(NamedTuple):
    street: str
    city: str
    post_code: str
    state: str
    country: str


class Company(NamedTuple):
    """``name`` is distinct within a dataset; ``domain`` is made of it."""

    name: str
    legal: str
    address: Address
    phone: str
    domain: str
    currency: str

    @property
    def email(self) -> str:
        return f"info@{self.domain}"

    @property
    def website(self) -> str:
        return f"https://www.{self.domain}"


@dataclass(frozen=True, slots=True)
class Person:
    given: str
    family: str
    job: str
    phone: str
    mobile: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    def email(self, domain: str) -> str:
        return f"{ascii_name(self.given)}.{ascii_name(self.family)}@{domain}"


def ascii_name(text: str) -> str:
    """Lower-case letters and digits only, as in host names: "Kröger" -> "kroeger"."""
    plain = unicodedata.normalize("NFKD", text.translate(_TRANSLITERATION)).encode("ascii", "ignore").decode()
    return "".join(character for character in plain.lower() if character.isalnum())


_ASCII_ROOTS, _ASCII_ENDINGS, _ASCII_TRADES = (tuple(map(ascii_name, words)) for words in (ROOTS, ENDINGS, TRADES))


_RANDOM_BITS = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_4 = 0x4000 << 64 | 0x8000 << 48


def random_id(rng: random.Random) -> str:
    """A version 4 UUID; the standard library's class takes several times as long."""
    text = f"{rng.getrandbits(128) & _RANDOM_BITS | _VERSION_4:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Population:
    """An endless source of companies and people. Same seed, same sequence."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._random = rng.random
        self._step = 0
        self._start = rng.randrange(len(ROOTS) * len(ENDINGS) * len(TRADES))

    def company(self) -> Company:
        """The next company; names are distinct, after some 140,000 by a number in them."""
        total = len(ROOTS) * len(ENDINGS) * len(TRADES)
        # A stride that shares no factor with the total visits every combination once before any repeats.
        position = (self._start + self._step * 7919) % total
        lap = self._step // total
        self._step += 1
        root, rest = divmod(position, len(ENDINGS) * len(TRADES))
        ending, trade = divmod(rest, len(TRADES))
        country = self._pick(COUNTRIES)
        address = self.address(country)
        legal = self._pick(country.legal)
        base = f"{ROOTS[root]}{ENDINGS[ending]} {TRADES[trade]}"
        host = f"{_ASCII_ROOTS[root]}{_ASCII_ENDINGS[ending]}{_ASCII_TRADES[trade]}"
        if lap:
            base, host = f"{base} {lap + 1}", f"{host}{lap + 1}"
        domain = f"{host}.{country.tld}.example"
        return Company(f"{base} {legal}", legal, address, self.phone(country), domain, country.currency)

    def address(self, country: Country) -> Address:
        city, post_code, state = self._pick(country.cities)
        number, street = 1 + int(self._random() * 189), self._pick(country.streets)
        line = f"{number} {street}" if country.number_first else f"{street} {number}"
        return Address(line, city, post_code, state, country.code)

    def moved(self, company: Company) -> Company:
        """The same company at another address in its country."""
        country = BY_CODE[company.address.country]
        return company._replace(address=self.address(country))

    def person(self, country_code: str) -> Person:
        country = BY_CODE[country_code]
        given, family = self._pick(country.given), self._pick(country.family)
        return Person(given, family, self._pick(JOBS), self.phone(country), self.phone(country))

    def phone(self, country: Country) -> str:
        area, local = 20 + int(self._random() * 79), 100_000 + int(self._random() * 9_899_999)
        return country.dial.format(area=area, local=f"{local:07d}")

    def _pick(self, words: Sequence[_Word]) -> _Word:
        """`random.choice` spends most of its time on exactness that does not matter here."""
        return words[int(self._random() * len(words))]
