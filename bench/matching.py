"""How well and how fast suggestions find partners: `python -m bench.matching [records]`.

Makes customers and accounts with known truth: typos, other legal forms, moved addresses, merged companies, homonyms,
missing values, records without partner on either side. Prints precision and recall of what is proposed as clear, of the
best candidate of each record and of all candidates, beside matching by exact name, which is what others offer; and how
long it took with how much memory. Works on a database of its own, in a PostgreSQL that it starts and ends.
"""

import os
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

SYLLABLES = (
    "ka", "lo", "mi", "ran", "ter", "vo", "sel", "da", "bri", "nor", "fal", "ge", "ro", "tin", "mar", "ves", "ko",
    "lan", "dri", "sto", "pe", "hal", "bo", "wen", "gar", "tu", "ris", "mo", "ley", "zan",
)  # fmt: skip
TRADES = (
    "Foods", "Logistics", "Timber", "Robotics", "Textiles", "Optics", "Marine", "Energy", "Ceramics", "Bikes", "Tools",
    "Paper", "Glass", "Steel", "Media",
)  # fmt: skip
FORMS = ("GmbH", "AG", "Ltd.", "A/S", "S.L.", "AB", "Inc.", "B.V.", "ApS", "")
CITIES = (
    "München", "Hamburg", "København", "Łódź", "Málaga", "Zürich", "Lyon", "Gent", "Porto", "Graz", "Bergen",
    "Tampere", "Brno", "Tartu", "Leeds", "Bari",
)  # fmt: skip
STREETS = (
    "Hauptstr.", "Bahnhofstr.", "Lindenweg", "Marktplatz", "Nørregade", "Storgatan", "Kungsgatan", "Mühlenweg",
    "Parkstr.", "Ringstr.",
)  # fmt: skip
FREE = ("gmail.com", "gmx.de", "outlook.com")


@dataclass
class Company:
    name: str
    form: str
    city: str
    postal: str
    street: str
    phone: str
    domain: str
    vat: str


@dataclass
class Generated:
    """`truth`: customer key to account key; `kinds`: customer key to what was done to it."""

    customers: list[dict[str, Any]] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    truth: dict[UUID, UUID] = field(default_factory=dict)
    kinds: dict[UUID, str] = field(default_factory=dict)


