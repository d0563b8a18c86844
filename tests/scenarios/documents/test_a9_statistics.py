"""A.9 Statistics and availability (scenarios 61 to 65 and 67): figures of Business Central in Sales."""

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from config.roles import ensure_groups
from connector.errors import HubError
from coupling.models import Coupling
from coupling.services.requests import uncouple_many
from syncjobs import tasks
from syncjobs.documents.customer_panel import counts, rows
from syncjobs.documents.processes import AVAILABILITY, STATISTICS
from syncjobs.documents.statistics import LINK
from syncjobs.models import JobLogEntry, Operation, SynchJob
from tests.coupling.factories import make_person
from tests.engine.invoicing import INVOICES, invoice_for, pay, shown
from tests.scenarios.documents.market import Market

FIGURES = (
    "nav_customerno", "nav_balancelcy", "nav_outstandingorderslcy", "nav_shippednotinvoicedlcy", "nav_totallcy",
    "nav_totalsaleslcy", "nav_creditlimitlcy",
)  # fmt: skip


def statistics(market: Market, account: UUID) -> dict[str, Any]:
    link = market.sales.row("accounts", account, LINK)[LINK]
    return market.sales.row("nav_accountstatisticses", UUID(link), *FIGURES)


def figures(market: Market) -> list[float]:
    found = statistics(market, market.account)
    return [round(float(found[name]), 2) for name in FIGURES[1:]]


def test_a9_61_figures_are_written_follow_and_are_left_alone(market: Market) -> None:
    """139179 AccountStatisticsCalculatesFlowFields, AccountStatisticsUpdatesFlowFields"""
    market.bc.update("customers", market.customer, creditLimit=5000)
    order = market.make_order(lines=2)  # 1 x 10 and 2 x 10
    market.process(order)
    assert market.process(name=STATISTICS).inserted == 1
    assert market.bc_orders()[0]["salesOrderLines"][0]["taxPercent"] == 19
    assert figures(market) == [0, 35.7, 0, 35.7, 0, 5000]
    assert (
        statistics(market, market.account)["nav_customerno"]
        == market.bc.row("customers", market.customer, "number")["number"]
    )

    market.act(order, "ship", quantities={"20000": 2})
    assert market.process(name=STATISTICS).modified == 1
    assert figures(market) == [0, 11.9, 23.8, 35.7, 0, 5000]

    market.act(order, "ship")
    market.act(order, "invoice")
    market.process(name=STATISTICS)
    assert figures(market) == [35.7, 0, 0, 35.7, 30, 5000]

    last = market.process(name=STATISTICS)
    assert (last.inserted, last.modified, last.unchanged) == (0, 0, 1)


def test_a9_62_link_to_the_figures_does_not_make_the_account_look_changed(market: Market) -> None:
    """139179 AccountStatisticsCreationDoesNotChangeCRMAccountSynchStatusIfModified, the other way round"""
    market.run("CUSTOMER")
    before = Operation.objects.filter(mapping__name="CUSTOMER", preview=False).count()
    market.process(name=STATISTICS)
    written = Operation.objects.filter(mapping__name="CUSTOMER", preview=False).count()
    assert written > before
    market.run("CUSTOMER")
    assert Operation.objects.filter(mapping__name="CUSTOMER", preview=False).count() == written


def test_a9_62_changed_account_still_counts_as_changed_after_its_figures_came(market: Market) -> None:
    """139179 AccountStatisticsCreationDoesNotChangeCRMAccountSynchStatusIfModified"""
    market.run("CUSTOMER")
    market.sales.update("accounts", market.account, telephone1="+45 1234")
    market.process(name=STATISTICS)
    market.run("CUSTOMER")
    assert market.bc.row("customers", market.customer, "phoneNumber")["phoneNumber"] == "+45 1234"


