"""Questions asked of the mirror and of couplings in more than one place."""

from typing import Self

from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When

from connector.choices import System


class RemoteRecordQuerySet(models.QuerySet):
    """Mirror rows of either system."""

    def alive(self) -> Self:
        return self.filter(deleted_at__isnull=True)

    def of_table(self, connection_id: int, table: str) -> Self:
        return self.filter(connection_id=connection_id, table=table)


class CouplingQuerySet(models.QuerySet):
    """Couplings with the state people see."""

    def with_state(self) -> Self:
        """Annotates `state` with a `CouplingState` value; the order of the cases is the order of precedence."""
        from coupling.models import DirtyPair

        dirty = DirtyPair.objects.filter(mapping_id=OuterRef("mapping_id"), pair_key=OuterRef("bc_key"))
        return self.annotate(
            state=Case(
                When(Exists(dirty.filter(job_id__isnull=False)), then=Value("working")),
                When(~Q(missing=""), then=Value("broken")),
                When(skipped_at__isnull=False, then=Value("skipped")),
                When(conflict=True, then=Value("conflict")),
                When(~Q(error_code=""), then=Value("failing")),
                When(~Q(outside_filter=""), then=Value("outside_filter")),
                When(last_synchronised_at__isnull=True, then=Value("never_synchronised")),
                When(Exists(dirty), then=Value("changes_waiting")),
                default=Value("in_sync"),
                output_field=models.CharField(),
            )
        )

    def for_record(self, *, connection_id: int, system: System, table: str, key: object) -> Self:
        if system == System.BUSINESS_CENTRAL:
            return self.filter(connection_id=connection_id, bc_table=table, bc_key=key)
        return self.filter(connection_id=connection_id, sales_table=table, sales_key=key)

    def mark_retry(self) -> int:
        """Lifts failure and skip marks, so that the next run plans the pairs again. Returns how many."""
        return self.update(
            error_code="",
            error_message="",
            error_hint="",
            error_details={},
            error_target="",
            error_fingerprint="",
            failures=0,
            failed_at=None,
            skipped_at=None,
        )
