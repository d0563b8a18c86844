"""Which tables a Business Central service offers, read from its CSDL document."""

import re
from xml.etree import ElementTree

from connector.business_central_addresses import Addresses, Service
from connector.errors import RemoteError
from connector.http.session import ODataSession

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
# Answers of an installation that has no such service: unknown route, or the whole extension is missing.
_ABSENT = frozenset({"business_central.unknown_table", "record.missing", "remote.not_found"})


def service_tables(session: ODataSession, addresses: Addresses, service: Service) -> dict[str, list[str]]:
    """Entity set to the names of its properties; empty where the installation has no such service."""
    try:
        content = session.get(addresses.metadata(service), headers={"Accept": "application/xml"}).data
    except RemoteError as error:
        if error.code in _ABSENT:
            return {}
        raise
    return parse_csdl(content)


def parse_csdl(content: bytes) -> dict[str, list[str]]:
    """Raises ValueError for a document with a DTD, which no OData service sends."""
    if re.search(rb"<!(DOCTYPE|ENTITY)", content[:4096]):
        raise ValueError("The metadata document has a DTD.")
    root = ElementTree.fromstring(content)  # noqa: S314 - a DTD was refused above
    types = {
        kind.get("Name", ""): [name for prop in kind.iter(f"{_EDM}Property") if (name := prop.get("Name"))]
        for kind in root.iter(f"{_EDM}EntityType")
    }
    return {
        name: types.get(entity_set.get("EntityType", "").rpartition(".")[2], [])
        for entity_set in root.iter(f"{_EDM}EntitySet")
        if (name := entity_set.get("Name"))
    }
