"""Couplings that go with others: contacts whose company is a coupled customer or vendor on both sides."""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database

from coupling.models import Coupling, TableMapping

PARENTS = ("CUSTOMER", "VENDOR")
"""Mappings whose couplings take contacts along when they go."""
CONTACTS = "CONTACT"
"""Mapping whose couplings go along."""
COMPANY_CONTACTS = "businessRelations"
"""Table of the mirror that remembers the company contact (`number`) of a customer or vendor (`key`)."""

# In Business Central a person below the customer's company contact, in Sales a contact whose parent is the account;
# those for which only one holds stay coupled.
_CHILDREN = """
SELECT child.id FROM coupling_coupling parent
JOIN coupling_salesrecord contact ON contact.connection_id = parent.connection_id AND contact."table" = 'contacts'
    AND contact."values" ->> '_parentcustomerid_value' = parent.sales_key::text
JOIN coupling_coupling child ON child.connection_id = parent.connection_id AND child.sales_table = 'contacts'
    AND child.sales_key = contact.key
JOIN coupling_tablemapping mapping ON mapping.id = child.mapping_id AND mapping.name = 'CONTACT'
JOIN coupling_businesscentralrecord person ON person.connection_id = parent.connection_id
    AND person."table" = child.bc_table AND person.key = child.bc_key
LEFT JOIN coupling_businesscentralrecord company ON company.connection_id = parent.connection_id
    AND company."table" = '{company_contacts}' AND company.key = parent.bc_key AND company.number <> ''
WHERE {which} AND COALESCE(NULLIF(person."values" ->> 'type', ''), 'Person') = 'Person'
    AND (lower(person."values" ->> 'customerId') = parent.bc_key::text
        OR person."values" ->> 'companyNumber' = company.number)
"""


def children_of(couplings: Sequence[Coupling]) -> list[Coupling]:
    """Coupled contacts that belong to one of the pairs on both sides. Two queries."""
    parents = [coupling.pk for coupling in couplings if coupling.mapping.name in PARENTS]
    return _children("parent.id = ANY(%s)", parents) if parents else []


def children_of_table(mapping: TableMapping) -> list[Coupling]:
    """Coupled contacts that belong to one of a mapping's pairs on both sides. Two queries."""
    return _children("parent.mapping_id = %s", mapping.pk) if mapping.name in PARENTS else []


def _children(which: str, value: Any) -> list[Coupling]:
    with database.cursor() as cursor:
        cursor.execute(_CHILDREN.format(which=which, company_contacts=COMPANY_CONTACTS), [value])
        found = [row[0] for row in cursor.fetchall()]
    rows = Coupling.objects.filter(pk__in=found).select_related("mapping__connection", "connection")
    return list(rows.defer("bc_base", "sales_base").order_by("pk"))
