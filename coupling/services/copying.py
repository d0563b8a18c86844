"""A mapping of one's own after the pattern of another: the same settings, for two other tables.

One pair of tables is mapped once, so the copy is for tables that no mapping uses yet. It takes the settings, and of
filters, fields and templates what the new tables have under the same names; the rest is named, not guessed. It starts
switched off with its schedule on hold. Rules that belong to a delivered mapping by its name are not copied.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction

from connector.choices import Direction, System
from connector.models import Connection
from coupling.choices import MappingKind
from coupling.exceptions import MappingError
from coupling.models import FieldMapping, RecordTemplate, TableMapping
from coupling.services.known import known_names
from coupling.services.mappings import filter_problem, save_template, update_field
from coupling.services.own_mappings import FieldChoice, add_fields, create_mapping, free_columns, pair_problem
from coupling.services.schema import ColumnChoice, essence

_SETTINGS = (
    "create_new_in_case_of_no_match",
    "synch_after_bulk_coupling",
    "update_conflict_resolution",
    "deletion_conflict_resolution",
    "merge_fields",
)
_FIELD_SETTINGS = (
    "not_null",
    "clear_value_on_failed_sync",
    "used_for_matching",
    "case_sensitive",
    "match_priority",
    "update_conflict_resolution",
)
_FILTERS = (("business_central_filter", System.BUSINESS_CENTRAL), ("sales_filter", System.SALES))


@dataclass(frozen=True, slots=True)
class Copied:
    """The new mapping, and in words what the new tables have nothing for."""

    mapping: TableMapping
    left_out: list[str] = field(default_factory=list)


@transaction.atomic
def copy_mapping(
    *,
    connection: Connection,
    source: TableMapping,
    name: str,
    business_central_table: str,
    sales_table: str,
    direction: Direction,
    synch_only_coupled_records: bool,
    user: User | None,
) -> Copied:
    """Raises MappingError naming each refused setting, RemoteError where the systems' metadata cannot be read."""
    if source.kind != MappingKind.RECORD:
        raise MappingError("The mapping was not made.", fields={"name": ["Only mappings of rows can be copied."]})
    mapping = create_mapping(
        connection=connection,
        name=name,
        business_central_table=business_central_table,
        sales_table=sales_table,
        direction=direction,
        synch_only_coupled_records=synch_only_coupled_records,
        user=user,
    )
    for setting in _SETTINGS:
        setattr(mapping, setting, getattr(source, setting))
    copied = Copied(mapping)
    _copy_filters(source, copied)
    mapping.save()
    _copy_fields(source, copied, user)
    _copy_templates(source, copied, user)
    # The first fields of a mapping switch it on; this one is looked at first.
    mapping.enabled = False
    mapping.save(update_fields=["enabled"])
    return copied


def _copy_filters(source: TableMapping, copied: Copied) -> None:
    for setting, system in _FILTERS:
        text = getattr(source, setting)
        if problem := filter_problem(copied.mapping, system, text) if text else "":
            copied.left_out.append(f"the filter in {system.label} ({problem.rstrip('.')})")
        else:
            setattr(copied.mapping, setting, text)


def _copy_fields(source: TableMapping, copied: Copied, user: User | None) -> None:
    pairs = list(_pairs(source, copied))
    added = add_fields(mapping=copied.mapping, choices=[choice for _, choice in pairs], user=user) if pairs else []
    made = {(each.business_central_property, each.sales_attribute): each for each in added}
    for row, choice in pairs:
        changes = {setting: getattr(row, setting) for setting in _FIELD_SETTINGS}
        if row.transformation and row.has_own_rule_or_none:
            changes["transformation"] = row.transformation
        new = made[choice.business_central_property, choice.sales_attribute]
        wanted = {"enabled": row.enabled, **changes}
        if different := {setting: value for setting, value in wanted.items() if getattr(new, setting) != value}:
            update_field(field=new, changes=different, user=user)


def _pairs(source: TableMapping, copied: Copied) -> Iterator[tuple[FieldMapping, FieldChoice]]:
    """The field mappings of the pattern that have both sides in the new tables."""
    bc_columns, sales_columns = free_columns(copied.mapping)
    taken: set[str] = set()
    for row in source.fields.all():
        bc = _named(bc_columns, row.business_central_property)
        sales = _named([column for column in sales_columns if column.name not in taken], row.sales_attribute)
        choice = FieldChoice(
            bc.name if bc else "",
            sales.name if sales else "",
            Direction(row.direction),
            row.constant_value if not row.business_central_property else "",
        )
        if pair_problem(copied.mapping, choice, bc, sales):
            copied.left_out.append(str(row))
            continue
        taken.add(choice.sales_attribute)
        yield row, choice


def _named(columns: list[ColumnChoice], name: str) -> ColumnChoice | None:
    """The column of this name, else the only one that is called so but for its publisher's prefix."""
    exact = next((column for column in columns if column.name == name), None)
    if exact is not None or not name:
        return exact
    alike = [column for column in columns if essence(column.name) == essence(name)]
    return alike[0] if len(alike) == 1 else None


def _copy_templates(source: TableMapping, copied: Copied, user: User | None) -> None:
    for template in source.templates.all():
        system = System(template.system)
        known = known_names(copied.mapping, system)
        fits = known is None or template.values.keys() <= known
        if not fits or (template.filter and filter_problem(copied.mapping, system.other, template.filter)):
            copied.left_out.append(f"template {template.priority} in {system.label}")
            continue
        new = RecordTemplate(mapping=copied.mapping, system=system, priority=template.priority)
        new.filter, new.values = template.filter, template.values
        save_template(template=new, user=user)
