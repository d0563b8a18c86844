"""The sentences of decisions: why a pair as a whole cannot be synchronised, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from connector.choices import System
from connector.errors import ErrorKind
from syncjobs.engine.merge import FieldMerge
from syncjobs.engine.results import Problem
from syncjobs.engine.views import RecordView


def partner_deleted(survivor: RecordView, gone: System, key: UUID) -> Problem:
    """One side of a coupling no longer exists, and no policy says what to do."""
    return Problem(
        kind=ErrorKind.DATA,
        code="engine.partner_deleted",
        message=f"{survivor.title or survivor.key} is coupled with a record that was deleted in {gone.label}.",
        hint="Restore the record, delete its partner, or remove the coupling.",
        value=str(key),
    )


def survivor_changed(survivor: RecordView, gone: System, key: UUID) -> Problem:
    """A deletion is not carried across to a record that was changed since both sides agreed."""
    return Problem(
        kind=ErrorKind.DATA,
        code="engine.survivor_changed",
        message=f"{survivor.title or survivor.key} was changed, and its partner was deleted in {gone.label}.",
        hint="Decide by hand: restore the deleted record, delete this one too, or remove the coupling.",
        value=str(key),
    )


def deletions_held(survivor: RecordView, gone: System, number: int) -> Problem:
    """So many deletions at once are not carried out without a question."""
    return Problem(
        kind=ErrorKind.CONFLICT,
        code="engine.deletions_held",
        message=f"{survivor.title or survivor.key} would be deleted with {number - 1:,} other records, because their "
        f"partners are gone from {gone.label}. Nothing was deleted.",
        hint="If they really are to go, confirm the deletions on the job's page; otherwise restore the records.",
        value=str(survivor.key),
    )


def outside_filter(source: RecordView, system: System) -> Problem:
    """Somebody wants a partner for a record that the mapping does not carry."""
    return Problem(
        kind=ErrorKind.DATA,
        code="engine.outside_filter",
        message=f"{source.title or source.key} is outside the mapping's filter for {system.label}.",
        hint="Change the record or the filter, then create the partner again.",
        value=str(source.key),
    )


def clash(clashes: Sequence[FieldMerge]) -> Problem:
    """Both sides changed the same fields; the details hold both values of each."""
    labels = ", ".join(merge.spec.label for merge in clashes)
    return Problem(
        kind=ErrorKind.CONFLICT,
        code="engine.conflict",
        message=f"Both sides changed {labels}.",
        hint="Choose which side's value to keep.",
        value=labels,
        details={
            "fields": [
                {
                    "field": merge.spec.name,
                    "label": merge.spec.label,
                    "business_central": merge.bc_now,
                    "sales": merge.sales_now,
                    "business_central_property": merge.spec.bc_name,
                    "sales_attribute": merge.spec.sales_attribute,
                }
                for merge in clashes
            ]
        },
    )
