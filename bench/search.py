"""How long search takes over 100,000 accounts: `python -m bench.search [rows]`, on a database of its own."""

import os
import random
import sys
import time
from statistics import median
from uuid import UUID

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.db import connection as database

from connector.choices import System
from connector.models import Connection
from coupling.models import SalesRecord
from coupling.services.search import search_records, search_text
from tests import servers

FIRST = ["Alpen", "Baltic", "Contoso", "Delta", "Fabrikam", "Grand", "Harbour", "Iberia", "Jutland", "Kepler", "Litware", "Munson", "Northwind", "Orion"]
SECOND = ["Foods", "Logistics", "Timber", "Robotics", "Textiles", "Optics", "Marine", "Energy", "Ceramics", "Bikes", "Tools", "Paper", "Glass", "Steel"]
CITIES = ["München", "Hamburg", "København", "Łódź", "Málaga", "Zürich", "Lyon", "Gent", "Porto", "Graz", "Bergen", "Tampere", "Brno", "Tartu"]
FORMS = ("GmbH", "Ltd.", "A/S", "S.L.", "AB", "Inc.")
QUERIES = (
    "co", "contoso", "foods alpen", "Alpen Foods 77", "Nothrwind Ceramics", "nothrwind", "fabricam", "Contsoo Paper", "robtics", "A-055555", "+49 89 1000123",
    "1000123", "info@kepler-steel-9.example", "kepler-steel-9.example", "munchen orion 4242", "zzzz",
)  # fmt: skip


def fill(connection: Connection, rows: int) -> None:
    random.seed(1)
    batch = []
    for n in range(rows):
        first, second = random.choice(FIRST), random.choice(SECOND)
        name = f"{first} {second} {n} {random.choice(FORMS)}"
        number = f"A-{n:06}"
        values = {
            "name": name,
            "address1_city": random.choice(CITIES),
            "address1_line1": f"Hauptstraße {n % 300}",
            "address1_postalcode": f"{10000 + n % 89999}",
            "telephone1": f"+49 (0)89 {1000000 + n}",
            "emailaddress1": f"info@{first}-{second}-{n}.example",
            "websiteurl": f"https://www.{first}-{second}-{n}.example",
        }
        batch.append(
            SalesRecord(
                connection=connection, table="accounts", key=UUID(int=n + 1), number=number, name=name, values=values,
                search_text=search_text(values, number=number, name=name),
            )
        )  # fmt: skip
    SalesRecord.objects.bulk_create(batch, batch_size=5000)


def main(rows: int) -> None:
    servers.ensure_started()
    database.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        connection = Connection.objects.create()
        fill(connection, rows)
        with database.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE coupling_salesrecord")
        print(f"{rows} accounts; milliseconds, median of 5")
        for text in QUERIES:
            taken = []
            for _ in range(5):
                start = time.perf_counter()
                found = search_records(connection=connection, system=System.SALES, table="accounts", text=text)
                taken.append((time.perf_counter() - start) * 1000)
            best = found[0].name if found else "nothing"
            print(f"{median(taken):8.1f}  {text!r:35} {len(found):3} hits, best: {best}")
    finally:
        database.creation.destroy_test_db("couplet", verbosity=0)
        servers.end()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
