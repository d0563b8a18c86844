"""Names and values of the wire as people read them: labels of fields, names of rows that a lookup binds, of options."""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from connector.choices import System
from coupling.choices import MappingKind
from coupling.models import OptionMapping, SalesRecord, TableMapping

_BOUND = re.compile(r"^/(\w+)\(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)$", re.IGNORECASE)
_OWN_NAMES = {"bcbi_CompanyId@odata.bind": "Company", "ownerid@odata.bind": "Owner", "statecode": "Status"}
"""What is written without a field mapping of its own."""


class Wording:
    """Puts what was written under a mapping into words. `values` are all values to come; three queries."""

    def __init__(self, mapping: TableMapping, values: Iterable[Any]) -> None:
        self.labels: dict[tuple[System, str], str] = {}
        for field in mapping.fields.all():
            label = field.business_central_label or field.business_central_property or field.sales_attribute
            self.labels[System.BUSINESS_CENTRAL, field.business_central_property] = label
            self.labels[System.SALES, (field.sales_lookup or {}).get("write") or field.sales_attribute] = label
        bound = {found for value in values if (found := _bound(value))}
        rows = SalesRecord.objects.filter(connection_id=mapping.connection_id, key__in=[key for _, key in bound])
        self.rows = {(row.table, row.key): str(row) for row in rows.defer("values", "search_text")}
        options = OptionMapping.objects.filter(
            mapping__connection_id=mapping.connection_id,
            mapping__kind=MappingKind.OPTION,
            mapping__sales_entity=mapping.sales_entity,
        )
        labels = options.values_list("mapping__option_attribute", "option_value", "option_label")
        self.options = {(attribute, value): label for attribute, value, label in labels}

    def label(self, system: System, name: str) -> str:
        """What people call a property; its name where nobody called it anything."""
        return self.labels.get((system, name)) or _OWN_NAMES.get(name, name)

    def value(self, system: System, name: str, value: Any) -> Any:
        """The name of a bound row or of an option; other values stay as they are."""
        if system != System.SALES:
            return value
        if place := _bound(value):
            return self.rows.get(place, "(not read)" if place[0] != "bcbi_companies" else "this company")
        return self.options.get((name, value), value) if isinstance(value, int) else value


def _bound(value: Any) -> tuple[str, UUID] | None:
    match = _BOUND.match(value) if isinstance(value, str) else None
    return (match[1], UUID(match[2])) if match else None
