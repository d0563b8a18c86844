"""Contacts belong to a company: a customer's or vendor's company contact in Business Central, an account in Sales.

Neither side's rows say so in terms of the other. Business Central tells the customer of a person (`customerContacts`)
and, asked one by one, the contacts of a customer or vendor (`relations`). The first contact of a company becomes its
primary contact on both sides; that is the hub's doing and counts as nobody's change of the company.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from connector.choices import System
from connector.errors import ErrorKind
from connector.models import Connection
from coupling.filters import filter_condition
from coupling.models import BusinessCentralRecord, Coupling, FieldMapping, SalesRecord, TableMapping
from syncjobs.choices import OperationKind
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.convert.values import ZERO_GUID
from syncjobs.engine.keys import key_array
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.references import Role
from syncjobs.engine.relations import companies_of, owners_of
from syncjobs.engine.results import Problem, not_coupled
from syncjobs.engine.rules.base import Extra, Leave, Refusal, TableRule, common_extras, register
from syncjobs.engine.views import PairView, RecordView
from syncjobs.engine.writes import PlannedWrite

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
PARENT_READ = "_parentcustomerid_value"
PARENT_WRITE = "parentcustomerid_account@odata.bind"
_PRIMARY_READ, _PRIMARY_WRITE = "_primarycontactid_value", "primarycontactid@odata.bind"
_TEXT, _TEXT_COLUMN = "contact_text", "address1_primarycontactname"
_NAME_PARTS = ("firstname", "middlename", "lastname")
_PARTIES = ("CUSTOMER", "VENDOR")
_PERSONS = "customerContacts"
_ACCOUNTS, _OWNERS, _COMPANIES, _NAMES = "accounts", "owners", "companies", "party_names"
_COMPANY_OWNERS, _OUTSIDE, _ROWS, _PRIMARY, _GIVEN = "company_owners", "outside", "party_rows", "primary", "given"


@register("CONTACT")
class ContactRule(TableRule):
    service_properties = {_PERSONS: ("customerId",)}
    has_steps = True
    reads_relations = True

    def properties(self, system: System) -> frozenset[str]:
        if system == SALES:
            return frozenset({PARENT_READ, *_NAME_PARTS})
        return frozenset({"type", "companyNumber", "contactBusinessRelation", "displayName"})

    def want(self, lookups: Lookups, bc_row: Mapping[str, Any], sales_row: Mapping[str, Any]) -> None:
        if customer := _customer(bc_row):
            lookups.extra.setdefault("wanted_parties", set()).add(customer)
        if company := str(bc_row.get("companyNumber") or ""):
            lookups.extra.setdefault("wanted_companies", set()).add(company)
        if sales_row.get(PARENT_READ):
            lookups.extra.setdefault("wanted_accounts", set()).add(str(sales_row[PARENT_READ]).lower())

    def load(self, blueprint: Blueprint, lookups: Lookups, connection: Connection, rows: Sequence[RecordView]) -> None:
        """Customers and vendors of the slice with their accounts and company contacts: a fixed number of queries."""
        extra = lookups.extra
        accounts = {UUID(key) for key in extra.get("wanted_accounts", ())}
        extra[_COMPANY_OWNERS] = owners_of(connection, extra.get("wanted_companies", ()))
        parties = {*extra.get("wanted_parties", ()), *(key for keys in extra[_COMPANY_OWNERS].values() for key in keys)}
        coupled = Coupling.objects.filter(connection=connection, mapping__name__in=_PARTIES)
        pairs = [
            *coupled.filter(bc_key__in=key_array(map(UUID, parties))).values_list("bc_key", "sales_key", "bc_table"),
            *coupled.filter(sales_key__in=key_array(accounts)).values_list("bc_key", "sales_key", "bc_table"),
        ]
        extra[_ACCOUNTS] = {str(bc_key): str(sales_key) for bc_key, sales_key, _ in pairs}
        extra[_OWNERS] = {str(sales_key): str(bc_key) for bc_key, sales_key, _ in pairs}
        keys = key_array({*map(UUID, parties), *(bc_key for bc_key, _, _ in pairs)})
        known = BusinessCentralRecord.objects.alive().filter(
            connection=connection, table__in=("customers", "vendors"), key__in=keys
        )
        found = list(known.values_list("key", "table", "number", "name", "values"))
        extra[_ROWS] = {str(key): (table, values) for key, table, _, _, values in found}
        extra[_NAMES] = {str(key): (number, name) for key, _, number, name, _ in found}
        extra[_PRIMARY] = _served_fields(connection, "primarycontactid")
        extra[_TEXT] = _served_fields(connection, _TEXT_COLUMN)
        rows_of_accounts = SalesRecord.objects.of_table(connection.pk, "accounts").alive()
        touched = {*accounts, *(sales_key for _, sales_key, _ in pairs)}
        lookups.extra["account_rows"] = {
            str(key): (token, values)
            for key, token, values in rows_of_accounts.filter(key__in=key_array(touched)).values_list(
                "key", "token", "values"
            )
        }
        if accounts:
            extra[_COMPANIES] = _companies(connection, set(extra[_OWNERS].values()), extra[_NAMES])
            extra[_OUTSIDE] = _outside_filters(blueprint, connection, accounts - {key for _, key, _ in pairs})

    def refuse(
        self, blueprint: Blueprint, target: System, source: RecordView, lookups: Lookups, *, coupled: bool
    ) -> Refusal | Problem | None:
        if target == SALES:
            if source.values.get("type", "Person") != "Person":
                return Refusal(Leave.DROPPED, "company_contact")
            parties = _parties(source.values, lookups)
            if coupled or any(party in lookups.extra.get(_ACCOUNTS, {}) for party in parties):
                return None
            if not parties:
                return Refusal(Leave.DROPPED, "no_company")
            number = lookups.extra.get(_NAMES, {}).get(parties[0], (parties[0], ""))[0]
            table = lookups.extra.get(_ROWS, {}).get(parties[0], ("customers", {}))[0]
            role = Role.VENDOR if table == "vendors" else Role.CUSTOMER
            return not_coupled(noun=role.bc_noun, number=number, partner="account", mapping=role.mappings[0])
        # A company that the hub does not carry at all (another relationship type) is none in Business Central.
        account = str(source.values.get(PARENT_READ) or "").lower()
        if coupled or _company_of(source, lookups) or account in lookups.extra.get(_OUTSIDE, ()):
            return None
        return Problem(
            kind=ErrorKind.DEPENDENCY,
            code="engine.no_company",
            message=f"The company of {source.title or source.key} does not exist in Business Central.",
            hint="Couple the contact's account with a customer or vendor first.",
            value=account,
            details={"mapping": "CUSTOMER", "number": account},
        )

    def extras(
        self,
        blueprint: Blueprint,
        target: System,
        bc: RecordView | None,
        sales: RecordView | None,
        lookups: Lookups,
    ) -> list[Extra] | Problem:
        if target == SALES:
            found = common_extras(blueprint, target, sales)
            account = _account(bc.values, lookups) if bc is not None else ""
            if account:
                parentless = sales is None or (PARENT_READ in sales.values and not sales.values[PARENT_READ])
                found.append(Extra(PARENT_WRITE, f"/accounts({account})", PARENT_READ, account, alone=parentless))
            return found
        if bc is not None or sales is None:
            return []
        company = _company_of(sales, lookups)
        name = _name_to_create(blueprint, sales, lookups)
        found = [Extra("displayName", name, "displayName", name)]
        if company:
            found.append(Extra("companyNumber", company, "companyNumber", company))
        return found

    def steps(self, blueprint: Blueprint, pair: PairView, lookups: Lookups) -> Sequence[PlannedWrite] | Problem:
        """The company's primary contact, where a side has none: Business Central's choice, else the first contact."""
        if pair.bc is None or pair.sales is None or pair.bc.values.get("type", "Person") != "Person":
            return ()
        agreed = pair.coupling.bc_base if pair.coupling else {}
        account = str(pair.sales.values.get(PARENT_READ) or "").lower()
        owner = lookups.extra[_OWNERS].get(account)
        if owner and (names := _name_step(blueprint, pair.bc, pair.sales, agreed, lookups.extra[_ROWS].get(owner))):
            return [names]
        row = lookups.extra[_ROWS].get(owner) if owner else None
        known = lookups.extra["account_rows"].get(account)
        if owner is None or row is None or known is None:
            return ()
        table, party = row
        service, name = lookups.extra[_PRIMARY].get(table, ("", ""))
        number, contact = pair.bc.number, str(pair.sales.key)
        chosen = str(party.get(name) or "") if name else ""
        token, values = known
        if _PRIMARY_READ not in values:
            return ()
        current = str(values[_PRIMARY_READ] or "").lower()
        given: set[str] = lookups.extra.setdefault(_GIVEN, set())
        if not current and chosen in ("", number) and account not in given:
            given.add(account)
            return [
                PlannedWrite(
                    SALES,
                    OperationKind.UPDATE,
                    record_id=UUID(account),
                    before={_PRIMARY_WRITE: None},
                    after={_PRIMARY_WRITE: f"/contacts({contact})"},
                    expected_token=token,
                    sales_base={_PRIMARY_READ: contact},
                    bc_base={name: chosen} if name else {},
                    title=f"{pair.bc.title}, primary contact",
                    table="accounts",
                    is_step=True,
                )
            ]
        if current != contact:
            return ()
        # Business Central takes the primary contact's name over as the customer's contact text.
        text = lookups.extra[_TEXT].get(table, ("", ""))[1]
        called = _shown_name(blueprint, pair.bc, pair.sales)
        shown = {text: called} if text else {}
        if text and not values.get(_TEXT_COLUMN) and str(party.get(text) or called) == called:
            return [
                PlannedWrite(
                    SALES,
                    OperationKind.UPDATE,
                    record_id=UUID(account),
                    before={_TEXT_COLUMN: None},
                    after={_TEXT_COLUMN: called},
                    expected_token=token,
                    sales_base={_TEXT_COLUMN: called},
                    # What it is, not what the next step makes of it: should that one never come, an agreed text that
                    # Business Central does not hold would look erased there.
                    bc_base={text: party.get(text)},
                    title=f"{pair.bc.title}, primary contact",
                    table="accounts",
                    is_step=True,
                )
            ]
        if name and not chosen and BC in blueprint.targets:
            return [
                PlannedWrite(
                    BC,
                    OperationKind.UPDATE,
                    record_id=UUID(owner),
                    before={name: ""},
                    after={name: number},
                    bc_base={name: number, **shown},
                    sales_base={_PRIMARY_READ: contact},
                    title=f"{pair.bc.title}, primary contact",
                    table=service,
                    is_step=True,
                )
            ]
        return ()


def _name_step(
    blueprint: Blueprint, bc: RecordView, sales: RecordView, agreed: Mapping[str, Any], owner: tuple[str, Any] | None
) -> PlannedWrite | None:
    """Puts right what Business Central made of a new person's one name: it takes the last word for the surname.

    Another job may have read the person since it was made: what counts is that nobody agreed on its names yet.
    """
    fields = _name_fields(blueprint)
    first, _, last = parts = _name_parts(sales)
    wanted = {fields[part]: value for part, value in (("firstname", first), ("lastname", last)) if part in fields}
    open_names = wanted and not any(name in agreed for name in wanted)
    if not (open_names and _splits_wrongly(parts) and last) or owner is None or owner[0] != "customers":
        return None
    if all(bc.values.get(name) == value for name, value in wanted.items()):
        return None
    return PlannedWrite(
        BC,
        OperationKind.UPDATE,
        record_id=bc.key,
        after=wanted,
        bc_base={**wanted, "displayName": _joined(parts)},
        sales_base={part: sales.values.get(part) for part in fields},
        title=bc.title,
        table=_PERSONS,
    )


def _shown_name(blueprint: Blueprint, bc: RecordView, sales: RecordView) -> str:
    """The one name that Business Central shows; where its parts were written since it was read, it follows them."""
    fields = _name_fields(blueprint)
    first, last = (str(bc.values.get(fields.get(part, "")) or "") for part in ("firstname", "lastname"))
    if bc.name.startswith(first) and bc.name.endswith(last):
        return bc.name
    return _joined((first, _name_parts(sales)[1], last))


def _name_to_create(blueprint: Blueprint, sales: RecordView, lookups: Lookups) -> str:
    """The one name under which a person is created.

    Words between the first and the last one become the middle name, which no API shows. A compound first or last name
    is therefore left to the step that follows, and only its outer word is sent here.
    """
    first, middle, last = parts = _name_parts(sales)
    owner = lookups.extra.get(_OWNERS, {}).get(str(sales.values.get(PARENT_READ) or "").lower())
    table = lookups.extra.get(_ROWS, {}).get(owner, ("", {}))[0]
    if (
        _splits_wrongly(parts)
        and last
        and table == "customers"
        and {"firstname", "lastname"} <= set(_name_fields(blueprint))
    ):
        return _joined((*first.split()[:1], middle, *last.split()[-1:]))
    return _joined(parts) or sales.name[:100]


def _name_fields(blueprint: Blueprint) -> dict[str, str]:
    """Columns of Sales → properties, of the parts of a name that Business Central shows apart and takes from Sales."""
    return {spec.sales_name: spec.bc_name for spec in blueprint.fields if spec.bc_service == _PERSONS and spec.to_bc}


def _name_parts(sales: RecordView) -> tuple[str, str, str]:
    first, middle, last = (str(sales.values.get(part) or "").strip() for part in _NAME_PARTS)
    return first, middle, last


def _splits_wrongly(parts: tuple[str, str, str]) -> bool:
    """Whether Business Central, which takes the outer words of a name for first and last name, gets others."""
    words = " ".join(parts).split()
    return (words[0] if len(words) > 1 else "", words[-1] if words else "") != (parts[0], parts[2])


def _joined(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)[:100]


def _customer(values: Mapping[str, Any]) -> str:
    key = str(values.get("customerId") or "").lower()
    return "" if key == ZERO_GUID else key


def _parties(values: Mapping[str, Any], lookups: Lookups) -> list[str]:
    """Customers and vendors that a person belongs to, a customer first."""
    customer = _customer(values)
    related: Sequence[str] = lookups.extra.get(_COMPANY_OWNERS, {}).get(str(values.get("companyNumber") or ""), ())
    return list(dict.fromkeys([*([customer] if customer else []), *related]))


def _account(values: Mapping[str, Any], lookups: Lookups) -> str:
    accounts: Mapping[str, str] = lookups.extra.get(_ACCOUNTS, {})
    return next((accounts[party] for party in _parties(values, lookups) if party in accounts), "")


def _company_of(sales: RecordView, lookups: Lookups) -> str:
    """Number of the company contact of the customer or vendor that the contact's account is coupled with."""
    account = str(sales.values.get(PARENT_READ) or "").lower()
    owner = lookups.extra.get(_OWNERS, {}).get(account)
    company: str = lookups.extra.get(_COMPANIES, {}).get(owner, "")
    return company


