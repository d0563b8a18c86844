"""State and status: which pairs exist and which changes a plain PATCH may make."""

from typing import Any

from sandbox.control.profile import SalesProfile
from sandbox.dataverse import errors
from sandbox.definitions.dataverse import StateModel, Table
from sandbox.storage import Row

_PRODUCT_CODES = {(2, 1): "0x8004f978", (0, 2): "0x8004f912", (1, 2): "0x8004f979"}
_PRODUCT_SAME_STATE = {0: "0x8004f982", 1: "0x8004f980", 2: "0x8004f981"}
_ACTIONS = {
    ("salesorder", 2): "CancelSalesOrder",
    ("salesorder", 3): "FulfillSalesOrder",
    ("quote", 2): "WinQuote",
    ("quote", 3): "CloseQuote",
    ("opportunity", 1): "WinOpportunity",
    ("opportunity", 2): "LoseOpportunity",
}
_INVOICED = {("salesorder", 4), ("invoice", 2)}
_OPEN = {("salesorder", 1), ("quote", 1)}
"""States beside the initial one that the actions leave."""


def check_initial_status(table: Table, given: Row) -> None:
    """On create only a status of the initial state is allowed. Raises 0x80048408."""
    model = table.state
    if model is None:
        return
    status = given.get("statuscode")
    if status is None:
        given.pop("statuscode", None)
    elif model.state_of_status.get(status) != model.initial_state:
        raise _mismatch(table, status, model.initial_state)


def apply(table: Table, old: Row, new: Row, values: dict[str, Any], profile: SalesProfile) -> None:
    """Completes state and status in ``new`` and checks the transition from ``old``."""
    model = table.state
    if model is None:
        return
    before = old["statecode"]
    state = values.get("statecode")
    status = values.get("statuscode")
    if state is None:
        state = before
    if status is None:
        if "statecode" not in values or values["statecode"] is None:
            status = old["statuscode"]
        else:
            status = old["statuscode"] if state == before else model.by_value[state].default_status
    if model.state_of_status.get(status) != state:
        raise _mismatch(table, status, state)
    if state != before and not _may_change(table, model, before, state, profile):
        raise _forbidden(table, before, state)
    if (
        state == before
        and table.logical_name == "product"
        and "statecode" in values
        and values["statecode"] is not None
    ):
        code = _PRODUCT_SAME_STATE.get(state)
        if code is not None:
            label = model.by_value[state].label
            raise errors.DataverseError(400, code, f"The product is in the state {label} already.")
    new["statecode"], new["statuscode"] = state, status


def _may_change(table: Table, model: StateModel, before: int, after: int, profile: SalesProfile) -> bool:
    if (table.logical_name, after) in _INVOICED and not profile.patch_to_invoiced:
        return False
    if (table.logical_name, after) in _ACTIONS and profile.patch_to_closed:
        return before == model.initial_state or (table.logical_name, before) in _OPEN
    return (before, after) in model.transitions


def _mismatch(table: Table, status: int, state: int) -> errors.DataverseError:
    return errors.DataverseError(
        400,
        errors.STATE_MISMATCH,
        f"{status} is not a valid status code for state code {state} on {table.logical_name}.",
    )


def _forbidden(table: Table, before: int, after: int) -> errors.DataverseError:
    if table.logical_name == "product" and (before, after) in _PRODUCT_CODES:
        return errors.DataverseError(
            400, _PRODUCT_CODES[before, after], f"A product cannot change from state {before} to state {after}."
        )
    if table.logical_name == "invoice" and after == 2:
        return errors.DataverseError(400, "0x80100000", "The invoice cannot be paid in its current state.")
    if table.logical_name == "invoice" and after == 3:
        return errors.DataverseError(400, "0x80100001", "The invoice cannot be cancelled in its current state.")
    action = _ACTIONS.get((table.logical_name, after))
    hint = f" Use the action {action}." if action else ""
    return errors.DataverseError(
        400,
        errors.STATE_MISMATCH,
        f"The {table.logical_name} cannot change from state {before} to state {after} by an update.{hint}",
    )