class Generator:
    """Companies as two systems know them; the same seed gives the same set."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)
        self.serial = 0

    def company(self, name: str = "") -> Company:
        pick = self.random
        self.serial += 1
        stem = "".join(pick.choice(SYLLABLES) for _ in range(pick.choice((2, 3, 3, 4)))).capitalize()
        name = name or (f"{stem} {pick.choice(TRADES)}" if pick.random() < 0.7 else stem)
        domain = f"{fold(name)}{self.serial % 97 if pick.random() < 0.2 else ''}.example"
        if pick.random() < 0.12:
            domain = pick.choice(FREE)
        return Company(
            name,
            pick.choice(FORMS),
            pick.choice(CITIES),
            f"{pick.randrange(10000, 99999)}",
            f"{pick.choice(STREETS)} {pick.randrange(1, 180)}",
            f"{pick.randrange(10_000_000, 99_999_999)}",
            domain,
            f"DE{pick.randrange(10**8, 10**9)}",
        )

    def typo(self, text: str) -> str:
        at = self.random.randrange(1, max(2, len(text) - 1))
        kind = self.random.randrange(4)
        if kind == 0:
            return text[:at] + text[at + 1 :]
        if kind == 1:
            return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :] if at < len(text) else text
        letter = self.random.choice("abcdefghilmnoprstu")
        return text[:at] + letter + text[at + (kind == 2) :]

    def keep(self, value: str, share: float) -> str:
        return value if self.random.random() < share else ""

    def customer(self, company: Company) -> dict[str, Any]:
        local = self.random.choice(("info", "kontakt", "office", fold(company.name)[:8]))
        address = f"{local}{self.serial}@{company.domain}" if company.domain in FREE else f"{local}@{company.domain}"
        return {
            "displayName": f"{company.name} {company.form}".strip(),
            "city": company.city,
            "postalCode": self.keep(company.postal, 0.95),
            "addressLine1": self.keep(company.street, 0.95),
            "phoneNumber": self.keep(f"+49 {company.phone[:3]} {company.phone[3:]}", 0.85),
            "email": self.keep(address, 0.8),
            "taxRegistrationNumber": self.keep(company.vat, 0.5),
            "blocked": "_x0020_",
        }

    def account(self, company: Company, customer: dict[str, Any] | None) -> dict[str, Any]:
        same_mail = customer is not None and self.random.random() < 0.4
        email = customer["email"] if same_mail and customer else f"sales@{company.domain}"
        return {
            "name": f"{company.name} {company.form}".strip(),
            "address1_city": company.city,
            "address1_postalcode": self.keep(company.postal, 0.8),
            "address1_line1": self.keep(company.street.replace("str.", "straße"), 0.8),
            "telephone1": self.keep(f"0{company.phone[:3]}/{company.phone[3:]}", 0.7),
            "emailaddress1": "" if company.domain in FREE and not same_mail else self.keep(email, 0.7),
            "websiteurl": "" if company.domain in FREE else self.keep(f"https://www.{company.domain}", 0.5),
            "new_vatnumber": self.keep(company.vat.replace("DE", "DE "), 0.2),
            "statecode": 0,
            "customertypecode": 3,
            "_bcbi_companyid_value": None,
        }

    def generate(self, size: int) -> Generated:
        """`size` customers and about as many accounts."""
        made = Generated()
        while len(made.customers) < size:
            self._add(made, self.random.random())
        return made

    def _add(self, made: Generated, dice: float) -> None:
        company = self.company()
        if dice < 0.12:
            self._record(made, self.customer(company), None, "only in Business Central")
            return
        if dice < 0.24:
            made.accounts.append({"key": UUID(int=2**64 + len(made.accounts)), **self.account(company, None)})
            return
        customer = self.customer(company)
        if dice < 0.29:
            # Two companies of one name, with partners of their own.
            namesake = self.company(company.name)
            namesake.domain = f"{fold(namesake.name)}-{fold(namesake.city)}.example"
            self._record(made, customer, self.account(company, customer), "homonym")
            other = self.customer(namesake)
            self._record(made, other, self.account(namesake, other), "homonym")
            return
        if dice < 0.32:
            # Bought by another one: Sales has only the buyer, Business Central still both.
            bought = self.company()
            bought.domain = company.domain
            self._record(made, customer, self.account(company, customer), "buyer")
            self._record(made, self.customer(bought), None, "bought")
            return
        changed, kind = Company(**vars(company)), "same"
        if dice < 0.50:
            kind = "typo"
            changed.name = self.typo(changed.name)
        elif dice < 0.65:
            kind = "legal form"
            changed.form = self.random.choice(FORMS)
        elif dice < 0.75:
            kind = "moved"
            elsewhere = self.company()
            changed.city, changed.postal, changed.street = elsewhere.city, elsewhere.postal, elsewhere.street
        elif dice < 0.80:
            kind = "renamed"
            changed.name = self.company().name
        self._record(made, customer, self.account(changed, customer), kind)

    def _record(self, made: Generated, customer: dict[str, Any], account: dict[str, Any] | None, kind: str) -> None:
        key = UUID(int=1 + len(made.customers))
        made.customers.append({"key": key, **customer})
        made.kinds[key] = kind
        if account is not None:
            made.accounts.append({"key": UUID(int=2**64 + len(made.accounts)), **account})
            made.truth[key] = made.accounts[-1]["key"]


def fold(text: str) -> str:
    from coupling.services.words import joined

    return joined(text)


def fill(connection: Any, made: Generated) -> None:
    """The mirror of the set, numbers on the Business Central side only."""
    from coupling.models import BusinessCentralRecord, SalesRecord

    _fill(connection, BusinessCentralRecord, "customers", "displayName", made.customers, lambda n: f"C{n:06}")
    _fill(connection, SalesRecord, "accounts", "name", made.accounts, lambda n: "")


def _fill(connection: Any, model: Any, table: str, name: str, rows: list[dict[str, Any]], number: Any) -> None:
    from coupling.services.search import search_text

    batch = []
    for n, row in enumerate(rows):
        values = {key: value for key, value in row.items() if key != "key"}
        text = search_text(values, number=number(n), name=row[name])
        batch.append(
            model(
                connection=connection, table=table, key=row["key"], number=number(n), name=row[name], values=values,
                search_text=text,
            )
        )  # fmt: skip
        if len(batch) == 5000:
            model.objects.bulk_create(batch)
            batch = []
    model.objects.bulk_create(batch)


@dataclass(frozen=True)
class Quality:
    """Of what was proposed, how much is right; of what there is to find, how much was proposed."""

    proposed: int
    right: int
    findable: int

    @property
    def precision(self) -> float:
        return self.right / self.proposed if self.proposed else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.findable if self.findable else 1.0

    def __str__(self) -> str:
        return f"precision {self.precision:7.2%}   recall {self.recall:7.2%}   {self.proposed:,} proposed"


def quality(proposed: dict[UUID, UUID], truth: dict[UUID, UUID]) -> Quality:
    right = sum(1 for bc, sales in proposed.items() if truth.get(bc) == sales)
    return Quality(len(proposed), right, len(truth))


def exact_names(made: Generated) -> dict[UUID, UUID]:
    """What matching by equal names finds: one account of the name, claimed by one customer."""
    accounts, customers = defaultdict(list), Counter(c["displayName"].casefold() for c in made.customers)
    for account in made.accounts:
        accounts[account["name"].casefold()].append(account["key"])
    return {
        customer["key"]: accounts[name][0]
        for customer in made.customers
        if len(accounts[name := customer["displayName"].casefold()]) == 1 and customers[name] == 1
    }


def measure(mapping: Any) -> tuple[dict[UUID, UUID], dict[UUID, UUID], dict[UUID, set[UUID]]]:
    """Clear proposals, best candidates, all candidates."""
    from coupling.matching.models import MatchCandidate, MatchLine

    lines = MatchLine.objects.filter(mapping=mapping, job_id=None)
    proposed = list(lines.filter(best_key__isnull=False).values_list("bc_key", "best_key", "verdict"))
    best = {bc: sales for bc, sales, _ in proposed if sales is not None}
    clear = {bc: sales for bc, sales, verdict in proposed if sales is not None and verdict == "clear"}
    every: dict[UUID, set[UUID]] = defaultdict(set)
    for bc, sales in MatchCandidate.objects.filter(line__in=lines).values_list("line__bc_key", "sales_key"):
        every[bc].add(sales)
    return clear, best, every


def run(size: int) -> None:
    from django.db import connection as database

    from connector.models import Connection
    from coupling.matching.compute import compute_suggestions
    from coupling.models import BusinessCentralRecord
    from coupling.services.defaults import load_defaults

    connection = Connection.objects.create(company_row_id=UUID(int=5))
    load_defaults(connection=connection)
    mapping = connection.mappings.get(name="CUSTOMER")
    made = Generator().generate(size)
    fill(connection, made)
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE coupling_businesscentralrecord, coupling_salesrecord")
    print(f"{len(made.customers):,} customers, {len(made.accounts):,} accounts, {len(made.truth):,} of them partners")
    print(f"exact names           {quality(exact_names(made), made.truth)}")
    truth, kinds = made.truth, made.kinds
    del made
    before = _peak()
    start, used = time.perf_counter(), time.process_time()
    computed = compute_suggestions(mapping=mapping, full=True)
    taken, used = time.perf_counter() - start, time.process_time() - used
    clear, best, every = measure(mapping)
    print(f"proposed as clear     {quality(clear, truth)}")
    print(f"best candidate        {quality(best, truth)}")
    among = sum(1 for bc, sales in truth.items() if sales in every[bc])
    print(f"among the candidates  recall {among / len(truth):7.2%}")
    for kind in sorted(set(kinds.values())):
        keys = {key for key, other in kinds.items() if other == kind}
        part = quality(
            {bc: sales for bc, sales in clear.items() if bc in keys},
            {bc: sales for bc, sales in truth.items() if bc in keys},
        )
        print(f"  {kind:24} clear: {part}")
    memory = f"peak memory {_peak()} MB ({_peak() - before} MB of it while comparing)"
    print(f"{computed.pairs:,} pairs compared in {taken:.0f} s ({used:.0f} s of Python), {memory}")
    changed = BusinessCentralRecord.objects.filter(pk__in=BusinessCentralRecord.objects.values("pk")[:100])
    for record in changed:
        record.save()
    start = time.perf_counter()
    computed = compute_suggestions(mapping=mapping)
    print(f"after 100 changes: {computed.records} records compared again in {time.perf_counter() - start:.1f} s")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(size: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.db import connection as database

    from tests import servers

    servers.ensure_started()
    database.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        run(size)
    finally:
        database.creation.destroy_test_db("couplet", verbosity=0)
        servers.end()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
