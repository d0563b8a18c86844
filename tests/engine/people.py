"""Persons of companies on both sides, as tests of contacts make them."""

from uuid import UUID

from tests.engine.live import Hub


def company_number(hub: Hub, name: str) -> str:
    """Number of the company contact that Business Central keeps for a customer or vendor of that name."""
    rows = hub.bc.client.query("contacts", properties=["number", "displayName", "type"])
    return next(r.values["number"] for r in rows if (r.values["displayName"], r.values["type"]) == (name, "Company"))


def make_person(hub: Hub, name: str, company: str = "") -> UUID:
    body = {"companyNumber": company} if company else {}
    return hub.bc.create("contacts", type="Person", displayName=name, **body)


def make_contact(hub: Hub, first: str, last: str, account: UUID) -> UUID:
    bound = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    return hub.sales.create("contacts", firstname=first, lastname=last, **bound)
