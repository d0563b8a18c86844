"""Currencies: an existing one with the ISO code is taken over, exchange rates follow Business Central's.

Sales counts a currency's units per one unit of its base currency; Business Central counts local currency per unit of a
foreign one. The local currency has no record in Business Central, so its Sales row is found or created beside the
pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from django.db.models.functions import Upper
from django.utils import timezone

from connector.choices import System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.choices import OperationKind
from syncjobs.engine.blueprint import Blueprint, Facts
from syncjobs.engine.keys import derived_key
from syncjobs.engine.lookups import Lookups, load_local_currency
from syncjobs.engine.results import Problem
from syncjobs.engine.rules.base import Extra, TableRule, register
from syncjobs.engine.views import RecordView
from syncjobs.engine.writes import PlannedWrite

RATES_TABLE = "currencyExchangeRates"
_RATES = "exchange_rates"
_DECIMALS = Decimal("1e-10")
_DEFAULT_PRECISION = 2


@register("CURRENCY")
class CurrencyRule(TableRule):
    # A new exchange rate does not touch the currency's own record.
    plans_all_couplings = True
    auxiliary_tables = {
        RATES_TABLE: (
            "currencyCode",
            "startingDate",
            "exchangeRateAmount",
            "relationalCurrencyCode",
            "relationalExchangeRateAmount",
        )
    }

    def properties(self, system: System) -> frozenset[str]:
        if system == System.SALES:
            return frozenset({"isocurrencycode", "exchangerate"})
        return frozenset({"code"})

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        load_local_currency(lookups, connection)
        rates = (
            BusinessCentralRecord.objects.of_table(connection.pk, RATES_TABLE).alive().values_list("values", flat=True)
        )
        lookups.extra[_RATES] = local_rates(list(rates), today=timezone.now().date())

    def partners(
        self, blueprint: Blueprint, connection: Connection, source: System, records: Sequence[RecordView]
    ) -> dict[UUID, UUID]:
        if source != System.BUSINESS_CENTRAL:
            return {}
        wanted = {_code(record.values): record.key for record in records}
        taken = Coupling.objects.filter(connection=connection, sales_table=blueprint.sales_table).values("sales_key")
        found = (
            SalesRecord.objects.of_table(connection.pk, blueprint.sales_table)
            .alive()
            .annotate(code=Upper("number"))
            .filter(code__in=wanted)
            .exclude(key__in=taken)
            .order_by("key")
        )
        return {wanted[code]: key for code, key in found.values_list("code", "key")}

    def standalone(self, blueprint: Blueprint, lookups: Lookups) -> Sequence[PlannedWrite]:
        """The local currency, where Sales has none of its code and its rate is known."""
        facts, code = blueprint.facts, lookups.local_currency
        if not code or lookups.local_currency_key or System.SALES not in blueprint.targets:
            return ()
        rate = sales_rate(code, facts, lookups)
        if isinstance(rate, Problem):
            return ()
        body = {
            "isocurrencycode": code,
            "currencyname": code,
            "currencysymbol": code,
            "currencyprecision": _precision(facts),
            "exchangerate": rate,
        }
        key = derived_key(facts.slug, blueprint.name, f"local currency {code}", 0)
        return (
            PlannedWrite(
                System.SALES, OperationKind.CREATE, record_id=key, after=body, sales_base=dict(body), title=code
            ),
        )

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        if target != System.SALES or bc is None:
            return []
        code, facts = _code(bc.values), blueprint.facts
        found = []
        if sales is None:
            precision = _precision(facts)
            found.append(Extra("currencyprecision", precision, "currencyprecision", precision))
        # The base currency is worth itself; Sales refuses any other rate for it.
        if code != facts.base_currency:
            rate = sales_rate(code, facts, lookups)
            if isinstance(rate, Problem):
                return rate
            found.append(Extra("exchangerate", rate, "exchangerate", rate, alone=True))
        return found


def sales_rate(code: str, facts: Facts, lookups: Lookups) -> Decimal | Problem:
    """Units of the currency per one unit of the Sales base currency, by way of the local currency."""
    rates: Mapping[str, Decimal] = {**lookups.extra.get(_RATES, {}), lookups.local_currency: Decimal(1)}
    if not facts.base_currency:
        return Problem(
            kind=ErrorKind.CONFIG,
            code="engine.no_base_currency",
            message="The base currency of Dynamics 365 Sales is not known.",
            hint="Test the connection and enable it again; this reads the organisation's base currency.",
        )
    for needed in (code, facts.base_currency):
        if not rates.get(needed):
            return Problem(
                kind=ErrorKind.DATA,
                code="engine.no_exchange_rate",
                message=f"Currency {needed} has no exchange rate up to today in Business Central.",
                hint=f"Enter an exchange rate for {needed} in Business Central.",
                value=needed,
            )
    return (rates[facts.base_currency] / rates[code]).quantize(_DECIMALS, ROUND_HALF_UP)


def local_rates(rows: Sequence[Mapping[str, Any]], *, today: date) -> dict[str, Decimal]:
    """Local currency per unit of each currency: the newest rate that has begun.

    `rows` are values of `currencyExchangeRates`. A rate may be towards another foreign currency, which then needs one
    of its own.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        code, start = _upper(row.get("currencyCode")), str(row.get("startingDate") or "")
        if start <= today.isoformat() and (code not in newest or start > str(newest[code]["startingDate"])):
            newest[code] = row
    found: dict[str, Decimal] = {}
    for code, row in newest.items():
        rate = _ratio(row)
        relation = _upper(row.get("relationalCurrencyCode"))
        if relation:
            rate *= _ratio(newest[relation]) if relation in newest and relation != code else Decimal(0)
        if rate:
            found[code] = rate
    return found


def _ratio(row: Mapping[str, Any]) -> Decimal:
    units = Decimal(str(row.get("exchangeRateAmount") or 0))
    return Decimal(str(row.get("relationalExchangeRateAmount") or 0)) / units if units else Decimal(0)


def _precision(facts: Facts) -> int:
    return _DEFAULT_PRECISION if facts.base_precision is None else facts.base_precision


def _code(values: Mapping[str, Any]) -> str:
    return _upper(values.get("code"))


def _upper(value: Any) -> str:
    return str(value or "").strip().upper()
