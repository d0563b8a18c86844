"""The `demo` dataset: a believable trading company that has used both systems side by side without connecting them.

Some 300 customers and 280 accounts overlap: many are plainly the same company, some are spelled or addressed
differently, some exist on one side only, and a few cannot be synchronised as they are, each for another reason.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sandbox.datasets import trade
from sandbox.datasets.central_rows import CentralRows
from sandbox.datasets.company import DIMENSIONS, currency_rows
from sandbox.datasets.parties import (
    account_row,
    company_contact_row,
    customer_row,
    person_row,
    sales_contact_row,
    salesperson_row,
)
from sandbox.datasets.people import Company, Person, Population, random_id
from sandbox.datasets.sales_rows import SalesRows, in_currency, memberships, role_assignments, user_row
from sandbox.datasets.words import BY_CODE
from sandbox.dataverse import wellknown
from sandbox.dataverse.wellknown import fixed_id
from sandbox.storage import Row

CUSTOMERS = 300
SAME = 120
"""Customers with an account of the same name."""
SIMILAR = 60
"""Customers whose account is spelled, typed or addressed differently."""
ACCOUNTS = 280
PERSONS_IN_BOTH = 220
PERSONS_ONLY_CENTRAL = 150
PERSONS_ONLY_SALES = 130

LONG_NAME = "The Wandering Harbour Company for the Advancement of Seaworthy Furniture, Lamps and Everything Aboard"
LONG_STREET = (
    "Unit 7, Second Floor, The Old Rope Works, Behind the Fish Market and Opposite the Museum of Navigation, North Quay"
)

_MORE_PEOPLE = (
    ("Noor", "Verbeek"), ("Oskar", "Lindgren"), ("Paula", "Steiner"), ("Quentin", "Marchand"), ("Rosa", "Almeida"),
    ("Stefan", "Wirth"), ("Tilda", "Berg"),
)  # fmt: skip
_JOBS = (
    "Account Manager",
    "Sales Manager",
    "Field Sales",
    "Inside Sales",
    "Key Account Manager",
    "Sales Representative",
)
_TERMS = ("14 DAYS", "30 DAYS", "30 DAYS", "60 DAYS", "CM", "COD", "1M(8D)")
_METHODS = ("CIF", "DAP", "EXW", "FOB", "PICKUP", "")
_AGENTS = ("DHL", "UPS", "FEDEX", "OWN LOG.", "")
_MORE_CURRENCIES = ("DKK", "SEK", "CHF")
SALES_CURRENCIES = ("USD", "DKK")
_SWAPPED_FORMS = {
    "GmbH": "Gesellschaft mbH", "AG": "Aktiengesellschaft", "Ltd": "Limited", "Limited": "Ltd.", "Inc.": "Incorporated",
    "A/S": "AS", "ApS": "Aps", "AB": "Aktiebolag", "B.V.": "BV", "SARL": "S.A.R.L.", "Sp. z o.o.": "Spółka z o.o.",
    "LLC": "L.L.C.", "SAS": "S.A.S.", "N.V.": "NV", "PLC": "plc",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Salesperson:
    code: str
    user_id: str
    given: str
    family: str
    job: str
    phone: str

    @property
    def email(self) -> str:
        return f"{self.given}.{self.family}@{wellknown.USER_DOMAIN}".lower()


def generate(rng: random.Random, sales: SalesRows, central: CentralRows) -> Iterator[tuple[str, Iterable[Row]]]:
    population = Population(rng)
    for table, rows in currency_rows(central, _MORE_CURRENCIES):
        yield central.storage(table), rows

    people = salespeople(population)
    extra = people[len(wellknown.USERS) :]
    users = [user_row(sales, p.user_id, p.given, p.family, p.job, p.phone) for p in extra]
    yield sales.storage("systemuser"), users
    yield sales.storage("teammembership"), memberships(sales, [p.user_id for p in extra])
    yield sales.storage("systemuserroles"), role_assignments(sales, [p.user_id for p in extra])
    yield (
        central.storage("Salesperson/Purchaser"),
        [salesperson_row(central, p.code, f"{p.given} {p.family}", p.email, p.phone, p.job) for p in people],
    )

    parties = Parties(rng, population, sales, central, people)
    parties.build()
    yield central.storage("Customer"), parties.customers
    yield central.storage("Contact"), parties.central_contacts
    yield central.storage("Default Dimension"), default_dimensions(central, parties.customers)
    yield sales.storage("account"), parties.accounts
    yield sales.storage("contact"), parties.sales_contacts
    yield from trade.generate(rng, central)


def salespeople(population: Population) -> list[Salesperson]:
    names = [*wellknown.USERS, *_MORE_PEOPLE]
    ids = [*wellknown.USER_IDS, *(fixed_id("user", given, family) for given, family in _MORE_PEOPLE)]
    result = []
    for index, ((given, family), user_id) in enumerate(zip(names, ids, strict=True)):
        code = f"{given[0]}{family[:1]}".upper() + ("" if index < len(wellknown.USERS) else str(index))
        phone = population.phone(BY_CODE["DE"])
        result.append(Salesperson(code, user_id, given, family, _JOBS[index % len(_JOBS)], phone))
    return result


def default_dimensions(central: CentralRows, customers: list[Row]) -> list[Row]:
    """Every fifth customer belongs to a region, which its documents take over."""
    regions = next([code for code, _ in values] for code, _, values in DIMENSIONS if code == "REGION")
    return [
        central.row(
            "Default Dimension",
            {
                "parent_type": "Customer",
                "parent_id": customer["system_id"],
                "dimension_code": "REGION",
                "dimension_value_code": regions[index % len(regions)],
            },
        )
        for index, customer in enumerate(customers[::5])
    ]


class Parties:
    """Builds both systems' customers, accounts and contacts together, since they overlap."""

    def __init__(
        self,
        rng: random.Random,
        population: Population,
        sales: SalesRows,
        central: CentralRows,
        people: list[Salesperson],
    ) -> None:
        self.rng = rng
        self.population = population
        self.sales = sales
        self.central = central
        self.people = people
        self.customers: list[Row] = []
        self.accounts: list[Row] = []
        self.central_contacts: list[Row] = []
        self.sales_contacts: list[Row] = []
        self._pairs: list[tuple[Row, Row, Company]] = []
        self._companies: list[tuple[Row, Company]] = []
        self._account_companies: list[tuple[Row, Company]] = []

    def build(self) -> None:
        for index in range(CUSTOMERS):
            company = self.population.company()
            seller = self.rng.choice(self.people)
            contact = self._customer(index, company, seller)
            if index < SAME + SIMILAR:
                variant = company if index < SAME else self._varied(company, index)
                account = self._account(variant, seller, customer=self.customers[-1], index=index)
                self._pairs.append((contact, account, company))
        while len(self.accounts) < ACCOUNTS - 6:
            self._account(self.population.company(), self.rng.choice(self.people))
        self._misfits()
        self._persons()

    # -- Customers and accounts

    def _customer(self, index: int, company: Company, seller: Salesperson) -> Row:
        values = {
            "payment_terms_code": self.rng.choice(_TERMS),
            "shipment_method_code": self.rng.choice(_METHODS),
            "shipping_agent_code": self.rng.choice(_AGENTS),
            "payment_method_code": self.rng.choice(("BANK", "CARD", "DEBIT", "")),
            "credit_limit_lcy": self.rng.choice((0, 0, 2500, 5000, 10000, 25000, 50000)),
            "customer_price_group": self.rng.choice(("", "", *trade.PRICE_GROUPS)),
            "vat_registration_no": f"{company.address.country}{self.rng.randrange(10**8, 10**9)}",
        }
        if index >= CUSTOMERS - 12:
            values["blocked"] = self.rng.choice(("Ship", "Invoice", "All"))
        row = customer_row(self.central, random_id(self.rng), f"C{(index + 1) * 10:05d}", company, seller.code, values)
        contact = company_contact_row(self.central, random_id(self.rng), f"CT{(index + 1) * 10:06d}", row)
        self.customers.append(row)
        self.central_contacts.append(contact)
        self._companies.append((contact, company))
        return contact

    def _account(self, company: Company, seller: Salesperson, customer: Row | None = None, index: int = 0) -> Row:
        code = company.currency if company.currency in SALES_CURRENCIES else "EUR"
        values: Row = in_currency(code)
        if customer is not None and index % 4 == 0:
            values["accountnumber"] = customer["no"]
        row = account_row(self.sales, random_id(self.rng), company, seller.user_id, values)
        self.accounts.append(row)
        self._account_companies.append((row, company))
        return row

    def _varied(self, company: Company, index: int) -> Company:
        """The same company as another person would have typed it."""
        match index % 5:
            case 0:
                return company._replace(name=self._typo(company.name))
            case 1:
                base = company.name.removesuffix(company.legal).strip()
                return company._replace(name=f"{base} {_SWAPPED_FORMS.get(company.legal, '')}".strip())
            case 2:
                return self.population.moved(company)
            case 3:
                moved = self.population.moved(company)
                return moved._replace(name=company.name.upper())
        return company._replace(name=company.name.replace(" ", "  ", 1).replace("&", "and"))

    def _typo(self, name: str) -> str:
        position = self.rng.randrange(1, max(2, len(name.split()[0]) - 1))
        kind = self.rng.randrange(3)
        if kind == 0:
            return name[:position] + name[position + 1 :]
        if kind == 1:
            return name[:position] + name[position] + name[position:]
        return name[:position] + name[position + 1] + name[position] + name[position + 2 :]

    def _misfits(self) -> None:
        """Accounts and customers that cannot be synchronised as they are, or that match twice."""
        changes: tuple[Row, ...] = (
            {"name": LONG_NAME},
            {"address1_country": "Germany"},
            {"telephone1": "+49 40 555 0199 ext. reception"},
            {"address1_city": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"},
            {"emailaddress1": "no mail, please phone"},
            {"address1_line1": LONG_STREET},
        )  # fmt: skip
        for values in changes:
            self._account(self.population.company(), self.rng.choice(self.people)).update(values)
        # Two accounts of one name for one customer: a person has to choose.
        for first, second in ((3, -20), (9, -21)):
            self.accounts[second].update(name=self.accounts[first]["name"])
        for position in range(-40, -32):
            self.accounts[position].update(statecode=1, statuscode=2)
        for position in range(-32, -26):
            self.accounts[position].update(customertypecode=self.rng.choice((2, 4, 10, 11)))
        # Customers that share a name: branches of one company.
        self.customers[200].update(name=self.customers[199]["name"], search_name=self.customers[199]["search_name"])
        self.customers[210].update(country_region_code="", post_code="", city="")

    # -- People

    def _persons(self) -> None:
        number = 500_000
        made: dict[str, int] = {}

        def fresh(country: str) -> Person:
            person = self.population.person(country)
            made[person.name] = made.get(person.name, 0) + 1
            if made[person.name] > 1:
                again = self.population.person(country)
                person = replace(person, family=f"{person.family}-{again.family}")
            return person

        for index in range(PERSONS_IN_BOTH):
            contact, account, company = self._pairs[index % len(self._pairs)]
            person = fresh(company.address.country)
            number += 10
            self._central_person(number, contact, person, company)
            if index % 9 == 8:
                person = replace(person, job="Consultant", phone=person.mobile)
            self._sales_person(account, person, company)
        for _ in range(PERSONS_ONLY_CENTRAL):
            contact, company = self.rng.choice(self._companies)
            number += 10
            self._central_person(number, contact, fresh(company.address.country), company)
        for _ in range(PERSONS_ONLY_SALES):
            account, company = self.rng.choice(self._account_companies)
            self._sales_person(account, fresh(company.address.country), company)

    def _central_person(self, number: int, contact: Row, person: Person, company: Company) -> None:
        row = person_row(self.central, random_id(self.rng), f"CT{number:06d}", contact, person, company.domain)
        self.central_contacts.append(row)
        customer = next((c for c in self.customers if c["no"] == contact["customer_no"]), None)
        if customer is not None and not customer["primary_contact_no"]:
            customer.update(primary_contact_no=row["no"], contact=row["name"])

    def _sales_person(self, account: Row, person: Person, company: Company) -> None:
        row = sales_contact_row(self.sales, random_id(self.rng), account, person, company.domain)
        self.sales_contacts.append(row)
        if account.get("primarycontactid") is None:
            account["primarycontactid"] = row["contactid"]
