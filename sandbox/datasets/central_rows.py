"""Complete rows of Business Central tables: every field blank unless a dataset says otherwise."""

from collections.abc import Mapping
from typing import Any

from sandbox.business_central.codec import blank_of
from sandbox.business_central.schema import load_schema
from sandbox.dataverse.wellknown import fixed_id
from sandbox.storage import Row

STAMP = "2025-03-03T08:00:00.000Z"


class CentralRows:
    """Templates by table name ("Customer", "Payment Terms", …)."""

    def __init__(self) -> None:
        self._templates: dict[str, Row] = {}

    def storage(self, table: str) -> str:
        return load_schema().tables[table].sql_name

    def template(self, table: str) -> Row:
        """Blank row with stamps; copy it before changing it."""
        found = self._templates.get(table)
        if found is None:
            found = {field.column: blank_of(field) for field in load_schema().tables[table].fields.values()}
            found["system_created_at"] = found["system_modified_at"] = STAMP
            self._templates[table] = found
        return found

    def row(self, table: str, values: Mapping[str, Any]) -> Row:
        """A row whose id follows from its key, so that it is the same in every dataset."""
        row = {**self.template(table), **values}
        if "system_id" not in values:
            key = [str(row[column]) for column in load_schema().tables[table].key_columns]
            row["system_id"] = fixed_id(table, *key)
        return row
