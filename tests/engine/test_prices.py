"""Price lists and prices against the sandbox, beside the scenarios M98 to M101."""

import pytest

from coupling.models import Coupling
from syncjobs.choices import JobMode
from syncjobs.engine.options import PairRef, RunOptions
from syncjobs.models import Operation, SynchJob
from tests.engine.goods import (
    GROUPS,
    LISTS,
    failures,
    make_group,
    make_list,
    make_price,
    make_products,
    prices_of,
    run_both,
)
from tests.engine.live import SALES, Hub


@pytest.fixture
def hub_with_products(hub: Hub) -> Hub:
    make_products(hub)
    return hub


def list_state(hub: Hub, name: str) -> int:
    return next(row["statecode"] for row in hub.sales.rows("pricelevels", "name", "statecode") if row["name"] == name)


@pytest.mark.parametrize(("status", "state"), [("Draft", 1), ("Active", 0)])
def test_new_list_is_active_where_it_is_in_business_central(hub_with_products: Hub, status: str, state: int) -> None:
    hub = hub_with_products
    make_list(hub)
    for row in hub.bc.client.query("priceLists", properties=["code"]):
        hub.bc.update("priceLists", row.key, status=status)
    job = hub.run_full(LISTS[0])
    assert (job.inserted, failures(job)) == (1, [])
    assert list_state(hub, "S1") == state


def test_group_with_prices_in_two_currencies_is_refused(hub_with_products: Hub) -> None:
    hub = hub_with_products
    make_group(hub)
    make_price(hub, "1000", 8, currencyCode="USD")
    job = hub.run_full(GROUPS[0])
    assert Operation.objects.get(job=job).error_code == "engine.price_list_currencies"


def test_price_that_is_in_the_list_already_is_taken_over(hub_with_products: Hub) -> None:
    hub = hub_with_products
    make_list(hub)
    run_both(hub, LISTS)
    Coupling.objects.filter(mapping__name=LISTS[1]).delete()
    job = hub.run_full(LISTS[1])
    assert (job.inserted, job.coupled, job.failed) == (0, 2, 0)


def test_list_that_is_synchronised_by_hand_takes_its_prices_along(hub_with_products: Hub) -> None:
    hub = hub_with_products
    make_list(hub)
    key = next(record.key for record in hub.bc.client.query("priceLists", properties=["code"], filter="code eq 'S1'"))
    options = RunOptions(create_side=SALES).with_pairs([PairRef(key, None)])
    job = hub.run("PLHEADER-PRICE", JobMode.CREATE, options=options)
    assert (job.inserted, job.failed) == (1, 0)
    assert len(prices_of(hub, "S1")) == 2
    children = SynchJob.objects.get(options__follows=job.pk)
    assert (children.mapping.name, children.inserted) == ("PLLINE-PRODPRICE", 2)
