"""Couplings that come with another one: the unit group of an item that was made from a product, for example.

Part of settle's transaction, so that a pair never stands without them.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.choices import System
from coupling.choices import CouplingOrigin
from coupling.models import Coupling, SalesRecord, TableMapping
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.context import JobRun
from syncjobs.engine.couplings import NewCoupling
from syncjobs.engine.keys import key_array
from syncjobs.engine.rules import rule_for
from syncjobs.engine.views import RecordView


def couple_related(run: JobRun, created: Sequence[NewCoupling]) -> None:
    """Couples what belongs to pairs that were just made by a creation in Business Central; what is taken stays."""
    rule = rule_for(run.mapping.name)
    if not created or not rule.relates:
        return
    blueprint = Blueprint.of(run.mapping)
    rows = SalesRecord.objects.of_table(run.connection.pk, run.mapping.sales_table)
    values = dict(rows.filter(key__in=key_array(each.sales_key for each in created)).values_list("key", "values"))
    wanted = [
        pair
        for each in created
        for pair in rule.related(
            blueprint, each.bc_key, RecordView(each.sales_key, values=values.get(each.sales_key, {}))
        )
    ]
    names = {name for name, _, _ in wanted}
    mappings = {row.name: row for row in TableMapping.objects.filter(connection=run.connection, name__in=names)}
    Coupling.objects.bulk_create(
        [
            Coupling(
                connection=run.connection,
                mapping=mappings[name],
                bc_table=mappings[name].table(System.BUSINESS_CENTRAL),
                bc_key=bc_key,
                sales_table=mappings[name].table(System.SALES),
                sales_key=sales_key,
                origin=CouplingOrigin.CREATED,
                last_job_id=run.job.pk,
            )
            for name, bc_key, sales_key in wanted
            if name in mappings
        ],
        ignore_conflicts=True,
    )
