"""Opportunities hang on a contact and, through it, on a customer's account.

Business Central shows the contact only; its company leads to the account. An opportunity that comes from Sales gets the
contact and the salesperson once, when it is created: nobody could work on it without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.convert.values import ZERO_GUID
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.references import Role
from syncjobs.engine.relations import companies_of, owners_of
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, Leave, Refusal, TableRule, common_extras, register
from syncjobs.engine.views import RecordView

SALES = System.SALES
_CONTACT_READ, _OWNER_READ = "_parentcontactid_value", "_ownerid_value"
_ACCOUNT_READ, _ACCOUNT_WRITE = "_parentaccountid_value", "parentaccountid@odata.bind"
_ACCOUNTS, _COMPANIES = "accounts_of_contacts", "companies_of_accounts"
_PARTIES = ("CUSTOMER", "VENDOR")
_STATE, _OPEN = "statecode", 0


@register("OPPORTUNITY")
class OpportunityRule(TableRule):
    reads_relations = True

    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            return frozenset({_CONTACT_READ, _ACCOUNT_READ, _OWNER_READ, _STATE})
        return frozenset({"contactNumber", "salespersonCode"})

    def want(self, lookups: Lookups, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any]) -> None:
        if number := str(bc_row.get("contactNumber") or ""):
            lookups.extra.setdefault("wanted_contacts", set()).add(number)
            lookups.want_number(Role.CONTACT, number.upper())
        for name, role in ((_CONTACT_READ, Role.CONTACT), (_OWNER_READ, Role.SALESPERSON)):
            if sales_row.get(name):
                lookups.want_key(role, str(sales_row[name]).lower())
        if sales_row.get(_ACCOUNT_READ):
            lookups.extra.setdefault("wanted_accounts", set()).add(str(sales_row[_ACCOUNT_READ]).lower())

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Accounts of the contacts' companies, and company contacts of the accounts."""
        contacts = (
            BusinessCentralRecord.objects.of_table(connection.pk, "contacts")
            .alive()
            .filter(number__in=sorted(lookups.extra.get("wanted_contacts", ())))
        )
        found = dict(contacts.values_list("number", "values"))
        lookups.company_contacts |= {
            number.upper() for number, values in found.items() if values.get("type", "Person") != "Person"
        }
        owners = owners_of(connection, {str(values.get("companyNumber") or "") for values in found.values()} - {""})
        parties = {number: _parties(values, owners) for number, values in found.items()}
        coupled = Coupling.objects.filter(connection=connection, mapping__name__in=_PARTIES)
        keys = key_array(UUID(party) for each in parties.values() for party in each)
        accounts = {
            str(bc_key): str(key) for bc_key, key in coupled.filter(bc_key__in=keys).values_list("bc_key", "sales_key")
        }
        lookups.extra[_ACCOUNTS] = {
            number: next((accounts[party] for party in each if party in accounts), "")
            for number, each in parties.items()
        }
        wanted = key_array(UUID(key) for key in lookups.extra.get("wanted_accounts", ()))
        owned = {
            str(key): bc_key for bc_key, key in coupled.filter(sales_key__in=wanted).values_list("bc_key", "sales_key")
        }
        companies = companies_of(connection, owned.values())
        lookups.extra[_COMPANIES] = {
            account: companies[str(party)] for account, party in owned.items() if str(party) in companies
        }

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        """Where a team owns everything, an opportunity of nobody's customer is none of Sales' business.

        One that is won or lost in Sales makes no new one: Business Central would have it open for good.
        """
        if target != SALES and not coupled and source.values.get(_STATE, _OPEN) != _OPEN:
            return Refusal(Leave.DROPPED, "closed")
        if target != SALES or coupled or blueprint.facts.person_ownership:
            return None
        number = str(source.values.get("contactNumber") or "")
        known = lookups.sales_key(Role.CONTACT, number.upper()) if number else None
        person = number.upper() not in lookups.company_contacts
        if known or (person and lookups.extra[_ACCOUNTS].get(number)):
            return None
        return Refusal(Leave.DROPPED, "no_company")

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        found = common_extras(blueprint, target, sales)
        if target == SALES and bc is not None:
            account = lookups.extra[_ACCOUNTS].get(str(bc.values.get("contactNumber") or ""), "")
            if account:
                missing = sales is not None and not sales.values.get(_ACCOUNT_READ)
                found.append(Extra(_ACCOUNT_WRITE, f"/accounts({account})", _ACCOUNT_READ, account, alone=missing))
        elif target != SALES and bc is None and sales is not None:
            contact = self._contact(sales, lookups)
            if isinstance(contact, Problem):
                return contact
            if contact:
                found.append(Extra("contactNumber", contact, "contactNumber", contact))
            code = lookups.number(Role.SALESPERSON, str(sales.values.get(_OWNER_READ) or "").lower())
            if code:
                found.append(Extra("salespersonCode", code, "salespersonCode", code))
        return found

    def _contact(self, sales: RecordView, lookups: Lookups) -> str | Problem:
        """The contact's number; the company contact of the account where the opportunity has no person."""
        key = str(sales.values.get(_CONTACT_READ) or "").lower()
        if not key:
            company: str = lookups.extra[_COMPANIES].get(str(sales.values.get(_ACCOUNT_READ) or "").lower(), "")
            return company
        number = lookups.number(Role.CONTACT, key)
        if number:
            return number
        name = lookups.sales_name(Role.CONTACT, key) or key
        return not_coupled(noun="contact", number=name, partner="contact", mapping="CONTACT")


def _parties(values: Mapping[str, Any], owners: Mapping[str, Sequence[str]]) -> list[str]:
    customer = str(values.get("customerId") or "").lower()
    own = [customer] if customer and customer != ZERO_GUID else []
    return list(dict.fromkeys([*own, *owners.get(str(values.get("companyNumber") or ""), ())]))
