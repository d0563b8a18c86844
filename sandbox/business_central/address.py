"""Which service, company and resource a URL names.

Below `/v2.0/` come the tenant (optional), the environment, the service (`api/v2.0`, another API or `ODataV4`) and then
OData segments such as `companies({id})/customers({id})/paymentTerm`.
"""

import re
from dataclasses import dataclass, field

from sandbox.business_central.errors import BusinessCentralError, bad_request, not_found
from sandbox.business_central.schema import COMPANION_SERVICE, PAGES_SERVICE, RUNTIME_SERVICE, STANDARD_SERVICE
from sandbox.http import decode_segment
from sandbox.odata.options import OptionError, split_outside

SERVICES = (STANDARD_SERVICE, COMPANION_SERVICE, RUNTIME_SERVICE, PAGES_SERVICE)
_SEGMENT = re.compile(r"([\w.$-]+)(?:\((.*)\))?", re.DOTALL)
_KEY_PART = re.compile(r"(\w+)\s*=\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """``key`` maps property names to raw texts; an unnamed key has the name ''. None: no parentheses."""

    name: str
    key: dict[str, str] | None = None


@dataclass(slots=True)
class Address:
    service: str
    root: str
    """Absolute URL of the service, the start of links and contexts."""
    company: str | None = None
    """Company id or name as written, None when the URL names none."""
    segments: list[Segment] = field(default_factory=list)


def unquote_key(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def parse_segment(text: str) -> Segment:
    found = _SEGMENT.fullmatch(decode_segment(text))
    if found is None:
        raise bad_request(f"The resource segment '{text}' is not valid.", "BadRequest_InvalidRequestUrl")
    name, key = found.groups()
    if key is None:
        return Segment(name)
    try:
        parts = split_outside(key, ",")
    except OptionError as error:
        raise bad_request(str(error), "BadRequest_InvalidRequestUrl") from error
    keys: dict[str, str] = {}
    for part in parts:
        named = _KEY_PART.fullmatch(part.strip())
        if named and not part.strip().startswith("'"):
            keys[named[1]] = unquote_key(named[2])
        elif part.strip():
            keys[""] = unquote_key(part)
    return Segment(name, keys)


def split_path(path: str) -> list[str]:
    """Segments of a path; a slash inside a quoted key (sent raw or as %2F) does not separate."""
    parts: list[str] = []
    current, quoted = "", False
    for character in path:
        if character == "'":
            quoted = not quoted
        if character == "/" and not quoted:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part for part in [*parts, current] if part]


def parse_address(path: str, origin: str, tenant: str, environment: str) -> Address:
    """The address behind ``/v2.0/…``. Raises BusinessCentralError (unknown environment, service, bad segment)."""
    parts = split_path(path)[1:]
    prefix = "/v2.0"
    if (parts and parts[0].lower() in (tenant.lower(), "default")) or (len(parts) > 1 and "." in parts[0]):
        if parts[0].lower() not in (tenant.lower(), "default"):
            raise not_found(f"The tenant '{parts[0]}' does not exist.", "Internal_TenantNotFound")
        prefix += f"/{parts.pop(0)}"
    if not parts or decode_segment(parts[0]).lower() != environment.lower():
        name = decode_segment(parts[0]) if parts else ""
        raise not_found(f"Environment '{name}' does not exist.", "NoEnvironment")
    prefix += f"/{parts.pop(0)}"
    rest = "/".join(parts)
    for service in SERVICES:
        if rest == service or rest.startswith(service + "/"):
            address = Address(service, f"{origin}{prefix}/{service}")
            address.segments = [parse_segment(part) for part in parts[service.count("/") + 1 :]]
            take_company(address)
            return address
    raise BusinessCentralError(404, "BadRequest_NotFound", f"No HTTP resource was found that matches '{path}'.")


def take_company(address: Address) -> None:
    """Moves a leading company segment into `Address.company`; `companies(id)` alone stays a resource."""
    if not address.segments:
        return
    head = address.segments[0]
    is_company = head.name == "Company" if address.service == PAGES_SERVICE else head.name == "companies"
    if is_company and head.key is not None and len(address.segments) > 1:
        address.company = next(iter(head.key.values()), "")
        address.segments.pop(0)
