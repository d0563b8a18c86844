"""Questions asked of the journal in more than one place."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.choices import OperationKind, OperationState
from syncjobs.models import Operation

MOST_CAUSES = 20


@dataclass(frozen=True, slots=True)
class Cause:
    """Why records of one mapping fail: `message` and `hint` are those of the newest of them.

    `needs` is the number of the record that has to be coupled first, under `needs_mapping`; blank where none is named.
    """

    mapping: str
    code: str
    count: int
    message: str
    hint: str
    needs: str = ""
    needs_mapping: str = ""


def failed_creations(connection: Connection) -> QuerySet[Operation]:
    """The newest failed creation of every record that still exists and still has no partner."""
    failed = Operation.objects.filter(
        state=OperationState.FAILED, preview=False, coupling__isnull=True, kind=OperationKind.CREATE
    )
    newer = failed.filter(mapping=OuterRef("mapping"), pk__gt=OuterRef("pk"))
    conditions: Any = Q()
    for system, mirror in ((System.BUSINESS_CENTRAL, BusinessCentralRecord), (System.SALES, SalesRecord)):
        side = "bc" if system == System.BUSINESS_CENTRAL else "sales"
        table = "business_central_table" if system == System.BUSINESS_CENTRAL else "sales_table"
        place = {"connection": connection.pk, f"{side}_table": OuterRef(f"mapping__{table}")}
        conditions |= (
            Q(system=system.other)
            & Q(**{f"{side}_key__isnull": False})
            & ~Exists(newer.filter(**{f"{side}_key": OuterRef(f"{side}_key")}))
            & ~Exists(Coupling.objects.filter(**place, **{f"{side}_key": OuterRef(f"{side}_key")}))
            & Exists(
                mirror.objects.filter(
                    connection=connection.pk,
                    table=OuterRef(f"mapping__{table}"),
                    key=OuterRef(f"{side}_key"),
                    deleted_at__isnull=True,
                )
            )
        )
    return failed.filter(conditions, connection=connection)


def failed_creations_of(connection: Connection, system: System, table: str) -> QuerySet[Operation]:
    """Those of the records of one table of `system`."""
    side = "business_central_table" if system == System.BUSINESS_CENTRAL else "sales_table"
    return failed_creations(connection).filter(**{"system": system.other, f"mapping__{side}": table})


def count_by_mapping(operations: QuerySet[Operation]) -> dict[int, int]:
    """Primary key of the mapping → number of operations."""
    rows = operations.order_by().values("mapping").annotate(n=Count("pk")).values_list("mapping", "n")
    return dict(rows)


def causes_of(rows: QuerySet[Any]) -> list[Cause]:
    """Failed operations, or couplings, grouped by mapping, error code and missing partner, most frequent first.

    Two queries. A cause that names the record to be coupled first says which (`needs`).
    """
    groups: list[Any] = list(
        rows.order_by()
        .exclude(error_code="")
        .annotate(needed=KT("error_details__number"), needed_of=KT("error_details__mapping"))
        .values("mapping__name", "error_code", "needed", "needed_of")
        .annotate(n=Count("pk"), newest=Max("pk"))
        .order_by("-n", "mapping__name", "error_code", "needed")
    )[:MOST_CAUSES]
    newest = rows.model._default_manager.only("error_message", "error_hint").in_bulk(
        [group["newest"] for group in groups]
    )
    return [
        Cause(
            group["mapping__name"],
            group["error_code"],
            group["n"],
            newest[group["newest"]].error_message,
            newest[group["newest"]].error_hint,
            needs=group["needed"] or "",
            needs_mapping=group["needed_of"] or "",
        )
        for group in groups
    ]


def of_cause(rows: QuerySet[Any], *, mapping: str, code: str, needs: str) -> QuerySet[Any]:
    """The rows of one cause."""
    rows = rows.filter(mapping__name=mapping, error_code=code)
    return rows.filter(error_details__number=needs) if needs else rows
