"""Bidirectional orders: what a run of SALESORDER-ORDER does before the engine merges the headers of coupled orders.

Submitted orders without a partner are created in Business Central, released ones in Sales, where the run may create at
all; lines of coupled orders go to the side that did not change them; orders that are shipped, invoiced or gone change
their state in Sales. The engine finds the pairs agreed on, and carries what changed in their headers.
"""

from collections.abc import Sequence
from uuid import UUID

from connector.choices import Direction, System
from coupling.models import Coupling
from syncjobs.choices import JobMode
from syncjobs.documents.agreeing import is_both_ways, note_agreed
from syncjobs.documents.archiving import keep_archiving
from syncjobs.documents.exchange import compare_lines, into_business_central, tell_locked
from syncjobs.documents.exchange_sales import into_sales
from syncjobs.documents.feedback import follow
from syncjobs.documents.following import Seen
from syncjobs.documents.new_in_sales import create_in_sales
from syncjobs.documents.orders import create_sales_orders
from syncjobs.documents.records import ORDERS
from syncjobs.engine.context import JobRun
from syncjobs.models import SynchJob

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
_MODES = (JobMode.MODIFIED, JobMode.FULL, JobMode.SELECTED, JobMode.CREATE)


def carries_both_ways(run: JobRun) -> bool:
    """Whether the run is one of bidirectional orders that carries values."""
    return run.mapping.name == ORDERS.mapping and is_both_ways(run) and run.job.mode in _MODES


def exchange_orders(run: JobRun) -> None:
    """The documents' part of a run. Raises RemoteError."""
    keep_archiving(run)
    targets = Direction(run.job.direction).targets & Direction(run.mapping.direction).targets
    pairs = run.options.pairs
    named = run.options.only_pairs or bool(pairs)
    coupled = dict(Coupling.objects.filter(mapping=run.mapping).values_list("bc_key", "sales_key"))
    loose_sales = [pair.sales_key for pair in pairs if pair.sales_key and pair.sales_key not in coupled.values()]
    loose_bc = [pair.bc_key for pair in pairs if pair.bc_key and pair.bc_key not in coupled]
    if BC in targets and may_create(run, BC) and (loose_sales or not named):
        create_sales_orders(run, loose_sales)
    if SALES in targets and may_create(run, SALES) and (loose_bc or not named):
        create_in_sales(run, loose_bc)
    keys: list[UUID] = []
    if named:
        keys = [pair.sales_key or coupled[pair.bc_key] for pair in pairs if pair.sales_key or pair.bc_key in coupled]  # type: ignore[index]
    if keys or not named:
        follow(run, keys, tell=False, carry=lambda seen: carry_lines(run, seen, targets))
    # The engine counts its own pairs from here on.
    SynchJob.objects.filter(pk=run.job.pk).update(total=0, done=0)


def may_create(run: JobRun, system: System) -> bool:
    """Whether the run makes what is missing in `system`: asked for, or the mapping is not for coupled orders only."""
    if run.options.create_side is not None:
        return run.options.create_side == system
    return run.options.ignore_only_coupled or not run.mapping.synch_only_coupled_records


def carry_lines(run: JobRun, seen: Sequence[Seen], targets: frozenset[System]) -> None:
    """Lines of coupled orders, into Business Central while an order is open there, into Sales once it is released."""
    fresh = [each.document for each in seen if each.document.coupling and not each.document.coupling.bc_base]
    note_agreed(run, fresh)
    orders = compare_lines(run, seen)
    if BC in targets:
        into_business_central(run, [order for order in orders if order.open_in_bc])
        for order in orders:
            tell_locked(run, order)
    if SALES in targets:
        into_sales(run, [order for order in orders if not order.open_in_bc])
    for order in orders:
        order.document.save(update_fields=["marks", "attention"])
