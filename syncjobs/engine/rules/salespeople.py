"""Salespeople come from users. One that is created gets the next code of the built-in integration's pattern.

A salesperson who has a user's e-mail address is that user: creating a second one would leave all their customers with
the first (docs/differences.md). Addresses that occur twice on either side recognise nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower, Trim

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord
from syncjobs.choices import OPEN_OPERATION_STATES, OperationKind
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.results import Problem
from syncjobs.engine.rules.base import Extra, TableRule, register
from syncjobs.engine.views import RecordView
from syncjobs.models import Operation

_CODE = re.compile(r"SP NO\. (\d+)")
_PATTERN = "SP NO. {:05}"
_NEXT = "next_salesperson"
_EMAIL = {System.BUSINESS_CENTRAL: "email", System.SALES: "internalemailaddress"}


@register("SALESPEOPLE")
class SalespersonRule(TableRule):
    def properties(self, system: System) -> frozenset[str]:
        return frozenset({"code"}) if system == System.BUSINESS_CENTRAL else frozenset()

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """The highest number in use, codes of creations that are under way included."""
        codes = list(
            BusinessCentralRecord.objects.of_table(connection.pk, blueprint.bc_table)
            .filter(number__startswith="SP NO. ")
            .values_list("number", flat=True)
        )
        codes += Operation.objects.filter(
            mapping_id=blueprint.mapping_id,
            kind=OperationKind.CREATE,
            system=System.BUSINESS_CENTRAL,
            state__in=OPEN_OPERATION_STATES,
            preview=False,
        ).values_list("after__code", flat=True)
        numbers = [int(match[1]) for code in codes if (match := _CODE.fullmatch(code or ""))]
        lookups.extra[_NEXT] = max(numbers, default=0) + 1

    def partners(
        self, blueprint: Blueprint, connection: Connection, source: System, records: Sequence[RecordView]
    ) -> dict[UUID, UUID]:
        if source != System.SALES:
            return {}
        addresses = {record.key: _address(record.values.get(_EMAIL[System.SALES])) for record in records}
        wanted = {address for address in addresses.values() if address}
        users = _keys_by_address(blueprint, connection, System.SALES, wanted)
        salespeople = _keys_by_address(blueprint, connection, System.BUSINESS_CENTRAL, wanted)
        taken = set(Coupling.objects.filter(mapping_id=blueprint.mapping_id).values_list("bc_key", flat=True))
        return {
            key: salespeople[address][0]
            for key, address in addresses.items()
            if len(users.get(address, ())) == 1
            and len(salespeople.get(address, ())) == 1
            and salespeople[address][0] not in taken
        }

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        if target != System.BUSINESS_CENTRAL or bc is not None:
            return []
        number = lookups.extra.get(_NEXT, 1)
        lookups.extra[_NEXT] = number + 1
        code = _PATTERN.format(number)
        return [Extra("code", code, "code", code)]


def _address(value: object) -> str:
    return str(value or "").strip().casefold()


def _keys_by_address(
    blueprint: Blueprint, connection: Connection, system: System, addresses: set[str]
) -> dict[str, list[UUID]]:
    """Live records of one side by e-mail address."""
    bc = system == System.BUSINESS_CENTRAL
    model: type[BusinessCentralRecord] | type[SalesRecord] = BusinessCentralRecord if bc else SalesRecord
    rows = model.objects.of_table(connection.pk, blueprint.bc_table if bc else blueprint.sales_table).alive()
    rows = rows.annotate(address=Lower(Trim(KeyTextTransform(_EMAIL[system], "values")))).filter(address__in=addresses)
    found: dict[str, list[UUID]] = {}
    for address, key in rows.values_list("address", "key"):
        found.setdefault(address, []).append(key)
    return found
