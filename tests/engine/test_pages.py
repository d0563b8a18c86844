"""Tables that come from published pages where the companion extension is not installed."""

from typing import Any

import pytest
from django.test import Client
from django_rq import get_connection
from rest_framework.authtoken.models import Token

from connector.business_central_pages import PAGE_TABLES
from connector.services.facts import discover_facts
from coupling.models import Coupling, OptionMapping
from coupling.services.defaults import apply_switches
from syncjobs.choices import JobState
from tests.api.conftest import Api
from tests.coupling.factories import make_person
from tests.engine.goods import LISTS, failures, make_list, make_products, prices_of, run_both
from tests.engine.live import Hub, connect
from tests.sandbox_process import SandboxServer

NEEDS_MORE = ("SHIPPING AGENT", "ITEM UOM", "RESOURCE UOM", "RESOURCE-PRODUCT", "PLHEADER-PRICE", "PLLINE-PRODPRICE")


def connected(sandbox: SandboxServer, **profile: bool) -> Hub:
    sandbox.control("PUT", "/profile", {"business_central": profile})
    return Hub(connect(sandbox), sandbox)


@pytest.fixture
def paged(sandbox: SandboxServer, transactional_db: None, settings: Any) -> Hub:
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    return connected(sandbox, companion_extension=False, pages=True)


def availability(hub: Hub) -> dict[str, tuple[str, bool, str]]:
    rows = hub.connection.mappings.filter(name__in=NEEDS_MORE)
    return {row.name: (row.business_central_service, row.available, row.unavailable_reason) for row in rows}


def test_pages_stand_in_for_the_companion_where_they_can(paged: Hub) -> None:
    found = availability(paged)
    assert {name: each[:2] for name, each in found.items()} == dict.fromkeys(NEEDS_MORE, ("pages", True))


def test_without_companion_and_pages_every_mapping_says_what_it_needs(
    sandbox: SandboxServer, transactional_db: None
) -> None:
    found = availability(connected(sandbox, companion_extension=False, pages=False))
    assert not any(available for _, available, _ in found.values())
    assert found["SHIPPING AGENT"][2] == (
        "Shipping Agent needs the companion extension in Business Central, or the page published as hub_ShippingAgents."
    )


def test_every_mapping_says_on_its_page_and_over_rest_what_it_needs(
    sandbox: SandboxServer, transactional_db: None
) -> None:
    hub = connected(sandbox, companion_extension=False, pages=False)
    person = make_person("reader", "administrator")
    client, api = Client(), Api(Token.objects.create(user=person).key)
    client.force_login(person)
    overview = client.get("/c/default/mappings/").content.decode()
    rows = {row["name"]: row for row in api.get("mappings/", page_size=100).json()["results"]}
    mappings = list(hub.connection.mappings.all())
    assert overview.count("Unavailable") == len(NEEDS_MORE)
    assert {mapping.name for mapping in mappings if not mapping.available} == set(NEEDS_MORE)
    for mapping in mappings:
        row, page = rows[mapping.name], client.get(f"/c/default/mappings/{mapping.name}/").content.decode()
        assert (row["available"], row["unavailable_reason"]) == (mapping.available, mapping.unavailable_reason)
        assert (mapping.unavailable_reason in page) if not mapping.available else (row["unavailable_reason"] == "")
        if mapping.available:
            continue
        refused = api.post(f"mappings/{mapping.name}/synchronize/", {"mode": "full"})
        assert (refused.status_code, mapping.unavailable_reason in str(refused.json())) == (409, True)
    # A full synchronisation is made of what there is; products go without what cannot be had.
    line_names = {line["mapping"] for line in _full_synch(api)["lines"]}
    assert not line_names & set(NEEDS_MORE)


def _full_synch(api: Api) -> dict[str, Any]:
    started = api.post("full-synchs/", {"preview": True}).json()["full_synch"]["id"]
    found: dict[str, Any] = api.get(f"full-synchs/{started}/").json()
    return found


def test_companion_comes_before_the_pages(sandbox: SandboxServer, transactional_db: None) -> None:
    hub = connected(sandbox, companion_extension=True, pages=True)
    assert {service for service, _, _ in availability(hub).values()} == {"companion"}