def test_a9_63_side_that_is_gone_fails_alone_and_names_the_other(market: Market) -> None:
    """139179 AccountStatisticsJobFailsOnDeletedCustomerCRMAccount"""
    for name in ("Second", "Third"):
        customer = market.bc.create("customers", displayName=name)
        account = market.sales.create("accounts", name=name, customertypecode=3)
        market.couple("CUSTOMER", "customers", customer, "accounts", account)
    second, third = Coupling.objects.filter(mapping__name="CUSTOMER").order_by("id")[1:]
    number = market.bc.row("customers", third.bc_key, "number")["number"]
    market.bc.delete("customers", second.bc_key)
    market.sales.delete("accounts", third.sales_key)
    job = market.process(name=STATISTICS)
    assert (job.state, job.inserted, job.failed) == ("partly", 1, 2)
    told = " ".join(JobLogEntry.objects.filter(job=job).values_list("message", flat=True))
    assert "Account Second: its customer was not found" in told
    assert f"Customer {number}: its account was not found" in told


def test_a9_61_one_account_alone_and_its_row_goes_with_the_coupling(market: Market) -> None:
    """hub: *Update account statistics* of a pair's page; uncoupling deletes the row"""
    other = market.bc.create("customers", displayName="Second")
    account = market.sales.create("accounts", name="Second", customertypecode=3)
    market.couple("CUSTOMER", "customers", other, "accounts", account)
    market.bc.update("customers", market.customer, creditLimit=70)
    order = market.make_order()
    market.process(order)

    assert market.process(market.account, name=STATISTICS).inserted == 1
    assert figures(market) == [0, 11.9, 0, 11.9, 0, 70]
    assert market.sales.row("accounts", account, LINK)[LINK] is None

    assert market.process(name=STATISTICS).inserted == 1
    for started in uncouple_many(couplings=[Coupling.objects.get(sales_key=account)], user=None).jobs:
        tasks.run_job(started.id)
    job = market.process(name=STATISTICS)
    assert (job.state, job.deleted) == ("succeeded", 1)
    assert len(market.sales.rows("nav_accountstatisticses", "nav_name")) == 1
    assert market.sales.row("accounts", account, LINK)[LINK] is None


def test_a9_66_customer_panel_counts_and_lists_what_is_open(market: Market) -> None:
    """139176 CRMCasesFromCRMStatisticsFactBoxCustomerList, CRMOpportunitiesFromCRMStatisticsFactBoxCustomerCard,
    CRMQuotesFromCRMStatisticsFactBoxCustomerList, CRMStatisticsFactBoxNotVisibleOnCustomerCard"""
    theirs = {"customerid_account@odata.bind": f"/accounts({market.account})"}
    cases = [market.sales.create("incidents", title=f"Case {number}", **theirs) for number in range(4)]
    for key in cases[:2]:  # cancelled both: the sandbox resolves no cases
        market.sales.update("incidents", key, statecode=2, statuscode=6)
    topics = [market.sales.create("opportunities", name=f"Topic {number}", **theirs) for number in range(4)]
    for key, action, status in ((topics[0], "WinOpportunity", 3), (topics[1], "LoseOpportunity", 4)):
        close = {"subject": "Done", "opportunityid@odata.bind": f"/opportunities({key})"}
        market.call(action, OpportunityClose=close, Status=status)
    quotes = [market.quote(f"Quote {number}") for number in range(4)]
    market.sales.create("quotes", name="Draft", **theirs)
    market.win(quotes[0])
    market.close(quotes[1], "CloseQuote", 5)

    found = counts(market.connection, market.account)
    assert [(kind.name, number) for kind, number in found] == [("opportunities", 2), ("quotes", 3), ("cases", 2)]
    listed = {kind.name: {row.title for row in rows(market.connection, kind, market.account)} for kind, _ in found}
    assert listed == {
        "opportunities": {"Topic 2", "Topic 3"},
        "quotes": {"Quote 0", "Quote 2", "Quote 3"},
        "cases": {"Case 2", "Case 3"},
    }

    ensure_groups()
    person = Client()
    person.force_login(make_person("seller", "salesperson"))
    pair = Coupling.objects.get(sales_key=market.account)
    place = f"/c/{market.connection.slug}/couplings/{pair.pk}/customer/"
    panel = person.get(place).content.decode()
    assert "Open opportunities" in panel
    assert "Update account statistics" in panel
    assert "Case 3" in person.get(f"{place}cases/?read=1").content.decode()
    item = Coupling.objects.get(sales_key=market.product)
    assert person.get(f"/c/{market.connection.slug}/couplings/{item.pk}/customer/").status_code == 404
    market.connection.enabled = False
    market.connection.save()
    assert person.get(place).status_code == 404


