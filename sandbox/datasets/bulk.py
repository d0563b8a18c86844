"""The `bulk` dataset: any number of uncoupled records with distinct names, nine in ten inside the mapping filters."""

import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sandbox.datasets.central_rows import CentralRows
from sandbox.datasets.items import bulk_items
from sandbox.datasets.parties import (
    account_values,
    company_contact_values,
    customer_values,
    person_row,
    sales_contact_row,
)
from sandbox.datasets.people import Population, random_id
from sandbox.datasets.sales_rows import SalesRows, owned_by
from sandbox.dataverse import wellknown
from sandbox.storage import Alike, Row

if TYPE_CHECKING:
    from sandbox.state import Sizes

_OUTSIDE_EVERY = 10
"""One in so many records lies outside of the mapping filters (blocked, inactive, of another type)."""
_TERMS = ("", "14 DAYS", "30 DAYS", "60 DAYS", "CM")
_METHODS = ("", "CIF", "DAP", "EXW", "FOB")
_CENTRAL_CURRENCIES = {"EUR", "USD", "GBP"}
_PARENTS = 5000
"""Contacts are spread over at most so many companies, which keeps memory flat."""


def generate(
    rng: random.Random, sales: SalesRows, central: CentralRows, sizes: "Sizes"
) -> Iterator[tuple[str, Iterable[Row] | Alike]]:
    population = Population(rng)
    parents: list[tuple[Row, str]] = []
    companies: list[Row] = []
    if sizes.customers:
        customers = _customers(rng, population, sizes.customers)
        blank_customer, blank_contact = central.template("Customer"), central.template("Contact")
        # Each customer's company contact is a row of another table, so both go in slices.
        for part in _slices(customers, 2000):
            yield central.storage("Customer"), Alike(blank_customer, [row for row, _, _ in part])
            yield central.storage("Contact"), Alike(blank_contact, [contact for _, contact, _ in part])
            if len(parents) < _PARENTS:
                parents += [(contact, domain) for _, contact, domain in part]
    if sizes.contacts and parents:
        yield central.storage("Contact"), _persons(rng, central, population, parents, sizes.contacts)
    if sizes.accounts:
        new_account = sales.template("account")
        for accounts in _slices(_accounts(rng, population, sizes.accounts), 2000):
            yield sales.storage("account"), Alike(new_account, accounts)
            if len(companies) < _PARENTS:
                companies += [{**new_account, **account} for account in accounts]
    if sizes.contacts and companies:
        yield sales.storage("contact"), _sales_contacts(rng, sales, population, companies, sizes.contacts)
    if sizes.items:
        yield from bulk_items(rng, central, sizes.items)


def _slices(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    part: list[Any] = []
    for row in rows:
        part.append(row)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def _customers(rng: random.Random, population: Population, count: int) -> Iterator[tuple[Row, Row, str]]:
    """(customer, its contact, domain), without what all customers or contacts have in common."""
    for index in range(1, count + 1):
        company = population.company()
        row = customer_values(random_id(rng), f"B{index:07d}", company, "")
        row["blocked"] = rng.choice(("Ship", "Invoice", "All")) if index % _OUTSIDE_EVERY == 0 else ""
        row["payment_terms_code"] = rng.choice(_TERMS)
        row["shipment_method_code"] = rng.choice(_METHODS)
        row["credit_limit_lcy"] = rng.randrange(0, 50) * 1000
        if company.currency not in _CENTRAL_CURRENCIES:
            row["currency_code"] = ""
        yield row, company_contact_values(random_id(rng), f"CT{index:08d}", row), company.domain


def _persons(
    rng: random.Random, rows: CentralRows, population: Population, parents: list[tuple[Row, str]], count: int
) -> Iterator[Row]:
    for index in range(1, count + 1):
        company, domain = parents[index % len(parents)]
        person = population.person(company["country_region_code"])
        row = person_row(rows, random_id(rng), f"CP{index:08d}", company, person, domain)
        _make_distinct(row, "surname", "name", index)
        row["search_name"] = row["name"].upper()
        if index % _OUTSIDE_EVERY == 0:
            row["company_no"] = ""
        yield row


def _make_distinct(row: Row, family: str, full: str, index: int) -> None:
    """People's names repeat; a second family name made of the index keeps them apart."""
    suffix = _letters(index)
    row[full] = f"{row[full]}-{suffix}"
    row[family] = f"{row[family]}-{suffix}"


def _letters(index: int) -> str:
    """1 -> "Ba", 2 -> "Be" … a pronounceable text that is distinct per index."""
    syllables = ("ba", "be", "da", "do", "fe", "ga", "ho", "ka", "le", "li", "mo", "na", "ne", "ri", "ro", "sa", "ta",
                 "ti", "ve", "wa")  # fmt: skip
    text = ""
    while index:
        index, rest = divmod(index, len(syllables))
        text = syllables[rest] + text
    return text.capitalize()


def _accounts(rng: random.Random, population: Population, count: int) -> Iterator[Row]:
    """Accounts without what all of them have in common."""
    owners = [owned_by(user_id) for user_id in wellknown.USER_IDS]
    for index in range(1, count + 1):
        company = population.company()
        row = account_values(random_id(rng), company)
        row["statecode"], row["statuscode"] = 0, 1
        if index % (2 * _OUTSIDE_EVERY) == 0:
            row["customertypecode"] = rng.choice((2, 4, 8, 10))
        elif index % _OUTSIDE_EVERY == 0:
            row["statecode"], row["statuscode"] = 1, 2
        row.update(owners[index % len(owners)])
        yield row


def _sales_contacts(
    rng: random.Random, rows: SalesRows, population: Population, companies: list[Row], count: int
) -> Iterator[Row]:
    for index in range(1, count + 1):
        account = companies[index % len(companies)]
        person = population.person(account["address1_country"])
        domain = str(account["websiteurl"]).removeprefix("https://www.")
        row = sales_contact_row(rows, random_id(rng), account, person, domain)
        _make_distinct(row, "lastname", "fullname", index)
        if index % _OUTSIDE_EVERY == 0:
            row.update(statecode=1, statuscode=2)
        yield row
