"""Base tables as the storage needs them: columns, indexes, unique keys."""

from sandbox.business_central.codec import decimal_scale
from sandbox.business_central.schema import BaseTable, Field, Schema
from sandbox.storage import Column, Kind, Store, Table

_STORED: dict[str, Kind] = {
    "text": "text",
    "guid": "guid",
    "decimal": "decimal",
    "integer": "integer",
    "bigint": "integer",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}


def _column(field: Field) -> Column:
    kind = _STORED[field.kind]
    # Codes are upper case already, so a plain comparison (and index) is exact for them.
    collate = "NOCASE" if kind == "text" and not field.is_code and field.enum is None else None
    return Column(field.column, kind, collate, decimal_scale(field.name))


def storage_table(table: BaseTable) -> Table:
    indexes = {(table.column(name),) for name in table.indexes}
    if "SystemModifiedAt" in table.fields:
        indexes.add(("system_modified_at",))
    unique = () if table.key == ("SystemId",) else (table.key_columns,)
    return Table(
        name=table.sql_name,
        columns=tuple(_column(field) for field in table.fields.values()),
        primary_key="system_id",
        indexes=tuple(sorted(indexes)),
        unique=unique,
    )


SUBSCRIPTIONS = Table(
    name="bc_subscriptions",
    columns=(
        Column("subscription_id"),
        Column("notification_url"),
        Column("resource"),
        Column("client_state"),
        Column("user_id", "guid"),
        Column("expires_at", "datetime"),
        Column("system_created_at", "datetime"),
        Column("system_modified_at", "datetime"),
        Column("client_id"),
    ),
    primary_key="subscription_id",
)

COMPANIES = Table(
    name="bc_companies",
    columns=(
        Column("id", "guid"),
        Column("name"),
        Column("display_name"),
        Column("business_profile_id"),
        Column("system_created_at", "datetime"),
        Column("system_modified_at", "datetime"),
    ),
)


def define_tables(store: Store, schema: Schema) -> None:
    for table in schema.tables.values():
        store.define(storage_table(table))
    store.define(SUBSCRIPTIONS)
    store.define(COMPANIES)
