"""Complete rows of Sales tables: what the platform fills on create, so that datasets only say what matters."""

from collections.abc import Mapping
from typing import Any

from sandbox.dataverse import wellknown
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table, load
from sandbox.storage import Row

CREATED_ON = "2025-03-03T08:00:00Z"
"""Datasets are the same whenever they are loaded, stamps included, and older than anything a user does."""


class SalesRows:
    """Templates by logical name."""

    def __init__(self) -> None:
        self._tables = {table.logical_name: table for table in load().tables}
        self._templates: dict[str, Row] = {}

    def storage(self, logical_name: str) -> str:
        return self._tables[logical_name].storage

    def template(self, logical_name: str) -> Row:
        """Defaults of a new row; copy it before changing it."""
        found = self._templates.get(logical_name)
        if found is None:
            found = self._templates[logical_name] = _defaults(self._tables[logical_name])
        return found

    def row(self, logical_name: str, values: Mapping[str, Any]) -> Row:
        return {**self.template(logical_name), **values}


def _defaults(table: Table) -> Row:
    row: Row = {}
    for attribute in table.attributes.values():
        if attribute.default is not None:
            row[attribute.name] = attribute.default
        elif attribute.type == "boolean":
            row[attribute.name] = False
    if table.state is not None:
        row["statecode"] = table.state.initial_state
        row["statuscode"] = table.state.initial_status
    for name, value in (
        ("createdon", CREATED_ON),
        ("modifiedon", CREATED_ON),
        ("createdby", wellknown.SYSTEM_USER_ID),
        ("modifiedby", wellknown.SYSTEM_USER_ID),
        ("organizationid", wellknown.ORGANIZATION_ID),
    ):
        if name in table.attributes:
            row[name] = value
    if table.ownership == "user":
        row.update(owned_by(wellknown.SYSTEM_USER_ID))
    if "transactioncurrencyid" in table.attributes and "exchangerate" in table.attributes:
        row["transactioncurrencyid"] = wellknown.BASE_CURRENCY_ID
        row["exchangerate"] = 1
    return row


def owned_by(user_id: str) -> Row:
    return {
        "ownerid": user_id,
        f"ownerid{TABLE_SUFFIX}": "systemuser",
        "owninguser": user_id,
        "owningbusinessunit": wellknown.BUSINESS_UNIT_ID,
    }


def lookup(name: str, table: str, row_id: str) -> Row:
    """A polymorphic lookup."""
    return {name: row_id, f"{name}{TABLE_SUFFIX}": table}
