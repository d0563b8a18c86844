"""A customer's money in local currency, for all customers at once: balances, what is open, what was sold this year."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.business_central import BusinessCentralClient
from connector.odata import options
from syncjobs.documents.amounts import ZERO, amount
from syncjobs.documents.following import rows_at
from syncjobs.documents.models import key_of

_DRAFT = "Draft"
_IN_REVIEW = "In_x0020_Review"
_DOCUMENT = ("customerId", "currencyCode", "status", "totalAmountExcludingTax", "totalAmountIncludingTax")
_QUANTITIES = ("quantity", "shippedQuantity", "invoicedQuantity", "amountIncludingTax")


@dataclass(slots=True)
class Figures:
    """All in local currency; `sales` are without tax, since the year began."""

    number: str = ""
    name: str = ""
    credit_limit: Decimal = ZERO
    balance: Decimal = ZERO
    overdue: Decimal = ZERO
    outstanding_orders: Decimal = ZERO
    shipped_not_invoiced: Decimal = ZERO
    outstanding_invoices: Decimal = ZERO
    sales: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.balance + self.outstanding_orders + self.shipped_not_invoiced + self.outstanding_invoices


@dataclass(slots=True)
class Rates:
    """What one unit of a currency is worth in local currency; the local one, and an unknown one, count as they are."""

    by_code: dict[str, Decimal] = field(default_factory=dict)

    def local(self, value: Any, code: Any) -> Decimal:
        return amount(value) * self.by_code.get(str(code or ""), Decimal(1))


def read_figures(client: BusinessCentralClient, today: date, only: UUID | None = None) -> dict[UUID, Figures]:
    """By customer, of all of them or of `only` one. About ten requests for a company of ordinary size.

    Raises RemoteError.
    """
    figures: dict[UUID, Figures] = defaultdict(Figures)
    own, theirs = (f"id eq {only}", f"customerId eq {only}") if only else ("", "")
    for record in client.query("customers", properties=["number", "displayName", "creditLimit"], filter=own):
        each = figures[record.key]
        each.number, each.name = str(record.values["number"]), str(record.values["displayName"] or "")
        each.credit_limit = amount(record.values["creditLimit"])
    for record in client.query("customerFinancialDetails", properties=["balance", "overdueAmount"], filter=own):
        each = figures[record.key]
        each.balance, each.overdue = amount(record.values["balance"]), amount(record.values["overdueAmount"])
    rates = _rates(client, today)
    _add_orders(client, figures, rates, theirs)
    _add_sales(client, figures, rates, _first_day(client, today), theirs)
    return figures


def _rates(client: BusinessCentralClient, today: date) -> Rates:
    """The newest rate of each currency that is valid today."""
    rates = Rates()
    names = ["currencyCode", "startingDate", "exchangeRateAmount", "relationalExchangeRateAmount"]
    rows = sorted(
        (record.values for record in client.query("currencyExchangeRates", properties=names)),
        key=lambda row: str(row["startingDate"]),
    )
    for row in rows:
        if str(row["startingDate"]) <= today.isoformat() and amount(row["exchangeRateAmount"]):
            rate = amount(row["relationalExchangeRateAmount"]) / amount(row["exchangeRateAmount"])
            rates.by_code[str(row["currencyCode"])] = rate
    return rates


def _first_day(client: BusinessCentralClient, today: date) -> str:
    """When the fiscal year began; the calendar's year where no periods are offered."""
    begun = ""
    if "accountingPeriods" in client.tables(client.addresses.service_of("salesOrders")):
        for record in client.query("accountingPeriods", properties=["startingDate", "newFiscalYear"]):
            day = str(record.values["startingDate"])
            if record.values["newFiscalYear"] and begun < day <= today.isoformat():
                begun = day
    return begun or today.replace(month=1, day=1).isoformat()


def _add_orders(client: BusinessCentralClient, figures: dict[UUID, Figures], rates: Rates, theirs: str) -> None:
    """What is still to be shipped, and what was shipped and not invoiced, of every open order."""
    address = client.addresses.table("salesOrders") + options(
        select="id,customerId,currencyCode", filter=theirs, expand=f"salesOrderLines($select={','.join(_QUANTITIES)})"
    )
    for order in rows_at(client, address):
        if (customer := key_of(order["customerId"])) is None:
            continue
        for line in order["salesOrderLines"]:
            quantity = amount(line["quantity"])
            if not quantity:
                continue
            share = rates.local(line["amountIncludingTax"], order["currencyCode"]) / quantity
            shipped, invoiced = amount(line["shippedQuantity"]), amount(line["invoicedQuantity"])
            figures[customer].outstanding_orders += (quantity - shipped) * share
            figures[customer].shipped_not_invoiced += (shipped - invoiced) * share


def _add_sales(
    client: BusinessCentralClient, figures: dict[UUID, Figures], rates: Rates, first_day: str, theirs: str
) -> None:
    for row in _invoices(client, first_day, theirs):
        if (customer := key_of(row["customerId"])) is None:
            continue
        if row["status"] in (_DRAFT, _IN_REVIEW):
            total = rates.local(row["totalAmountIncludingTax"], row["currencyCode"])
            figures[customer].outstanding_invoices += total
        else:
            figures[customer].sales += rates.local(row["totalAmountExcludingTax"], row["currencyCode"])
    memos = client.query(
        "salesCreditMemos", properties=list(_DOCUMENT), filter=_both(f"postingDate ge {first_day}", theirs)
    )
    for record in memos:
        values = record.values
        if values["status"] not in (_DRAFT, _IN_REVIEW) and (customer := key_of(values["customerId"])) is not None:
            figures[customer].sales -= rates.local(values["totalAmountExcludingTax"], values["currencyCode"])


def _invoices(client: BusinessCentralClient, first_day: str, theirs: str) -> Iterator[Mapping[str, Any]]:
    """Posted ones of the year, and every one that is not posted yet."""
    seen = set()
    for condition in (f"postingDate ge {first_day}", f"status eq '{_DRAFT}'"):
        for record in client.query("salesInvoices", properties=list(_DOCUMENT), filter=_both(condition, theirs)):
            if record.key not in seen:
                seen.add(record.key)
                yield record.values


def _both(condition: str, theirs: str) -> str:
    return f"{condition} and {theirs}" if theirs else condition