def test_a9_67_stock_that_moved_is_shown_on_the_product(market: Market) -> None:
    """hub"""
    market.switch(synchronize_item_availability=True)
    item = market.bc.create("items", displayName="Chair", baseUnitOfMeasureCode="PCS")
    market.bc.update("items", item, inventory=12)
    for name in ("CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT"):
        market.run_full(name)
    product = Coupling.objects.get(bc_key=item).sales_key
    market.process(name=AVAILABILITY)
    market.bc.update("items", item, inventory=9)
    jobs = SynchJob.objects.filter(mode="selected").count()
    assert market.process(name=AVAILABILITY).state == "succeeded"
    assert market.sales.row("products", product, "quantityonhand")["quantityonhand"] == 9
    market.process(name=AVAILABILITY)
    assert SynchJob.objects.filter(mode="selected").count() == jobs + 1


@pytest.fixture
def billed(shop: Market) -> UUID:
    """A posted invoice that is in Sales, not paid."""
    invoice = invoice_for(shop, shop.customer)
    shop.run_full(INVOICES)
    assert shown(shop, invoice, "statecode", "statuscode") == (0, 4)
    return invoice


def test_a9_64_payments_reach_the_invoice_in_sales(market: Market, billed: UUID) -> None:
    """139179 AccountStatisticsJobUpdatesInvoiceStatusFullyPaid, AccountStatisticsJobUpdatesInvoiceStatusPartiallyPaid:
    by the run of the invoices, without a watermark (docs/differences.md, “Payment state of invoices”)."""
    pay(market, billed, amount=50)
    market.run(INVOICES)
    assert shown(market, billed, "statecode", "statuscode") == (2, 100002)
    pay(market, billed)
    market.run(INVOICES)
    assert shown(market, billed, "statecode", "statuscode") == (2, 100001)


def test_a9_65_unapplied_payment_makes_the_invoice_billed_again(market: Market, billed: UUID) -> None:
    """139179 AccountStatisticsJobUpdatesInvoiceStatusFullyPaidThenUnapplied"""
    pay(market, billed)
    market.run(INVOICES)
    market.sandbox.control("POST", f"/business-central/sales-invoices/{billed}/unapply-payment", {})
    market.run(INVOICES)
    assert shown(market, billed, "statecode", "statuscode") == (0, 4)


def test_a9_65_invoice_cancelled_in_sales_but_paid(market: Market, billed: UUID) -> None:
    """139179 AccountStatisticsJobUpdatesCanceledInvoice: it has to be opened before it can be paid, which the sandbox's
    states do not allow (docs/limits.md); the hub asks for it and says what came of it."""
    row = market.coupling(INVOICES, bc_key=billed).sales_key
    market.sales.update("invoices", row, statecode=3, statuscode=100003)
    pay(market, billed)
    asked = Operation.objects.get(job=market.run(INVOICES))
    assert asked.after == {"statecode": 0, "statuscode": 4}
    assert "does not allow this status" in asked.error_message


def test_a9_65_nothing_runs_while_the_connection_is_disabled(market: Market) -> None:
    """139179 JobQueueFailsIfCRMConnectionDisabled"""
    market.connection.enabled = False
    market.connection.save()
    before = SynchJob.objects.count()
    with pytest.raises(HubError, match="disabled"):
        market.process(name=STATISTICS)
    assert SynchJob.objects.count() == before
