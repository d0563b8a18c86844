"""Currencies, business units and teams: rows the platform protects."""

from decimal import Decimal

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.dataverse.rules import rule
from sandbox.definitions.dataverse import Table
from sandbox.storage import Row


@rule("before", "create", "update", tables=("transactioncurrency",))
def check_currency(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new.get("exchangerate") is not None and new["exchangerate"] <= 0:
        raise errors.DataverseError(400, errors.DECIMAL_RANGE, "The exchange rate must be greater than zero.")
    if old is not None and old["transactioncurrencyid"] == context.organization["basecurrencyid"]:
        if new["exchangerate"] != Decimal(1):
            raise errors.DataverseError(400, "0x80048cf1", "The exchange rate of the base currency cannot be modified.")
        if new["statecode"] != 0:
            raise errors.DataverseError(400, "0x80048cf2", "The base currency cannot be deactivated.")
    if old is None:
        code = new.get("isocurrencycode")
        if code is not None and context.tx.first(table.storage, isocurrencycode=code) is not None:
            raise errors.DataverseError(412, errors.DUPLICATE, f"A currency with the code {code} already exists.")


@rule("before", "delete", tables=("transactioncurrency",))
def protect_base_currency(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new["transactioncurrencyid"] == context.organization["basecurrencyid"]:
        raise errors.DataverseError(400, "0x80048cf0", "The base currency of an organization cannot be deleted.")


@rule("before", "delete", tables=("team",))
def protect_default_team(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new.get("isdefault"):
        raise errors.DataverseError(400, "0x80048307", "The default team of a business unit cannot be deleted.")


@rule("before", "delete", tables=("businessunit",))
def protect_root_unit(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new.get("parentbusinessunitid") is None:
        raise errors.DataverseError(405, errors.RESTRICTED, "The root business unit cannot be deleted.")


@rule("before", "create", tables=("team", "systemuser"))
def fill_principal(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new.get("businessunitid") is None:
        new["businessunitid"] = context.business_unit_of("systemuser", context.user_id)
    if table.logical_name == "team" and new.get("administratorid") is None:
        new["administratorid"] = context.user_id
