"""Complete rows of Sales tables: what the platform fills on create, so that datasets only say what matters."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.dataverse import wellknown
from sandbox.dataverse.rows import new_row
from sandbox.dataverse.wellknown import fixed_id
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.definitions.dataverse_source import load
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
            found = self._templates[logical_name] = _template(self._tables[logical_name])
        return found

    def row(self, logical_name: str, values: Mapping[str, Any]) -> Row:
        return {**self.template(logical_name), **values}


def _template(table: Table) -> Row:
    row = new_row(
        table,
        {},
        key="",
        at=CREATED_ON,
        user_id=wellknown.SYSTEM_USER_ID,
        organization_id=wellknown.ORGANIZATION_ID,
        business_unit_id=wellknown.BUSINESS_UNIT_ID,
    )
    if "exchangerate" in table.attributes and "transactioncurrencyid" in table.attributes:
        row["transactioncurrencyid"] = wellknown.BASE_CURRENCY_ID
        row["exchangerate"] = Decimal(1)
    return row


def owned_by(user_id: str) -> Row:
    return {"ownerid": user_id, f"ownerid{TABLE_SUFFIX}": "systemuser", "owninguser": user_id}


def lookup(name: str, table: str, row_id: str) -> Row:
    """A polymorphic lookup."""
    return {name: row_id, f"{name}{TABLE_SUFFIX}": table}


def in_currency(code: str) -> Row:
    """Currency and rate of a record; the organisation keeps units per one unit of the base currency."""
    return {
        "transactioncurrencyid": wellknown.CURRENCY_IDS[code],
        "exchangerate": Decimal(wellknown.CURRENCIES[code][2]),
    }


def user_row(rows: SalesRows, user_id: str, given: str, family: str, job: str, phone: str) -> Row:
    """A licensed person who may own records."""
    address = f"{given}.{family}@{wellknown.USER_DOMAIN}".lower()
    return rows.row(
        "systemuser",
        {
            "systemuserid": user_id,
            "ownerid": user_id,
            "firstname": given,
            "lastname": family,
            "fullname": f"{given} {family}",
            "domainname": address,
            "internalemailaddress": address,
            "azureactivedirectoryobjectid": fixed_id("directory", user_id),
            "businessunitid": wellknown.BUSINESS_UNIT_ID,
            "islicensed": True,
            "accessmode": 0,
            "jobtitle": job,
            "mobilephone": phone,
        },
    )


def memberships(rows: SalesRows, user_ids: list[str]) -> list[Row]:
    """Everyone belongs to the default team of the business unit."""
    return [
        rows.row(
            "teammembership",
            {
                "teammembershipid": fixed_id("member", user_id),
                "teamid": wellknown.DEFAULT_TEAM_ID,
                "systemuserid": user_id,
            },
        )
        for user_id in user_ids
    ]


def role_assignments(rows: SalesRows, user_ids: list[str]) -> list[Row]:
    role = wellknown.SALESPERSON_ROLE_ID
    return [
        rows.row(
            "systemuserroles",
            {"systemuserroleid": fixed_id("role", user_id, role), "systemuserid": user_id, "roleid": role},
        )
        for user_id in user_ids
    ]
