"""Sets that the platform itself serves: companies, web hook subscriptions and the catalogue of hook resources."""

from typing import TYPE_CHECKING, Any

from sandbox.business_central import codec, subscriptions
from sandbox.business_central.environments import APPLICATION_VERSION
from sandbox.business_central.errors import method_not_allowed, not_found
from sandbox.business_central.resources import Call, Result
from sandbox.business_central.schema import COMPANION_SERVICE, PAGES_SERVICE, STANDARD_SERVICE, Schema
from sandbox.business_central.session import Session
from sandbox.odata.ast import Comparison, Literal, Path
from sandbox.odata.filters import FilterSyntaxError, parse_filter

if TYPE_CHECKING:
    from sandbox.business_central.service import BusinessCentralService

SYSTEM_USER = "00000000-0000-0000-0000-000000000001"


def execute(service: "BusinessCentralService", session: Session, call: Call, name: str) -> Result:
    if name in ("companies", "Company"):
        return _companies(service, session, call)
    if name == "subscriptions":
        return subscriptions.execute(service, session, call)
    return _hook_resources(service.schema, call)


def _company_row(company: dict[str, Any], call: Call) -> dict[str, Any]:
    if call.address.service == PAGES_SERVICE:
        return {"Name": company["name"], "Display_Name": company["display_name"], "Id": company["id"]}
    return {
        "id": company["id"],
        "systemVersion": APPLICATION_VERSION,
        "timestamp": company["_version"],
        "name": company["name"],
        "displayName": company["display_name"],
        "businessProfileId": company["business_profile_id"],
        "systemCreatedAt": codec.wire_stamp(company["system_created_at"]),
        "systemCreatedBy": SYSTEM_USER,
        "systemModifiedAt": codec.wire_stamp(company["system_modified_at"]),
        "systemModifiedBy": SYSTEM_USER,
    }


def _companies(service: "BusinessCentralService", session: Session, call: Call) -> Result:
    if call.method != "GET":
        raise method_not_allowed()
    segment = call.address.segments[0]
    context = f"{call.address.root}/$metadata#{segment.name}"
    chosen = [part.strip() for part in call.options.get("$select", "").split(",") if part.strip()]

    def shown(company: dict[str, Any]) -> dict[str, Any]:
        row = _company_row(company, call)
        return {name: value for name, value in row.items() if name in chosen} if chosen else row

    if segment.key is not None:
        company = service.company(session.tx, next(iter(segment.key.values()), ""))
        return Result(200, {"@odata.context": f"{context}/$entity", **shown(company)})
    companies = list(session.tx.select("bc_companies", order_by="name"))
    wanted = _equality(call.options.get("$filter", ""))
    if wanted is not None:
        companies = [c for c in companies if str(_company_row(c, call).get(wanted[0], "")).lower() == wanted[1].lower()]
    if len(call.address.segments) == 1 and call.options.get("$top", "").isdigit():
        companies = companies[: int(call.options["$top"])]
    return Result(200, {"@odata.context": context, "value": [shown(company) for company in companies]})


def _equality(text: str) -> tuple[str, str] | None:
    """Property and value of ``name eq 'x'``; None without a filter."""
    if not text:
        return None
    try:
        expression = parse_filter(text)
    except FilterSyntaxError as error:
        raise not_found(error.message, "BadRequest") from error
    match expression:
        case Comparison("eq", Path() as path, Literal() as literal):
            return str(path), str(literal.value)
    raise not_found("This filter is not supported here.", "BadRequest_MethodNotImplemented")


def hook_resources(schema: Schema) -> list[str]:
    """``v2.0/customers`` and the like: everything that can be subscribed to."""
    names = [f"v2.0/{name}" for name, page in schema.services[STANDARD_SERVICE].items() if page.webhook]
    companion = COMPANION_SERVICE.removeprefix("api/")
    names += [f"{companion}/{name}" for name, page in schema.services[COMPANION_SERVICE].items() if page.webhook]
    return sorted(names)


def _hook_resources(schema: Schema, call: Call) -> Result:
    if call.method != "GET":
        raise method_not_allowed()
    names = hook_resources(schema)
    wanted = _equality(call.options.get("$filter", ""))
    if wanted is not None:
        pattern = wanted[1]
        names = [
            name
            for name in names
            if (name.startswith(pattern[:-1]) if pattern.endswith("*") else name.lower() == pattern.lower())
        ]
    context = f"{call.address.root}/$metadata#webhookSupportedResources"
    return Result(200, {"@odata.context": context, "value": [{"resource": name} for name in names]})
