"""Functions of the Web API: WhoAmI, RetrieveVersion, record counts, privileges."""

from collections.abc import Callable
from typing import Any

from sandbox.dataverse import bypass, errors, responses
from sandbox.dataverse.context import Context
from sandbox.dataverse.wellknown import fixed_id
from sandbox.definitions.dataverse import Table
from sandbox.http import Request, Response
from sandbox.odata.ast import Literal

Arguments = dict[str, Literal]
VERSION = "9.2.24011.187"
_NAMESPACE = "Microsoft.Dynamics.CRM"
PRIVILEGE_ACTIONS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")


def who_am_i(context: Context, request: Request, arguments: Arguments) -> Response:
    return _answer(
        context,
        "WhoAmIResponse",
        {
            "BusinessUnitId": context.business_unit_of("systemuser", context.user_id),
            "UserId": context.user_id,
            "OrganizationId": context.organization["organizationid"],
        },
    )


def retrieve_version(context: Context, request: Request, arguments: Arguments) -> Response:
    return _answer(context, "RetrieveVersionResponse", {"Version": VERSION})


def retrieve_total_record_count(context: Context, request: Request, arguments: Arguments) -> Response:
    names = arguments.get("EntityNames")
    values = names.value if names is not None else None
    if not isinstance(values, tuple):
        raise errors.invalid_argument("The parameter 'EntityNames' is missing.")
    counts: dict[str, int] = {}
    for item in values:
        name = str(item.value) if isinstance(item, Literal) else str(item)
        table = context.schema.by_name.get(name)
        if table is None:
            raise errors.DataverseError(400, "0x80040217", f"The entity with a name = '{name}' was not found.")
        counts[name] = context.tx.count(table.storage)
    collection = {
        "Count": len(counts),
        "IsReadOnly": False,
        "Keys": list(counts),
        "Values": list(counts.values()),
    }
    return _answer(context, "RetrieveTotalRecordCountResponse", {"EntityRecordCountCollection": collection})


def retrieve_current_organization(context: Context, request: Request, arguments: Arguments) -> Response:
    organization = context.organization
    root = context.api_root.rpartition("/api/")[0]
    detail = {
        "OrganizationId": organization["organizationid"],
        "FriendlyName": organization["name"],
        "OrganizationVersion": VERSION,
        "EnvironmentId": context.sandbox.environment,
        "TenantId": context.sandbox.tenant_id,
        "UrlName": "couplet",
        "UniqueName": "couplet",
        "State": "Enabled",
        "Endpoints": {
            "Count": 1,
            "IsReadOnly": False,
            "Keys": ["WebApplication"],
            "Values": [f"{root}/"],
        },
    }
    return _answer(context, "RetrieveCurrentOrganizationResponse", {"Detail": detail})


def privileges(context: Context) -> list[tuple[str, Table]]:
    """All privileges that the profile grants, with the table they belong to."""
    denied = {name.lower() for name in context.profile.denied}
    found = []
    for table in context.schema.tables:
        if table.ownership == "none":
            continue
        for action in PRIVILEGE_ACTIONS:
            name = f"prv{action}{table.schema_name}"
            if name.lower() not in denied:
                found.append((name, table))
    return found


def _general_privileges(context: Context) -> list[str]:
    return [bypass.PRIVILEGE] if bypass.may_bypass(context) else []


def _role_privileges(context: Context) -> list[dict[str, Any]]:
    unit = context.business_unit_of("systemuser", context.user_id)
    return [
        {
            "Depth": "Global",
            "PrivilegeId": fixed_id("privilege", name),
            "BusinessUnitId": unit,
            "PrivilegeName": name,
            "RecordFilterId": "00000000-0000-0000-0000-000000000000",
            "RecordFilterUniqueName": "",
        }
        for name in [*(name for name, _ in privileges(context)), *_general_privileges(context)]
    ]


def retrieve_user_privileges(context: Context, request: Request, key: str, arguments: Arguments) -> Response:
    return _answer(context, "RetrieveUserPrivilegesResponse", {"RolePrivileges": _role_privileges(context)})


def retrieve_user_privilege_by_name(context: Context, request: Request, key: str, arguments: Arguments) -> Response:
    literal = arguments.get("PrivilegeName")
    wanted = str(literal.value).lower() if literal is not None else ""
    found = [item for item in _role_privileges(context) if item["PrivilegeName"].lower() == wanted]
    return _answer(context, "RetrieveUserPrivilegeByPrivilegeNameResponse", {"RolePrivileges": found})


def retrieve_principal_access(context: Context, request: Request, key: str, arguments: Arguments) -> Response:
    from sandbox.dataverse import references

    target = arguments.get("Target")
    value = target.value if target is not None else None
    if not isinstance(value, str):
        raise errors.invalid_argument("The parameter 'Target' is missing.")
    url = value
    if value.startswith("{"):
        import json

        url = str(json.loads(value).get("@odata.id", ""))
    table, target_key = references.resolve_url(context, url)
    if not context.tx.exists(table.storage, target_key):
        raise errors.not_found(table.logical_name, target_key)
    names = {name.lower() for name, owner in privileges(context) if owner is table}
    rights = [action for action in PRIVILEGE_ACTIONS if f"prv{action}{table.schema_name}".lower() in names]
    listed = ", ".join(f"{action}Access" for action in rights) or "None"
    return _answer(context, "RetrievePrincipalAccessResponse", {"AccessRights": listed})


def _answer(context: Context, name: str, body: dict[str, Any]) -> Response:
    return responses.json({"@odata.context": f"{context.api_root}/$metadata#{_NAMESPACE}.{name}", **body})


UNBOUND: dict[str, Callable[[Context, Request, Arguments], Response]] = {
    "WhoAmI": who_am_i,
    "RetrieveVersion": retrieve_version,
    "RetrieveTotalRecordCount": retrieve_total_record_count,
    "RetrieveCurrentOrganization": retrieve_current_organization,
}
BOUND: dict[tuple[str, str], Callable[[Context, Request, str, Arguments], Response]] = {
    ("systemuser", "RetrieveUserPrivileges"): retrieve_user_privileges,
    ("systemuser", "RetrieveUserPrivilegeByPrivilegeName"): retrieve_user_privilege_by_name,
    ("systemuser", "RetrievePrincipalAccess"): retrieve_principal_access,
    ("team", "RetrievePrincipalAccess"): retrieve_principal_access,
}
