"""Customers and vendors, both of which are accounts in Sales.

Company marker and owner are every marked table's rules. What is special: an account that was deactivated blocks its
customer, never the other way round, and reactivating does not unblock. Vendors have no such rule.
"""

from __future__ import annotations

from connector.choices import System
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.convert.values import EnumConverter
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.results import Problem
from syncjobs.engine.rules.base import Extra, TableRule, common_extras, register
from syncjobs.engine.views import RecordView

_INACTIVE = 1
_NOT_BLOCKED = ("", EnumConverter.bc_blank)


@register("CUSTOMER")
class CustomerRule(TableRule):
    def properties(self, system: System) -> frozenset[str]:
        return frozenset({"statecode"}) if system == System.SALES else frozenset({"blocked"})

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        if target == System.SALES:
            return common_extras(blueprint, target, sales)
        inactive = sales is not None and sales.values.get("statecode") == _INACTIVE
        if inactive and bc is not None and bc.values.get("blocked", "All") in _NOT_BLOCKED:
            return [Extra("blocked", "All", "blocked", "All", alone=True)]
        return []
