"""Contacts belong to a company: a customer's company contact in Business Central, an account in Sales.

Neither side's rows say so in terms of the other. Business Central tells the customer of a person (`customerContacts`);
the company contact of a customer is known from its other persons, or by the name that Business Central keeps equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.convert.values import ZERO_GUID
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.references import Role
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, Leave, Refusal, TableRule, common_extras, register
from syncjobs.engine.views import RecordView

PARENT_READ = "_parentcustomerid_value"
PARENT_WRITE = "parentcustomerid_account@odata.bind"
_ACCOUNTS, _CUSTOMERS, _COMPANIES, _NAMES = "accounts", "customers", "companies", "customer_names"
_NAME_PARTS = ("firstname", "middlename", "lastname")


@register("CONTACT")
class ContactRule(TableRule):
    service_properties = {"customerContacts": ("customerId",)}

    def properties(self, system: System) -> frozenset[str]:
        if system == System.SALES:
            return frozenset({PARENT_READ, *_NAME_PARTS})
        return frozenset({"type", "companyNumber", "contactBusinessRelation", "displayName"})

    def want(self, lookups: Lookups, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any]) -> None:
        if customer := _customer(bc_row):
            lookups.extra.setdefault("wanted_customers", set()).add(customer)
        if sales_row.get(PARENT_READ):
            lookups.extra.setdefault("wanted_accounts", set()).add(str(sales_row[PARENT_READ]).lower())

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Accounts of the customers, customers of the accounts, and the customers' company contacts."""
        customers = lookups.extra.get("wanted_customers", set())
        accounts = lookups.extra.get("wanted_accounts", set())
        coupled = Coupling.objects.filter(connection=connection, mapping__name="CUSTOMER")
        pairs = [
            *coupled.filter(bc_key__in=key_array(customers)).values_list("bc_key", "sales_key"),
            *coupled.filter(sales_key__in=key_array(accounts)).values_list("bc_key", "sales_key"),
        ]
        lookups.extra[_ACCOUNTS] = {str(bc_key): str(sales_key) for bc_key, sales_key in pairs}
        lookups.extra[_CUSTOMERS] = {str(sales_key): str(bc_key) for bc_key, sales_key in pairs}
        known = BusinessCentralRecord.objects.of_table(connection.pk, "customers").filter(
            key__in=key_array({*map(UUID, customers), *(bc_key for bc_key, _ in pairs)})
        )
        names = {str(key): (number, name) for key, number, name in known.values_list("key", "number", "name")}
        lookups.extra[_NAMES] = names
        if accounts:
            lookups.extra[_COMPANIES] = _companies(connection, lookups.extra[_CUSTOMERS].values(), names)

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        if target == System.SALES:
            if source.values.get("type", "Person") != "Person":
                return Refusal(Leave.DROPPED, "company_contact")
            customer = _customer(source.values)
            if coupled or customer in lookups.extra.get(_ACCOUNTS, {}):
                return None
            if not customer:
                return Refusal(Leave.DROPPED, "no_company")
            number = lookups.extra.get(_NAMES, {}).get(customer, (customer, ""))[0]
            return not_coupled(noun="customer", number=number, partner="account", mapping=Role.CUSTOMER.mappings[0])
        if coupled or _company_of(source, lookups):
            return None
        return Problem(
            kind=ErrorKind.DEPENDENCY,
            code="engine.no_company",
            message=f"The company of {source.title or source.key} does not exist in Business Central.",
            hint="Couple the contact's account with a customer first.",
            value=str(source.values.get(PARENT_READ) or ""),
            details={"mapping": "CUSTOMER", "number": str(source.values.get(PARENT_READ) or "")},
        )

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        if target == System.SALES:
            found = common_extras(blueprint, target, sales)
            account = lookups.extra.get(_ACCOUNTS, {}).get(_customer(bc.values)) if bc is not None else None
            if account:
                parentless = sales is None or (PARENT_READ in sales.values and not sales.values[PARENT_READ])
                found.append(Extra(PARENT_WRITE, f"/accounts({account})", PARENT_READ, account, alone=parentless))
            return found
        if bc is not None or sales is None:
            return []
        company = _company_of(sales, lookups)
        name = " ".join(part for part in (str(sales.values.get(key) or "").strip() for key in _NAME_PARTS) if part)
        found = [Extra("displayName", (name or sales.name)[:100], "displayName", (name or sales.name)[:100])]
        if company:
            found.append(Extra("companyNumber", company, "companyNumber", company))
        return found


def _customer(values: Mapping[str, Any]) -> str:
    key = str(values.get("customerId") or "").lower()
    return "" if key == ZERO_GUID else key


def _company_of(sales: RecordView, lookups: Lookups) -> str:
    """Number of the company contact of the customer that the contact's account is coupled with."""
    account = str(sales.values.get(PARENT_READ) or "").lower()
    customer = lookups.extra.get(_CUSTOMERS, {}).get(account)
    company: str = lookups.extra.get(_COMPANIES, {}).get(customer, "")
    return company


def _companies(connection: Connection, customers: Any, names: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Customer → number of its company contact: from its persons, else by the name if only one company has it."""
    contacts = BusinessCentralRecord.objects.of_table(connection.pk, "contacts").alive()
    wanted = set(customers)
    persons = contacts.filter(values__customerId__in=sorted(wanted)).values_list("values", flat=True)
    found = {str(row["customerId"]): str(row["companyNumber"]) for row in persons if row.get("companyNumber")}
    by_name: dict[str, list[str]] = {}
    missing = {names[key][1]: key for key in wanted - set(found) if key in names}
    for name, number in contacts.filter(values__type="Company", name__in=list(missing)).values_list("name", "number"):
        by_name.setdefault(name, []).append(number)
    found.update({missing[name]: numbers[0] for name, numbers in by_name.items() if len(numbers) == 1})
    return found
