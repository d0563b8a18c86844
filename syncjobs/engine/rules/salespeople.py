"""Salespeople come from users. One that is created gets the next code of the built-in integration's pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord
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
