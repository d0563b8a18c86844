"""What happens to mappings, mirror and couplings when a connection is enabled, changed or reset."""

from collections.abc import Iterator

from django.contrib.auth.models import User

from connector.choices import Direction, System
from connector.models import Connection
from connector.provisioning import NeededTable, Subscriber, subscribe
from connector.services.another_company import CoupledError
from coupling.choices import MappingKind
from coupling.models import (
    BusinessCentralRecord,
    Coupling,
    DirtyPair,
    FieldMapping,
    RecordTemplate,
    SalesRecord,
    TableCursor,
)
from coupling.services.defaults import load_defaults

_SWITCHES = frozenset(
    {
        "ownership_model",
        "unit_group_mapping",
        "extended_pricing",
        "sales_order_integration",
        "synchronize_item_availability",
    }
)

_PLACES = frozenset({"company_id", "sales_url", "business_central_environment"})
"""Settings whose change means other records."""


def subscribe_to_connections() -> None:
    subscribe(
        Subscriber(
            name="coupling",
            order=10,
            check_change=_check_change,
            enabled=_enabled,
            changed=_changed,
            reset=_reset,
            copied=_copied,
            needed_tables=_needed_tables,
        )
    )


def _check_change(connection: Connection, changed: dict[str, object]) -> None:
    """Couplings are about the records of one company and one organisation; they are not thrown away in passing."""
    moved = _PLACES & changed.keys()
    if moved and Coupling.objects.filter(connection=connection).exists():
        sentence = "There are couplings with the records of the present company and organisation."
        raise CoupledError(
            f"{sentence} Connection Setup makes another connection for the other ones, with all settings of this one; "
            "or reset this one first.",
            conflict=True,
        )


def _enabled(connection: Connection, user: User | None) -> None:
    load_defaults(connection=connection)


def _changed(connection: Connection, changed: dict[str, object], user: User | None) -> None:
    if _SWITCHES & changed.keys():
        load_defaults(connection=connection)
    if _PLACES & changed.keys():
        _forget(connection)


def _reset(connection: Connection, user: User | None) -> None:
    _forget(connection)
    connection.mappings.all().delete()
    load_defaults(connection=connection)


def _copied(source: Connection, target: Connection) -> None:
    """Mappings as they are set, with fields, templates and rules; what is coupled stays with the source."""
    for rule in source.transformation_rules.all():
        rule.pk, rule.connection = None, target
        rule.save()
    for mapping in source.mappings.prefetch_related("fields", "templates"):
        rows: list[FieldMapping | RecordTemplate] = [*mapping.fields.all(), *mapping.templates.all()]
        mapping.pk, mapping.connection = None, target
        mapping.save()
        for row in rows:
            row.pk, row.mapping = None, mapping
            row.save()


def _forget(connection: Connection) -> None:
    DirtyPair.objects.filter(mapping__connection=connection).delete()
    Coupling.objects.filter(connection=connection).delete()
    TableCursor.objects.filter(connection=connection).delete()
    BusinessCentralRecord.objects.filter(connection=connection).delete()
    SalesRecord.objects.filter(connection=connection).delete()


def _needed_tables(connection: Connection) -> Iterator[NeededTable]:
    for mapping in connection.mappings.filter(enabled=True, available=True):
        targets = Direction(mapping.direction).targets
        if mapping.business_central_service == "api":
            yield NeededTable(
                System.BUSINESS_CENTRAL, mapping.business_central_table, System.BUSINESS_CENTRAL in targets
            )
        writes_rows = System.SALES in targets and mapping.kind == MappingKind.RECORD
        yield NeededTable(System.SALES, mapping.sales_table, writes_rows)
