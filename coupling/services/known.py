"""Which properties a mapped table has, so that filters and field mappings can be checked when somebody saves them.

An enabled connection is asked (the clients keep the answer for a while); otherwise what is known of the standard
products has to do. None: nothing is known, so nothing can be refused.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from connector.choices import System
from connector.clients import business_central_client, sales_client
from connector.errors import RemoteError
from coupling.definitions import ValueKind, bc_properties, sales_attributes
from coupling.models import TableMapping

logger = logging.getLogger(__name__)

_LOOKUP_TYPES = frozenset({"Lookup", "Owner", "Customer"})


@dataclass(frozen=True, slots=True)
class SalesColumns:
    """Columns of a Sales table: logical name to type, and for lookups target entity to navigation property."""

    types: dict[str, str] = field(default_factory=dict)
    navigation: dict[str, dict[str, str]] = field(default_factory=dict)

    def is_lookup(self, attribute: str) -> bool:
        return self.types.get(attribute) in _LOOKUP_TYPES

    @property
    def readable(self) -> frozenset[str]:
        """Names under which values are read and filtered: lookups as `_name_value`."""
        return frozenset(f"_{name}_value" if self.is_lookup(name) else name for name in self.types)


def sales_columns(mapping: TableMapping) -> SalesColumns:
    """Columns of the mapping's Sales table; none at all where nothing is known."""
    if mapping.connection.enabled:
        try:
            metadata = sales_client(mapping.connection).entity_metadata(mapping.sales_entity)
            return SalesColumns(dict(metadata.attributes), dict(metadata.navigation))
        except RemoteError as error:
            logger.warning("Columns of %s could not be read: %s", mapping.sales_entity, error)
    known = sales_attributes(mapping.sales_entity)
    types = {name: "Lookup" if d.kind == ValueKind.LOOKUP else str(d.kind) for name, d in known.items()}
    return SalesColumns(types)


def business_central_names(mapping: TableMapping) -> frozenset[str]:
    """Property names of the mapping's Business Central table; empty where nothing is known."""
    table, service = mapping.business_central_table, mapping.business_central_service
    if mapping.connection.enabled and service != "derived":
        try:
            client: Any = business_central_client(mapping.connection)
            return frozenset(client.tables(service).get(table, ()))
        except RemoteError as error:
            logger.warning("Properties of %s could not be read: %s", table, error)
    return frozenset(bc_properties(table))


def known_names(mapping: TableMapping, system: System) -> frozenset[str] | None:
    """Names that a filter of the mapping may use; None where nothing is known."""
    if system == System.SALES:
        return sales_columns(mapping).readable or None
    return business_central_names(mapping) or None
