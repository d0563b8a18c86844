"""Couplings that go with others: contacts whose company is a coupled customer or vendor on both sides."""

from collections.abc import Sequence
from uuid import UUID

from coupling.models import BusinessCentralRecord, Coupling, SalesRecord

PARENTS = ("CUSTOMER", "VENDOR")
"""Mappings whose couplings take contacts along when they go."""
_CHILDREN = "CONTACT"
_PARENT_OF_CONTACT = "_parentcustomerid_value"
COMPANY_CONTACTS = "businessRelations"
"""Table of the mirror that remembers the company contact (`number`) of a customer or vendor (`key`)."""
_PART = 2000


def children_of(couplings: Sequence[Coupling]) -> list[Coupling]:
    """Coupled contacts that belong to one of the pairs on both sides: in Business Central a person below the
    customer's company contact, in Sales a contact whose parent is the account. Others stay. Three queries per 2,000
    pairs."""
    parents = [coupling for coupling in couplings if coupling.mapping.name in PARENTS]
    found: list[Coupling] = []
    for start in range(0, len(parents), _PART):
        found += _children(parents[start : start + _PART])
    return found


def _children(parents: Sequence[Coupling]) -> list[Coupling]:
    connection_id = parents[0].connection_id
    companies = dict(
        BusinessCentralRecord.objects.of_table(connection_id, COMPANY_CONTACTS)
        .filter(key__in=[parent.bc_key for parent in parents])
        .values_list("key", "number")
    )
    by_account = {str(parent.sales_key): (str(parent.bc_key), companies.get(parent.bc_key, "")) for parent in parents}
    contacts = SalesRecord.objects.of_table(connection_id, "contacts")
    accounts: dict[UUID, str] = {
        key: str(values.get(_PARENT_OF_CONTACT) or "").lower()
        for key, values in contacts.filter(**{f"values__{_PARENT_OF_CONTACT}__in": list(by_account)}).values_list(
            "key", "values"
        )
    }
    couplings = list(
        Coupling.objects.filter(connection_id=connection_id, mapping__name=_CHILDREN, sales_key__in=accounts)
        .select_related("mapping__connection", "connection")
        .order_by("pk")
    )
    persons = BusinessCentralRecord.objects.of_table(connection_id, couplings[0].bc_table) if couplings else None
    values_of = (
        dict(persons.filter(key__in=[c.bc_key for c in couplings]).values_list("key", "values")) if persons else {}
    )
    return [
        coupling
        for coupling in couplings
        if _belongs(values_of.get(coupling.bc_key, {}), *by_account[accounts[coupling.sales_key]])
    ]


def _belongs(person: dict[str, object], customer: str, company: str) -> bool:
    if str(person.get("type") or "Person") != "Person":
        return False
    by_customer = str(person.get("customerId") or "").lower() == customer
    return by_customer or bool(company and person.get("companyNumber") == company)
