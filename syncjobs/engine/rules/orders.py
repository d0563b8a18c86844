"""Sales orders. Their transfer is the documents' part; what their invoices take over from them is mirrored here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from connector.bulk import Sender
from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.models import Connection
from connector.sales import SalesClient
from coupling.models import Coupling, SalesRecord
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.order_sender import OrderSender
from syncjobs.engine.results import Problem
from syncjobs.engine.rules.base import Leave, Refusal, TableRule, register
from syncjobs.engine.views import RecordView

ORDERS_MAPPING = "SALESORDER-ORDER"
CUSTOMER_READ = "_customerid_value"
_STATE, _SUBMITTED = "statecode", 1
_STATUS, _RELEASED = "status", "Open"
"""What API v2.0 calls released, and what waits for a prepayment."""
_ORDER, _REFERENCE = "orderId", "customerPurchaseOrderReference"
INVOICE_PROPERTIES = (_ORDER, _REFERENCE)
"""Properties of a posted invoice that `orders_of` looks at."""

_FoundOrder = tuple[str, Mapping[str, Any]]


@register(ORDERS_MAPPING)
class OrderRule(TableRule):
    """Headers of coupled orders. The documents' part makes new ones, since an order without lines is none, and knows
    which of those that are gone were posted.
    """

    outlives_partner = True

    def properties(self, system: System) -> frozenset[str]:
        if system != System.SALES:
            return frozenset({_STATUS})
        return frozenset({"name", "ordernumber", _STATE, CUSTOMER_READ, "_pricelevelid_value", "_opportunityid_value"})

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        return None if coupled else Refusal(Leave.DROPPED, "made_by_documents")

    def keep(self, blueprint: Blueprint, target: System, record: RecordView) -> Refusal | Problem | None:
        """Only submitted orders are changed in Sales, and in Business Central only those that are open."""
        if target == System.SALES and record.values.get(_STATE, _SUBMITTED) != _SUBMITTED:
            return Refusal(Leave.SKIPPED, "order_not_submitted")
        if target == System.BUSINESS_CENTRAL and record.values.get(_STATUS) == _RELEASED:
            return Refusal(Leave.SKIPPED, "order_released")
        return None

    def sender(self, client: SalesClient | BusinessCentralClient, usual: Sender) -> Sender:
        return OrderSender(client, usual) if isinstance(client, SalesClient) else usual


def orders_of(
    connection: Connection, invoices: Sequence[RecordView], accounts: Mapping[str, str]
) -> dict[UUID, _FoundOrder]:
    """Key and values of the Sales orders that invoices are for, by invoice: two queries.

    An order is found by its coupling. An invoice over shipments has none; it names the order by the reference that the
    transfer gave the document, which counts where the customer is the order's. `accounts`: customer → account.
    """
    coupled = Coupling.objects.filter(
        connection=connection, mapping__name=ORDERS_MAPPING,
        bc_key__in=key_array({UUID(key) for row in invoices if (key := _text(row, _ORDER))}),
    )  # fmt: skip
    keys = {str(bc_key): str(sales_key) for bc_key, sales_key in coupled.values_list("bc_key", "sales_key")}
    references = {str(row.values.get(_REFERENCE) or "") for row in invoices} - {""}
    orders = SalesRecord.objects.of_table(connection.pk, "salesorders").alive()
    rows = orders.filter(Q(key__in=key_array(map(UUID, keys.values()))) | Q(number__in=references))
    values: dict[str, Mapping[str, Any]] = {}
    by_number: dict[str, _FoundOrder] = {}
    for sales_key, number, row in rows.values_list("key", "number", "values"):
        values[str(sales_key)] = row
        by_number[number] = (str(sales_key), row)
    found: dict[UUID, _FoundOrder] = {}
    for invoice in invoices:
        named = by_number.get(str(invoice.values.get(_REFERENCE) or ""))
        if coupled_key := keys.get(_text(invoice, _ORDER)):
            found[invoice.key] = (coupled_key, values.get(coupled_key, {}))
        elif named and named[1].get(CUSTOMER_READ) == accounts.get(_text(invoice, "customerId")):
            found[invoice.key] = named
    return found


def _text(row: RecordView, name: str) -> str:
    return str(row.values.get(name) or "").lower()
