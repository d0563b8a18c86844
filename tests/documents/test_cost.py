"""Requests of a run stay few: at most six per order over both systems, whatever its lines."""

from tests.documents.trade import Trade


def test_orders_of_ten_lines_take_at_most_six_requests_each(trade: Trade) -> None:
    for number in range(8):
        trade.make_order(f"Order {number}", lines=10, discountamount=3)
    trade.requests()

    trade.process()

    assert len(trade.bc_orders()) == 8
    trade_requests = trade.request_count()
    # About twenty for what all orders share; each further order costs no request of its own.
    assert trade_requests <= 6 * 8, trade_requests
    assert trade_requests <= 30, trade_requests
