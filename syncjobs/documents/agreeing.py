"""Bidirectional orders: what both sides hold when one was made from the other counts as agreed on.

From then on only changes travel. Values that go one way only stay open, so that what Business Central alone knows, its
number for one, reaches Sales with the next run.
"""

from collections.abc import Sequence

from connector.choices import SalesOrderIntegration, System
from coupling.models import Coupling
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.order_lines import agreed_amounts, keep_links, links_of
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.context import JobRun
from syncjobs.engine.load import load_slice
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.engine.pull import refresh_records


def is_both_ways(run: JobRun) -> bool:
    return bool(run.connection.sales_order_integration == SalesOrderIntegration.BIDIRECTIONAL)


def note_agreed(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Reads both sides of coupled orders and keeps their values as the ground of what comes. Raises RemoteError."""
    pairs = [PairRef(each.bc_key, each.sales_key) for each in documents if each.bc_key and each.coupling_id]
    if not pairs:
        return
    for system, keys in (
        (System.BUSINESS_CENTRAL, [pair.bc_key for pair in pairs if pair.bc_key]),
        (System.SALES, [pair.sales_key for pair in pairs if pair.sales_key]),
    ):
        refresh_records(
            reading=run.reading(system, run.mapping.table(system)), keys=keys, client=run.client(system),
            progress=run.progress,
        )  # fmt: skip
    blueprint = Blueprint.of(run.mapping)
    for pair in load_slice(blueprint, run.connection, pairs, RunOptions()).pairs:
        if pair.coupling is None or pair.bc is None or pair.sales is None:
            continue
        two_way = [spec for spec in blueprint.fields if spec.two_way]
        bc, sales = pair.bc.values, pair.sales.values
        Coupling.objects.filter(pk=pair.coupling.id).update(
            bc_base={spec.bc_name: bc[spec.bc_name] for spec in two_way if spec.bc_name in bc},
            sales_base={spec.sales_name: sales[spec.sales_name] for spec in two_way if spec.sales_name in sales},
            bc_token=pair.bc.token, sales_token=pair.sales.token,
        )  # fmt: skip
    for document in documents:
        if (links := links_of(document)) is not None:
            document.marks = {**keep_links(document, links), **agreed_amounts(document)}
            document.save(update_fields=["marks"])
