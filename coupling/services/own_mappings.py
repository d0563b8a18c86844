"""Mappings of one's own: tables and fields that the delivered mappings do not cover.

A mapping of one's own starts switched off and without fields. Its first fields come enabled and switch it on, with a
schedule on hold, so that nothing runs before somebody has seen what it would do. Fields added to a mapping that has
some come disabled.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from connector.choices import Direction, System
from connector.clients import INTERACTIVE, sales_client
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from connector.services.audit import record_change
from coupling.exceptions import MappingError
from coupling.models import FieldMapping, TableMapping
from coupling.services.known import sales_columns as known_sales_columns
from coupling.services.mappings import describe_sales_side
from coupling.services.schema import (
    ColumnChoice,
    business_central_columns,
    business_central_tables,
    compatible,
    describe_unknown,
    look_again,
    mappable,
    sales_columns,
    sales_tables,
)
from coupling.synchronisation import service

NAME_LENGTH = 20
_LABEL_LENGTH = 100
_NAME = re.compile(r"[A-Z0-9][A-Z0-9 _-]*")
_LAST = 1000


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """A pair somebody chose. A blank `business_central_property` with a constant sets a value in Sales."""

    business_central_property: str
    sales_attribute: str
    direction: Direction
    constant_value: str = ""


def create_mapping(
    *,
    connection: Connection,
    name: str,
    business_central_table: str,
    sales_table: str,
    direction: Direction,
    synch_only_coupled_records: bool = True,
    user: User | None,
) -> TableMapping:
    """Makes a mapping of two tables, switched off. `business_central_table` is "service:entity set" or an entity set.

    Raises MappingError naming each refused setting, RemoteError where the systems' metadata cannot be read.
    """
    look_again(connection)
    name = " ".join(name.upper().split())
    errors = {key: [problem] for key, problem in {"name": _name_problem(connection, name)}.items() if problem}
    bc = next(
        (each for each in business_central_tables(connection) if business_central_table in (each.key, each.name)), None
    )
    if bc is None:
        errors["business_central_table"] = [
            f"“{business_central_table}” is mapped already, or is no table with an id and a time of change."
        ]
    sales = next((each for each in sales_tables(connection) if each.name == sales_table), None)
    if sales is None:
        errors["sales_table"] = [
            f"“{sales_table}” is mapped already, or is no table of this organisation that tracks its changes."
        ]
    if errors or bc is None or sales is None:
        raise MappingError("The mapping was not made.", fields=errors)
    info = sales_client(connection, patience=INTERACTIVE).table(sales.name)
    try:
        with transaction.atomic():
            mapping = TableMapping.objects.create(
                connection=connection,
                name=name,
                business_central_table=bc.name,
                business_central_label=bc.label,
                business_central_service=bc.service,
                sales_table=sales.name,
                sales_entity=info.entity,
                sales_label=sales.label[:_LABEL_LENGTH],
                sales_primary_key=info.primary_id,
                sales_primary_name=info.primary_name,
                direction=direction,
                synch_only_coupled_records=synch_only_coupled_records,
                order=_LAST,
                enabled=False,
                user_defined=True,
            )
            record_change(
                connection=connection,
                user=user,
                action="mapping.create",
                target=name,
                after={"business_central_table": bc.name, "sales_table": sales.name, "direction": str(direction)},
            )
    except IntegrityError as error:
        raise MappingError(
            "The mapping was not made.", fields={"name": [f"A mapping {name} exists already."]}
        ) from error
    return mapping


@transaction.atomic
def delete_mapping(*, mapping: TableMapping, user: User | None) -> None:
    """Deletes a mapping of one's own with its fields and couplings, in the hub only.

    Raises HubError for a delivered mapping and while a job of it runs.
    """
    if not mapping.user_defined:
        raise HubError(
            f"{mapping.name} is a delivered mapping: it can be switched off, not deleted.",
            kind=ErrorKind.CONFLICT,
            code="mapping.delivered",
        )
    service().check_idle(mapping=mapping)
    record_change(
        connection=mapping.connection,
        user=user,
        action="mapping.delete",
        target=mapping.name,
        before={"couplings": mapping.couplings.count(), "fields": mapping.fields.count()},
    )
    mapping.delete()


def free_columns(mapping: TableMapping) -> tuple[list[ColumnChoice], list[ColumnChoice]]:
    """Columns of both sides that a new field mapping can use. Raises RemoteError."""
    fields = mapping.fields.all()
    bc_taken = {field.business_central_property for field in fields}
    sales_taken = {field.sales_attribute for field in fields}
    bc = [column for column in mappable(business_central_columns(mapping)) if column.name not in bc_taken]
    sales = [column for column in mappable(sales_columns(mapping)) if column.name not in sales_taken]
    return bc, sales


@transaction.atomic
def add_fields(*, mapping: TableMapping, choices: Sequence[FieldChoice], user: User | None) -> list[FieldMapping]:
    """Adds field mappings, disabled; a pair chosen twice counts once.

    The first ones of a mapping of one's own come enabled and switch the mapping on; its schedule waits on hold.
    Raises MappingError whose `fields` are keyed by the position of the refused choice; RemoteError.
    """
    enabled = is_fresh(mapping)
    look_again(mapping.connection)
    bc_free, sales_free = free_columns(mapping)
    bc_columns = {column.name: column for column in bc_free}
    columns = {column.name: column for column in sales_free}
    errors: dict[str, list[str]] = {}
    fields = []
    metadata = known_sales_columns(mapping)
    for position, choice in enumerate(dict.fromkeys(choices)):
        bc, sales = bc_columns.get(choice.business_central_property), columns.pop(choice.sales_attribute, None)
        if problem := pair_problem(mapping, choice, bc, sales):
            errors[str(position)] = [problem]
            continue
        field = FieldMapping(
            mapping=mapping,
            business_central_property=choice.business_central_property,
            business_central_label=bc.label if bc else "",
            sales_attribute=choice.sales_attribute,
            direction=choice.direction,
            constant_value=choice.constant_value,
            enabled=enabled,
            user_defined=True,
            order=_LAST + position,
        )
        describe_sales_side(field, metadata)
        describe_unknown(field)
        fields.append(field)
    if errors:
        raise MappingError("The fields were not added.", fields=errors)
    FieldMapping.objects.bulk_create(fields)
    for field in fields:
        record_change(
            connection=mapping.connection,
            user=user,
            action="field.create",
            target=f"{mapping.name} {field}"[:200],
            after={"direction": str(field.direction), "enabled": enabled},
        )
    if fields and enabled:
        mapping.enabled = True
        mapping.save(update_fields=["enabled"])
        service().mapping_made(mapping=mapping)
    return fields


def is_fresh(mapping: TableMapping) -> bool:
    """Whether this is a mapping of one's own that has no fields yet."""
    return mapping.user_defined and not mapping.fields.exists()


