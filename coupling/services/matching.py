"""Match-based coupling as people start it: which fields may be criteria, which are ticked, and the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from connector.choices import Direction, System
from connector.services.audit import record_change
from coupling.defaults import DefaultField
from coupling.exceptions import CouplingError, MappingError
from coupling.models import FieldMapping, TableMapping
from coupling.services.couplings import require_usable
from coupling.services.review import check_direction
from coupling.synchronisation import MatchField, StartedJob, service

_SALESPEOPLE = "SALESPEOPLE"
MOST_SELECTED = 10_000


@dataclass(frozen=True, slots=True)
class Criterion:
    """A field of the criteria page, as it was ticked."""

    field_id: int
    case_sensitive: bool = False
    priority: int = 0


def offered_fields(mapping: TableMapping) -> list[FieldMapping]:
    """Fields that can be criteria: read from both sides, no constants, lookups or choices, whose values differ in kind
    between the systems. No query where the fields were read along with the mapping."""
    return [
        each
        for each in mapping.fields.all()
        if each.enabled and each.available and each.business_central_property and may_match(each)
    ]


def may_match(field: FieldMapping | DefaultField) -> bool:
    """Whether both sides hold the same kind of value, as far as the definition tells."""
    return bool(
        field.sales_attribute
        and not field.constant_value
        and not field.sales_lookup
        and not field.transformation.endswith(("lookup", "option-code"))
    )


def may_create(mapping: TableMapping, system: System = System.SALES) -> bool:
    """Whether partners of unmatched records can be created in `system`; no users for salespeople."""
    if system == System.SALES and mapping.name == _SALESPEOPLE:
        return False
    return Direction(mapping.direction).allows(system)


def match_fields(mapping: TableMapping, criteria: Sequence[Criterion]) -> list[MatchField]:
    """Raises CouplingError for no criterion, MappingError for a field that is not offered."""
    if not criteria:
        raise CouplingError(f"Tick at least one field to match on for {mapping.name}.", code="match.no_criteria")
    offered = {each.pk: each for each in offered_fields(mapping)}
    if unknown := [each.field_id for each in criteria if each.field_id not in offered]:
        raise MappingError(f"Field {unknown[0]} cannot be matched on.", fields={"fields": ["Choose an offered field."]})
    return [
        MatchField(
            offered[each.field_id].business_central_property,
            offered[each.field_id].sales_attribute,
            each.case_sensitive,
            each.priority,
        )
        for each in criteria
    ]


def start_match(
    *,
    mapping: TableMapping,
    criteria: Sequence[Criterion],
    bc_keys: Sequence[UUID] | None,
    create_unmatched: bool,
    synchronize: Direction | None,
    dry_run: bool,
    user: User,
) -> StartedJob:
    """Starts the run or its dry run. Raises CouplingError and MappingError."""
    require_usable(mapping)
    fields = match_fields(mapping, criteria)
    check_direction(mapping, synchronize)
    if create_unmatched and not may_create(mapping):
        raise MappingError(
            f"{mapping.name} never creates records in Sales.",
            fields={"create_unmatched": ["This mapping never creates records in Sales."]},
        )
    return service().match(
        mapping=mapping,
        fields=fields,
        bc_keys=bc_keys,
        create_unmatched=create_unmatched,
        synchronize=synchronize,
        user=user,
        dry_run=dry_run,
    )


def save_criteria(
    *, mapping: TableMapping, criteria: Sequence[Criterion], create_unmatched: bool, synchronize: bool, user: User
) -> None:
    """Keeps the ticks as the mapping's own, so that the next match starts with them. Audited."""
    chosen: Mapping[int, Criterion] = {each.field_id: each for each in criteria}
    with transaction.atomic():
        for field in mapping.fields.select_for_update():
            ticked = chosen.get(field.pk)
            field.used_for_matching = ticked is not None
            field.case_sensitive = ticked.case_sensitive if ticked else False
            field.match_priority = ticked.priority if ticked else 0
            field.save(update_fields=["used_for_matching", "case_sensitive", "match_priority"])
        mapping.create_new_in_case_of_no_match = create_unmatched
        mapping.synch_after_bulk_coupling = synchronize
        mapping.save(update_fields=["create_new_in_case_of_no_match", "synch_after_bulk_coupling"])
        record_change(
            connection=mapping.connection,
            user=user,
            action="mapping.criteria",
            target=mapping.name,
            after={"fields": sorted(chosen)},
        )
