"""Owners under both ownership models: the salesperson's or purchaser's user, or the team."""

from typing import Any
from uuid import UUID

from coupling.services.couplings import couple
from tests.engine.live import Hub


def user_of(hub: Hub, code: str) -> UUID:
    """A salesperson or purchaser with that code, coupled with a licensed user."""
    person = hub.bc.create("salespeoplePurchasers", code=code, displayName=code)
    user = next(
        row.key
        for row in hub.sales.client.query("systemusers", properties=["islicensed", "isdisabled", "applicationid"])
        if row.values["islicensed"] and not (row.values["isdisabled"] or row.values["applicationid"])
    )
    couple(mapping=hub.mapping("SALESPEOPLE"), bc_key=person, sales_key=user)
    return user


def owner_of(hub: Hub, mapping: str, key: UUID) -> Any:
    account = hub.coupling(mapping, bc_key=key).sales_key
    return hub.sales.row("accounts", account, "_ownerid_value")["_ownerid_value"]


def test_purchaser_owns_the_account_of_a_vendor(hub: Hub) -> None:
    hub.switch(ownership_model="person")
    user = user_of(hub, "PU")
    vendor = hub.bc.create("vendors", displayName="Supplies")
    hub.bc.update("workflowVendors", vendor, purchaserCode="PU")
    assert hub.run_full("VENDOR").failed == 0
    assert owner_of(hub, "VENDOR", vendor) == str(user)


def test_customer_without_a_salesperson_falls_to_the_team_and_keeps_it(hub: Hub) -> None:
    hub.switch(ownership_model="person")
    user_of(hub, "AB")
    customer = hub.bc.create("customers", displayName="Adatum")
    hub.run_full("CUSTOMER")
    assert owner_of(hub, "CUSTOMER", customer) == str(hub.connection.owning_team_id)
    hub.bc.update("customers", customer, city="Oslo")
    assert hub.run("CUSTOMER").failed == 0
    assert owner_of(hub, "CUSTOMER", customer) == str(hub.connection.owning_team_id)
