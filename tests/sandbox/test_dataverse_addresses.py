"""Addresses 1 and 2 of accounts and contacts are rows of their own too, and either changes with the other."""

from typing import Any

from tests.sandbox.conftest import ApiClient


def addresses_of(sales: ApiClient, parent: str) -> list[dict[str, Any]]:
    found = sales.get(f"customeraddresses?$filter=_parentid_value eq {parent}&$orderby=addressnumber")["value"]
    return list(found)


def test_an_account_has_two_addresses_that_show_its_columns(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Adatum", "address1_city": "Ghent", "address2_city": "Bruges"})
    first, second = addresses_of(sales, account)
    assert (first["addressnumber"], first["city"], first["objecttypecode"]) == (1, "Ghent", "account")
    assert (second["addressnumber"], second["city"]) == (2, "Bruges")


def test_addresses_follow_their_parent_and_go_with_it(sales: ApiClient) -> None:
    contact = sales.create("contacts", {"lastname": "Peeters", "address1_line1": "Kouter 1"})
    key = addresses_of(sales, contact)[0]["customeraddressid"]
    sales.request("PATCH", f"contacts({contact})", {"address1_line1": "Kouter 2", "address1_postalcode": "9000"})
    row = sales.get(f"customeraddresses({key})")
    assert (row["line1"], row["postalcode"]) == ("Kouter 2", "9000")
    sales.request("DELETE", f"contacts({contact})")
    assert addresses_of(sales, contact) == []


def test_a_change_of_an_address_reaches_its_parent(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Adatum", "address1_city": "Ghent"})
    key = addresses_of(sales, account)[0]["customeraddressid"]
    version = sales.get(f"accounts({account})")["versionnumber"]
    assert sales.request("PATCH", f"customeraddresses({key})", {"city": "Leuven"}).status_code == 204
    row = sales.get(f"accounts({account})")
    assert row["address1_city"] == "Leuven"
    assert row["address1_composite"] == "Leuven"
    assert row["versionnumber"] > version
    assert addresses_of(sales, account)[0]["city"] == "Leuven"


def test_further_addresses_are_numbered_after_the_first_two(sales: ApiClient) -> None:
    account = sales.create("accounts", {"name": "Adatum"})
    for city in ("Namur", "Mons"):
        sales.create("customeraddresses", {"city": city, "parentid_account@odata.bind": f"/accounts({account})"})
    assert [(row["addressnumber"], row["city"]) for row in addresses_of(sales, account)] == [
        (1, None), (2, None), (3, "Namur"), (4, "Mons"),
    ]  # fmt: skip