def test_shipping_agents_of_a_page_become_options_and_keep_their_ids(paged: Hub) -> None:
    job = paged.run_full("SHIPPING AGENT")
    assert (job.state, job.failed) == (JobState.SUCCEEDED, 0), job.message
    before = dict(OptionMapping.objects.values_list("bc_code", "bc_key"))
    assert before
    again = paged.run_full("SHIPPING AGENT")
    assert (again.unchanged, again.inserted, again.modified) == (len(before), 0, 0)
    assert dict(OptionMapping.objects.values_list("bc_code", "bc_key")) == before


def test_item_with_units_of_a_page_becomes_a_product(paged: Hub) -> None:
    paged.bc.create("items", number="1000", displayName="Lamp", baseUnitOfMeasureCode="PCS", unitPrice=12.5)
    for name in ("CURRENCY", "UNIT GROUP", "ITEM UOM", "ITEM-PRODUCT"):
        job = paged.run_full(name)
        assert (job.failed, job.state) == (0, JobState.SUCCEEDED), (name, job.message)
    assert Coupling.objects.filter(mapping__name="ITEM UOM").count() == 1
    assert paged.sales.rows("products", "productnumber", "statecode") == [{"productnumber": "1000", "statecode": 0}]
    assert paged.run("ITEM UOM").modified == 0


def test_resource_of_a_page_takes_its_name_from_sales(paged: Hub) -> None:
    address = paged.bc.client.addresses
    paged.bc.client.session.send(
        "POST", address.table("resources"),
        body=PAGE_TABLES["resources"].body({"number": "R1", "displayName": "Ann", "baseUnitOfMeasureCode": "HOUR"}),
    )  # fmt: skip
    for name in ("CURRENCY", "UNIT GROUP", "RESOURCE UOM", "RESOURCE-PRODUCT"):
        job = paged.run_full(name)
        assert job.failed == 0, (name, job.message)
    pair = Coupling.objects.get(mapping__name="RESOURCE-PRODUCT")
    paged.sales.update("products", pair.sales_key, name="Ann of the workshop")
    job = paged.run("RESOURCE-PRODUCT")
    assert (job.modified, job.failed) == (1, 0)
    assert paged.bc.row("resources", pair.bc_key, "displayName")["displayName"] == "Ann of the workshop"


def test_lines_of_sales_price_lists_are_told_from_those_of_purchase_price_lists(
    sandbox: SandboxServer, transactional_db: None, settings: Any
) -> None:
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    hub = connected(sandbox, companion_extension=True, pages=True)
    make_products(hub)
    make_list(hub)
    purchase = {"priceType": "Purchase", "amountType": "Price"}
    line = {"assetType": "Item", "assetNumber": "1000", "unitOfMeasureCode": "PCS", **purchase}
    for table, body in (
        ("priceLists", {"code": "P1", **purchase}),
        ("priceListLines", {"priceListCode": "P1", **line}),
    ):
        hub.bc.client.session.send("POST", hub.bc.client.addresses.table(table), body=body)
    _offer(hub, companion_extension=False)
    assert hub.mapping("PLLINE-PRODPRICE").business_central_service == "pages"
    job = run_both(hub, LISTS)
    assert (job.inserted, failures(job)) == (2, [])
    assert prices_of(hub, "S1") == {"1000": 7, "1001": 8}
    again = hub.run(LISTS[1])
    assert (again.inserted, again.modified, again.failed) == (0, 0, 0)


def _offer(hub: Hub, **profile: bool) -> None:
    """The installation offers something else from now on, and the hub has been told."""
    hub.sandbox.control("PUT", "/profile", {"business_central": profile})
    get_connection("default").flushdb()
    hub.connection.capabilities = discover_facts(connection=hub.connection)["capabilities"]
    hub.connection.save()
    apply_switches(connection=hub.connection)


def test_new_offer_is_taken_up_without_a_reset(paged: Hub) -> None:
    _offer(paged, companion_extension=True)
    assert availability(paged)["PLLINE-PRODPRICE"][:2] == ("companion", True)
