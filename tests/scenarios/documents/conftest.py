"""One database and one sandbox per module; each scenario starts with a small trade on a fresh connection."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from connector.cached import forget
from connector.models import Connection
from tests.engine.live import connect
from tests.sandbox_process import SandboxServer
from tests.scenarios.documents.market import Market
from tests.scenarios.engine.conftest import _database, transactional_db  # noqa: F401  (fixtures)


@pytest.fixture
def market(sandbox: SandboxServer, transactional_db: None, settings: Any) -> Market:  # noqa: F811
    """A coupled customer and item, order integration on, nothing submitted yet."""
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    Connection.objects.all().delete()
    User.objects.all().delete()
    forget("")
    made = Market(connect(sandbox), sandbox)
    made.switch(sales_order_integration="legacy", unit_group_mapping=False)
    made.set_up()
    return made


@pytest.fixture
def shop(market: Market) -> Market:
    """The market, with an item at 100 apiece whose product came by its mapping."""
    market.switch(extended_pricing=False, ownership_model="team")
    market.bc.create("items", number="1000", displayName="Chair", baseUnitOfMeasureCode="PCS", unitPrice=100)
    for name in ("CURRENCY", "PAYMENT TERMS", "UNIT OF MEASURE", "ITEM-PRODUCT"):
        market.run_full(name)
    return market
