"""Many clients at once: what change tracking reports is exactly what happened, whatever the order."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from tests.sandbox.conftest import ApiClient

WRITERS = 6
OPERATIONS = 40


def write(sales: ApiClient, seed: int) -> None:
    """Creates, changes and deletes contacts of its own at random."""
    rng = random.Random(seed)
    client = ApiClient(sales.server, sales.root, sales.token)
    mine: list[str] = []
    for number in range(OPERATIONS):
        choice = rng.random()
        if choice < 0.4 or not mine:
            mine.append(client.create("contacts", {"lastname": f"{seed}-{number}"}))
        elif choice < 0.75:
            body = {"lastname": f"{seed}-{number} changed"}
            assert client.request("PATCH", f"contacts({rng.choice(mine)})", body).status_code == 204
        elif choice < 0.9:
            assert client.request("DELETE", f"contacts({mine.pop(rng.randrange(len(mine)))})").status_code == 204
        else:
            rows = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": f"{seed}-bulk"} for _ in range(5)]
            response = client.request("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": rows})
            mine += response.json()["Ids"]


def follow(sales: ApiClient, done: Event) -> dict[str, Any]:
    """A copy of the table, kept up with delta links until the writers have finished."""
    client = ApiClient(sales.server, sales.root, sales.token)
    copy: dict[str, Any] = {}
    link = "contacts?$select=lastname"
    last_round = False
    while True:
        body = client.get(link, Prefer="odata.track-changes,odata.maxpagesize=7")
        for row in body["value"]:
            if row.get("reason") == "deleted":
                copy.pop(row["id"], None)
            else:
                copy[row["contactid"]] = (row["@odata.etag"], row["lastname"])
        link = body.get("@odata.nextLink") or body["@odata.deltaLink"]
        if "@odata.deltaLink" in body:
            if last_round:
                return copy
            last_round = done.is_set()


def test_delta_reader_misses_nothing_while_others_write(sales: ApiClient) -> None:
    done = Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reader = pool.submit(follow, sales, done)
        for writer in [pool.submit(write, sales, seed) for seed in range(WRITERS)]:
            writer.result()
        done.set()
        copy = reader.result()
    rows = sales.get("contacts?$select=lastname")["value"]
    assert copy == {row["contactid"]: (row["@odata.etag"], row["lastname"]) for row in rows}


def test_only_one_of_many_conditional_writers_wins(sales: ApiClient) -> None:
    key = sales.create("accounts", {"name": "Contested"})
    tag = sales.get(f"accounts({key})?$select=name")["@odata.etag"]

    def attempt(number: int) -> int:
        client = ApiClient(sales.server, sales.root, sales.token)
        return client.request("PATCH", f"accounts({key})", {"fax": str(number)}, If_Match=tag).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == [204] + [412] * 7


def test_racing_upserts_make_one_row(sales: ApiClient) -> None:
    body = {"SchemaName": "new_Race", "KeyAttributes": ["accountnumber"]}
    assert sales.request("POST", "EntityDefinitions(LogicalName='account')/Keys", body).status_code == 204

    def attempt(number: int) -> int:
        client = ApiClient(sales.server, sales.root, sales.token)
        return client.request(
            "PATCH", "accounts(accountnumber='race')", {"name": str(number)}, Prefer="return=representation"
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == [200] * 7 + [201]
    assert len(sales.get("accounts?$filter=accountnumber eq 'race'")["value"]) == 1
