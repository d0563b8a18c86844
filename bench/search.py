"""How long search and record lists take over 100,000 accounts: `python -m bench.search [rows]`.

Works on a database of its own, in a PostgreSQL that it starts and ends.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any
from uuid import UUID

FIRST = "Alpen Baltic Contoso Delta Fabrikam Grand Harbour Iberia Jutland Kepler Litware Munson Northwind Orion"
SECOND = "Foods Logistics Timber Robotics Textiles Optics Marine Energy Ceramics Bikes Tools Paper Glass Steel"
CITIES = "München Hamburg København Łódź Málaga Zürich Lyon Gent Porto Graz Bergen Tampere Brno Tartu"
FORMS = ("GmbH", "Ltd.", "A/S", "S.L.", "AB", "Inc.")
QUERIES = (
    "co",
    "contoso",
    "foods alpen",
    "Alpen Foods 77",
    "Nothrwind Ceramics",
    "nothrwind",
    "fabricam",
    "Contsoo Paper",
    "A-055555",
    "+49 89 1000123",
    "1000123",
    "info@kepler-steel-9.example",
    "munchen orion 4242",
    "Contsoo Papr",
    "nothrwnd ceramcis",
    "Litwrae Robtics Hambrug",
    "city:mün contoso",
    "phone:089/1000123",
    "zzzz",
)
COUPLED_EACH = 2


def fill(connection: Any, rows: int) -> None:
    """Accounts with distinct names, every second one coupled."""
    from coupling.models import Coupling, SalesRecord
    from coupling.services.search import search_text

    random.seed(1)
    mapping = connection.mappings.get(name="CUSTOMER")
    records, couplings = [], []
    for n in range(rows):
        first, second = random.choice(FIRST.split()), random.choice(SECOND.split())
        name, number = f"{first} {second} {n} {random.choice(FORMS)}", f"A-{n:06}"
        values = {
            "name": name,
            "statecode": 0,
            "customertypecode": 3,
            "_bcbi_companyid_value": None,
            "address1_city": random.choice(CITIES.split()),
            "address1_line1": f"Hauptstraße {n % 300}",
            "telephone1": f"+49 (0)89 {1000000 + n}",
            "emailaddress1": f"info@{first}-{second}-{n}.example",
        }
        row = {"table": "accounts", "key": UUID(int=n + 1), "number": number, "name": name, "values": values}
        text = search_text(values, number=number, name=name)
        records.append(SalesRecord(connection=connection, search_text=text, **row))
        if n % COUPLED_EACH:
            keys = {"bc_table": "customers", "bc_key": UUID(int=n + 1), "sales_table": "accounts"}
            couplings.append(Coupling(connection=connection, mapping=mapping, sales_key=UUID(int=n + 1), **keys))
    SalesRecord.objects.bulk_create(records, batch_size=5000)
    Coupling.objects.bulk_create(couplings, batch_size=5000)


def measure(label: str, work: Callable[[], Any]) -> None:
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        outcome = work()
        taken.append((time.perf_counter() - start) * 1000)
    print(f"{median(taken):8.1f} ms  {label:42} {outcome}")


def run(rows: int) -> None:
    from django.db import connection as database

    from connector.choices import System
    from connector.models import Connection
    from coupling.models import SalesRecord
    from coupling.services.defaults import load_defaults
    from coupling.services.pairs import attach_couplings, only_coupled, only_in_states
    from coupling.services.search import search_records

    connection = Connection.objects.create()
    load_defaults(connection=connection)
    fill(connection, rows)
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE coupling_salesrecord, coupling_coupling")
    print(f"{rows} accounts, half of them coupled; median of 5")
    place: dict[str, Any] = {"connection": connection, "system": System.SALES, "table": "accounts"}

    def search(text: str) -> str:
        found = search_records(**place, text=text)
        return f"{len(found)} hits, best: {found[0].name if found else 'nothing'}"

    for text in QUERIES:
        measure(f"search {text!r}", partial(search, text))

    everything = SalesRecord.objects.of_table(connection.pk, "accounts").order_by("number", "name", "key")

    def page(queryset: Any) -> str:
        records = list(queryset[:50])
        attach_couplings(records, **place)
        return f"{len(records)} rows"

    measure("list, first page", lambda: page(everything))
    for coupled in (True, False):
        narrowed = only_coupled(everything, connection, System.SALES, "accounts", coupled=coupled)
        measure(f"list, coupled {coupled}", partial(page, narrowed))
    for state in ("never_synchronised", "failing"):
        measure(
            f"list, {state}", partial(page, only_in_states(everything, connection, System.SALES, "accounts", [state]))
        )


def main(rows: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.db import connection as database

    from tests import servers

    servers.ensure_started()
    database.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        run(rows)
    finally:
        database.creation.destroy_test_db("couplet", verbosity=0)
        servers.end()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
