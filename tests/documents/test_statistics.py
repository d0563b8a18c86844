"""Account statistics and item availability: figures of Business Central on accounts and products in Sales."""

from typing import Any
from uuid import UUID

from coupling.models import Coupling
from syncjobs.documents.processes import AVAILABILITY, STATISTICS
from syncjobs.documents.statistics import LINK
from syncjobs.models import JobLogEntry, Operation, SynchJob
from tests.documents.test_feedback import act
from tests.documents.trade import Trade

FIGURES = (
    "nav_customerno", "nav_balancelcy", "nav_outstandingorderslcy", "nav_shippednotinvoicedlcy", "nav_totallcy",
    "nav_totalsaleslcy", "nav_creditlimitlcy",
)  # fmt: skip


def statistics(trade: Trade, account: UUID) -> dict[str, Any]:
    link = trade.sales.row("accounts", account, LINK)[LINK]
    return trade.sales.row("nav_accountstatisticses", UUID(link), *FIGURES)


def figures(trade: Trade) -> list[float]:
    found = statistics(trade, trade.account)
    return [round(float(found[name]), 2) for name in FIGURES[1:]]


def test_figures_are_written_follow_and_are_left_alone(trade: Trade) -> None:
    trade.bc.update("customers", trade.customer, creditLimit=5000)
    order = trade.make_order(lines=2)  # 1 x 10 and 2 x 10
    trade.process(order)
    assert trade.process(name=STATISTICS).inserted == 1
    assert trade.bc_orders()[0]["salesOrderLines"][0]["taxPercent"] == 19
    assert figures(trade) == [0, 35.7, 0, 35.7, 0, 5000]
    assert (
        statistics(trade, trade.account)["nav_customerno"]
        == trade.bc.row("customers", trade.customer, "number")["number"]
    )

    act(trade, order, "ship", quantities={"20000": 2})
    assert trade.process(name=STATISTICS).modified == 1
    assert figures(trade) == [0, 11.9, 23.8, 35.7, 0, 5000]

    act(trade, order, "ship")
    act(trade, order, "invoice")
    trade.process(name=STATISTICS)
    assert figures(trade) == [35.7, 0, 0, 35.7, 30, 5000]

    last = trade.process(name=STATISTICS)
    assert (last.inserted, last.modified, last.unchanged) == (0, 0, 1)


def test_link_to_the_figures_does_not_make_the_account_look_changed(trade: Trade) -> None:
    trade.run("CUSTOMER")
    before = Operation.objects.filter(mapping__name="CUSTOMER", preview=False).count()
    trade.process(name=STATISTICS)
    written = Operation.objects.filter(mapping__name="CUSTOMER", preview=False).count()
    assert written > before
    trade.run("CUSTOMER")
    assert Operation.objects.filter(mapping__name="CUSTOMER", preview=False).count() == written


def test_changed_account_still_counts_as_changed_after_its_figures_came(trade: Trade) -> None:
    trade.run("CUSTOMER")
    trade.sales.update("accounts", trade.account, telephone1="+45 1234")
    trade.process(name=STATISTICS)
    trade.run("CUSTOMER")
    assert trade.bc.row("customers", trade.customer, "phoneNumber")["phoneNumber"] == "+45 1234"


def test_a_side_that_is_gone_fails_alone_and_names_the_other(trade: Trade) -> None:
    for name in ("Second", "Third"):
        customer = trade.bc.create("customers", displayName=name)
        account = trade.sales.create("accounts", name=name, customertypecode=3)
        trade.couple("CUSTOMER", "customers", customer, "accounts", account)
    second, third = Coupling.objects.filter(mapping__name="CUSTOMER").order_by("id")[1:]
    number = trade.bc.row("customers", third.bc_key, "number")["number"]
    trade.bc.delete("customers", second.bc_key)
    trade.sales.delete("accounts", third.sales_key)
    job = trade.process(name=STATISTICS)
    assert (job.state, job.inserted, job.failed) == ("partly", 1, 2)
    told = " ".join(JobLogEntry.objects.filter(job=job).values_list("message", flat=True))
    assert "Account Second: its customer was not found" in told
    assert f"Customer {number}: its account was not found" in told


def test_stock_that_moved_is_shown_on_the_product(trade: Trade) -> None:
    trade.switch(synchronize_item_availability=True)
    item = trade.bc.create("items", displayName="Chair", baseUnitOfMeasureCode="PCS")
    trade.bc.update("items", item, inventory=12)
    for name in ("CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT"):
        trade.run_full(name)
    product = Coupling.objects.get(bc_key=item).sales_key
    trade.process(name=AVAILABILITY)
    trade.bc.update("items", item, inventory=9)
    jobs = SynchJob.objects.filter(mode="selected").count()
    assert trade.process(name=AVAILABILITY).state == "succeeded"
    assert trade.sales.row("products", product, "quantityonhand")["quantityonhand"] == 9
    trade.process(name=AVAILABILITY)
    assert SynchJob.objects.filter(mode="selected").count() == jobs + 1
