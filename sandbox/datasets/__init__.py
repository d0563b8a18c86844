"""Datasets: what a reset fills both systems with. Same name, seed and sizes give the same data, keys included."""

import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sandbox.business_central.schema import load_schema
from sandbox.business_central.tables import COMPANIES
from sandbox.datasets import bulk, demo
from sandbox.datasets.central_rows import CentralRows
from sandbox.datasets.company import company, company_row
from sandbox.datasets.documents import DocumentMaker
from sandbox.datasets.sales_documents import SalesDocumentMaker
from sandbox.datasets.sales_rows import SalesRows
from sandbox.dataverse.organisation import create_organisation
from sandbox.storage import Alike, Row, Transaction

if TYPE_CHECKING:
    from sandbox.state import Sandbox, Sizes

_LOADING_CACHE_KIB = 128_000
"""Keys are random, so a load touches pages all over the tables; too small a cache writes each of them many times."""

NAMES = ("empty", "demo", "bulk")


def load(sandbox: "Sandbox", name: str, seed: int, sizes: "Sizes") -> None:
    """Writes the dataset into empty tables, inside the caller's transaction."""
    with sandbox.store.write() as tx:
        cache = tx.execute("PRAGMA cache_size").fetchone()[0]
        tx.execute(f"PRAGMA cache_size = -{_LOADING_CACHE_KIB}")
        create_organisation(sandbox, tx, demo.SALES_CURRENCIES if name == "demo" else ())
        indexes = _drop_indexes(tx)
        for table, rows in generate(name, seed, sizes):
            if isinstance(rows, Alike):
                tx.insert_alike(table, rows)
            else:
                tx.insert_many(table, rows)
        for statement in indexes:
            tx.execute(statement)
        tx.execute(f"PRAGMA cache_size = {cache}")
        tx.execute("PRAGMA shrink_memory")
        _continue_number_series(tx)
        if name == "demo":
            DocumentMaker(sandbox, tx, random.Random(f"documents/{seed}")).make_all()  # noqa: S311
            SalesDocumentMaker(sandbox, tx, random.Random(f"sales/{seed}")).make_all()  # noqa: S311


def _drop_indexes(tx: Transaction) -> list[str]:
    """Building an index once over all rows is several times faster than keeping it up to date; returns how."""
    found = tx.execute(
        "SELECT name, sql FROM sqlite_master"
        " WHERE type = 'index' AND sql LIKE 'CREATE INDEX%' AND substr(tbl_name, 1, 1) <> '_'"
    ).fetchall()
    for name, _ in found:
        tx.execute(f'DROP INDEX "{name}"')
    return [sql for _, sql in found]


def _continue_number_series(tx: Transaction) -> None:
    """Series go on after the highest number that the dataset used."""
    schema = load_schema()
    for table in schema.tables.values():
        if table.number_series is not None:
            tx.execute(
                "UPDATE bc_no_series SET last_no_used ="  # noqa: S608 - names of our own tables
                f" coalesce((SELECT max({table.key_columns[0]}) FROM {table.sql_name}), '') WHERE code = ?",
                (table.number_series,),
            )


def generate(name: str, seed: int, sizes: "Sizes") -> Iterator[tuple[str, Iterable[Row] | Alike]]:
    """(storage table, rows) of everything but the bare organisation; what a row refers to comes first."""
    rng = random.Random(f"{name}/{seed}")  # noqa: S311 - repeatable data, no secrets
    sales, central = SalesRows(), CentralRows()
    yield COMPANIES.name, [company_row()]
    for table, rows in company(central):
        yield central.storage(table), rows
    if name == "demo":
        yield from demo.generate(rng, sales, central)
    elif name == "bulk":
        yield from bulk.generate(rng, sales, central, sizes)
