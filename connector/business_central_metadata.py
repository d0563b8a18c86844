"""Which tables a Business Central service offers and what their properties hold, read from its CSDL document."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from connector.business_central_addresses import Addresses, Service
from connector.errors import RemoteError
from connector.http.session import ODataSession

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
# Answers of an installation that has no such service: unknown route, or the whole extension is missing.
_ABSENT = frozenset({"business_central.unknown_table", "record.missing", "remote.not_found"})

ServiceTables = dict[str, dict[str, dict[str, Any]]]
"""Entity set to its properties: name to `{"type": "Edm.String", "length": 100}`; `length` only where there is one.

Enumerations have the type "enum", other types of the service's own "complex".
"""


def service_tables(session: ODataSession, addresses: Addresses, service: Service) -> ServiceTables:
    """The entity sets of a service; empty where the installation has no such service."""
    try:
        content = session.get(addresses.metadata(service), headers={"Accept": "application/xml"}).data
    except RemoteError as error:
        if error.code in _ABSENT:
            return {}
        raise
    return parse_csdl(content)


def parse_csdl(content: bytes) -> ServiceTables:
    """Raises ValueError for a document with a DTD, which no OData service sends."""
    if re.search(rb"<!(DOCTYPE|ENTITY)", content[:4096]):
        raise ValueError("The metadata document has a DTD.")
    root = ElementTree.fromstring(content)  # noqa: S314 - a DTD was refused above
    enums = {kind.get("Name", "") for kind in root.iter(f"{_EDM}EnumType")}
    types = {kind.get("Name", ""): dict(_properties(kind, enums)) for kind in root.iter(f"{_EDM}EntityType")}
    return {
        name: types.get(entity_set.get("EntityType", "").rpartition(".")[2], {})
        for entity_set in root.iter(f"{_EDM}EntitySet")
        if (name := entity_set.get("Name"))
    }


def _properties(kind: ElementTree.Element, enums: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in kind.iter(f"{_EDM}Property"):
        if not (name := item.get("Name")):
            continue
        stated = item.get("Type", "")
        own = "enum" if stated.rpartition(".")[2] in enums else "complex"
        described: dict[str, Any] = {"type": stated if stated.startswith("Edm.") else own}
        if (length := item.get("MaxLength", "")).isdigit():
            described["length"] = int(length)
        yield name, described
