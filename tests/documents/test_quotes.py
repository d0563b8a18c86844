"""Activated quotes become Business Central quotes; revisions, won and lost ones."""

from uuid import UUID

from syncjobs.documents.choices import TransferState
from syncjobs.documents.models import QuoteVersion
from syncjobs.documents.processes import PROCESS_QUOTES, REMOVE_QUOTES, quote_mapping
from tests.documents.trade import Trade


def make_quote(
    trade: Trade, name: str = "First quote", *, price: int = 10, activate: bool = True, **header: object
) -> UUID:
    key = trade.sales.create(
        "quotes", name=name, **{"customerid_account@odata.bind": f"/accounts({trade.account})"}, **header
    )
    add_line(trade, key, price=price)
    if activate:
        trade.sales.update("quotes", key, statecode=1, statuscode=3)
    return key


def add_line(trade: Trade, quote: UUID, *, price: int) -> UUID:
    return trade.sales.create(
        "quotedetails", quantity=2, priceperunit=price, ispriceoverridden=True,
        **{
            "quoteid@odata.bind": f"/quotes({quote})", "productid@odata.bind": f"/products({trade.product})",
            "uomid@odata.bind": f"/uoms({trade.unit})",
        },
    )  # fmt: skip


def call(trade: Trade, action: str, **body: object) -> dict:
    answer = trade.sales.client.session.send("POST", action, body=body)
    return answer.data or {}


def revise(trade: Trade, quote: UUID, *, price: int) -> UUID:
    new = UUID(call(trade, "ReviseQuote", QuoteId=str(quote))["quoteid"])
    add_line(trade, new, price=price)
    trade.sales.update("quotes", new, statecode=1, statuscode=3)
    return new


def win(trade: Trade, quote: UUID) -> None:
    close = {"subject": "Won", "quoteid@odata.bind": f"/quotes({quote})"}
    call(trade, "WinQuote", QuoteClose={"@odata.type": "Microsoft.Dynamics.CRM.quoteclose", **close}, Status=4)


def process(trade: Trade, *keys: UUID) -> None:
    job = trade.process(*keys, name=PROCESS_QUOTES)
    assert job.state in ("succeeded", "partly"), job.message


def test_active_quote_becomes_a_quote(trade: Trade) -> None:
    key = make_quote(trade, "Offer of lamps", effectiveto="2027-01-31")

    process(trade)
    process(trade)

    [quote] = trade.documents("salesQuotes")
    assert quote["externalDocumentNumber"] == "OFFER OF LAMPS"
    assert quote["validUntilDate"] == "2027-01-31"
    assert [(line["quantity"], line["unitPrice"]) for line in quote["salesQuoteLines"]] == [(2, 10)]
    document = trade.document(key)
    assert (document.transfer_state, document.bc_number) == (TransferState.TRANSFERRED, quote["number"])
    assert document.coupling
    assert document.coupling.mapping == quote_mapping(trade.connection)
    assert trade.sales.row("quotes", key, "statecode", "statuscode") == {"statecode": 1, "statuscode": 3}


def test_three_revisions_keep_one_quote_and_archive_each_version(trade: Trade) -> None:
    first = make_quote(trade, "Revised")
    process(trade)
    [before] = trade.documents("salesQuotes")

    second = revise(trade, first, price=20)
    process(trade)
    third = revise(trade, second, price=30)
    process(trade)
    process(trade)

    [quote] = trade.documents("salesQuotes")
    assert quote["number"] == before["number"]
    assert [line["unitPrice"] for line in quote["salesQuoteLines"]] == [10, 20, 30]
    versions = list(QuoteVersion.objects.order_by("revision").values_list("revision", "reason"))
    assert versions == [(0, "revised"), (1, "revised")]
    assert [len(version.lines) for version in QuoteVersion.objects.order_by("revision")] == [1, 2]
    assert trade.document(third).coupling
    assert not trade.document(first).coupling
    assert trade.document(third).bc_number == before["number"]


def test_won_quote_waits_for_its_order_and_then_leads_to_one(trade: Trade) -> None:
    key = make_quote(trade, "Won")
    win(trade, key)
    process(trade)
    assert [each["code"] for each in trade.document(key).attention] == ["quote.no_order"]

    order = UUID(call(trade, "ConvertQuoteToSalesOrder", QuoteId=str(key))["salesorderid"])
    process(trade)
    assert [each["code"] for each in trade.document(key).attention] == ["quote.order_not_submitted"]
    assert trade.bc_orders() == []

    trade.submit(order)
    process(trade)
    process(trade)

    [made] = trade.bc_orders()
    document = trade.document(key)
    assert (document.order_number, document.marks["won"]) == (made["number"], True)
    assert trade.document(order).bc_number == made["number"]
    extras = trade.bc.row("salesOrderExtras", trade.document(order).bc_key, "quoteNumber")
    assert extras["quoteNumber"] == document.bc_number
    assert not any("Quote No." in each for each in trade.document(order).omissions)
    assert QuoteVersion.objects.filter(reason="won").count() == 1

    # Left in Business Central, somebody could make a second order of it there.
    assert trade.process(key, name=REMOVE_QUOTES).deleted == 1
    process(trade)
    assert (trade.documents("salesQuotes"), len(trade.bc_orders())) == ([], 1)


def test_lost_quote_asks_what_to_do(trade: Trade) -> None:
    key = make_quote(trade, "Lost")
    process(trade)
    close = {"subject": "Lost", "quoteid@odata.bind": f"/quotes({key})"}
    call(trade, "CloseQuote", QuoteClose={"@odata.type": "Microsoft.Dynamics.CRM.quoteclose", **close}, Status=5)

    process(trade)

    assert [each["code"] for each in trade.document(key).attention] == ["quote.closed"]
    assert len(trade.documents("salesQuotes")) == 1


def test_lost_quote_is_kept_and_deleted_on_request(trade: Trade) -> None:
    key = make_quote(trade)
    process(trade, key)
    close = {"subject": "Lost", "quoteid@odata.bind": f"/quotes({key})"}
    call(trade, "CloseQuote", QuoteClose={"@odata.type": "Microsoft.Dynamics.CRM.quoteclose", **close}, Status=5)
    process(trade)
    job = trade.process(key, name=REMOVE_QUOTES)
    assert (job.deleted, trade.documents("salesQuotes")) == (1, [])
    assert QuoteVersion.objects.get().reason == "removed"
    assert trade.document(key).transfer_state == TransferState.CLOSED
