"""A hub with order integration on, and a small trade on both sides of the running sandbox."""

from typing import Any

import pytest

from tests.documents.trade import Trade
from tests.engine.live import connect
from tests.sandbox_process import SandboxServer


@pytest.fixture
def trade(sandbox: SandboxServer, transactional_db: None, settings: Any) -> Trade:
    """One coupled customer, one coupled item; orders and quotes are made as a salesperson makes them."""
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    connection = connect(sandbox)
    made = Trade(connection, sandbox)
    made.switch(sales_order_integration="legacy", unit_group_mapping=False)
    made.set_up()
    sandbox.control("DELETE", "/requests")
    return made


@pytest.fixture
def both(trade: Trade) -> Trade:
    """Orders travel both ways."""
    trade.switch(sales_order_integration="bidirectional")
    for name in ("CURRENCY", "CUSTOMER", "ITEM-PRODUCT"):
        trade.run(name)  # orders name customers and items by number
    return trade