def _name_problem(connection: Connection, name: str) -> str:
    if not name:
        return "A mapping needs a name."
    if len(name) > NAME_LENGTH:
        return f"A name has at most {NAME_LENGTH} characters."
    if not _NAME.fullmatch(name):
        return "A name consists of letters, digits, blanks, hyphens and underscores."
    if connection.mappings.filter(name=name).exists():
        return f"A mapping {name} exists already."
    return ""


def pair_problem(
    mapping: TableMapping, choice: FieldChoice, bc: ColumnChoice | None, sales: ColumnChoice | None
) -> str:
    """Why the two columns cannot be mapped as chosen; blank where they can. None: there is no such free column."""
    targets = choice.direction.targets
    if sales is None:
        return f"{mapping.sales_entity} has no free column “{choice.sales_attribute}”."
    if System.SALES in targets and not sales.writable:
        return f"{sales.label} is filled by Sales itself; nothing can be written to it."
    if choice.constant_value and not choice.business_central_property:
        return "" if targets == {System.SALES} else "A constant goes to Sales only."
    if bc is None:
        return f"{mapping.business_central_table} has no free property “{choice.business_central_property}”."
    if System.BUSINESS_CENTRAL in targets and not bc.writable:
        return f"{bc.label} is filled by Business Central itself; nothing can be written to it."
    if not compatible(bc.kind, sales.kind):
        return f"{bc.label} holds {bc.kind} and {sales.label} {sales.kind}: one cannot stand for the other."
    return ""