def _companies(connection: Connection, parties: set[str], names: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Customer or vendor → number of its company contact: remembered, or from its persons, or by an only name."""
    found = companies_of(connection, map(UUID, parties))
    contacts = BusinessCentralRecord.objects.of_table(connection.pk, "contacts").alive()
    persons = contacts.filter(values__customerId__in=sorted(parties - set(found))).values_list("values", flat=True)
    found.update({str(row["customerId"]): str(row["companyNumber"]) for row in persons if row.get("companyNumber")})
    by_name: dict[str, list[str]] = {}
    missing = {names[key][1]: key for key in parties - set(found) if key in names}
    for name, number in contacts.filter(values__type="Company", name__in=list(missing)).values_list("name", "number"):
        by_name.setdefault(name, []).append(number)
    found.update({missing[name]: numbers[0] for name, numbers in by_name.items() if len(numbers) == 1})
    return found


def _outside_filters(blueprint: Blueprint, connection: Connection, accounts: Iterable[UUID]) -> set[str]:
    """Accounts that neither customers nor vendors would be made from."""
    rows = SalesRecord.objects.of_table(connection.pk, "accounts").filter(key__in=key_array(accounts))
    outside = {str(key) for key in rows.values_list("key", flat=True)}
    for mapping in TableMapping.objects.filter(connection=connection, name__in=_PARTIES):
        inside = rows.alive()
        if mapping.sales_filter:
            condition = filter_condition(mapping.sales_filter, system=SALES, parameters=blueprint.filter_parameters)
            inside = inside.filter(condition)
        outside -= {str(key) for key in inside.values_list("key", flat=True)}
    return outside


def _served_fields(connection: Connection, attribute: str) -> dict[str, tuple[str, str]]:
    """BC table → entity set and property of what the mapping of the table carries to an account's column."""
    fields = FieldMapping.objects.filter(
        mapping__connection=connection,
        mapping__name__in=_PARTIES,
        sales_attribute=attribute,
        enabled=True,
        available=True,
    ).select_related("mapping")
    return {
        field.mapping.business_central_table: (
            field.business_central_service or field.mapping.business_central_table,
            field.business_central_property,
        )
        for field in fields
    }
