"""Questions asked of the journal in more than one place."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.choices import OperationKind, OperationState
from syncjobs.models import Operation


@dataclass(frozen=True, slots=True)
class Cause:
    """Why records of one mapping could not be created: `message` and `hint` are those of the newest of them."""

    mapping: str
    code: str
    count: int
    message: str
    hint: str


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


def causes_of(operations: QuerySet[Operation]) -> list[Cause]:
    """Failed operations grouped by mapping and error code, most frequent first; two queries."""
    groups: list[Any] = list(
        operations.order_by()
        .values("mapping__name", "error_code")
        .annotate(n=Count("pk"), newest=Max("pk"))
        .order_by("-n", "mapping__name", "error_code")
    )
    newest = Operation.objects.only("error_message", "error_hint").in_bulk([group["newest"] for group in groups])
    return [
        Cause(
            group["mapping__name"],
            group["error_code"],
            group["n"],
            newest[group["newest"]].error_message,
            newest[group["newest"]].error_hint,
        )
        for group in groups
    ]
