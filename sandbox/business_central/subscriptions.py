"""The `subscriptions` set: registering, renewing and removing web hooks, each with BC's handshake."""

import ipaddress
import logging
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests

from sandbox.business_central import codec
from sandbox.business_central.errors import BusinessCentralError, bad_request, method_not_allowed, not_found
from sandbox.business_central.reader import etag_of
from sandbox.business_central.resources import Call, Result
from sandbox.business_central.schema import COMPANION_SERVICE, STANDARD_SERVICE, Page
from sandbox.business_central.session import Session
from sandbox.business_central.tables import SUBSCRIPTIONS
from sandbox.business_central.writer import check_etag
from sandbox.storage import Row

if TYPE_CHECKING:
    from sandbox.business_central.service import BusinessCentralService

logger = logging.getLogger(__name__)

LIFETIME = timedelta(days=3)
HANDSHAKE_SECONDS = 5
MAX_SUBSCRIPTIONS = 200
MAX_CLIENT_STATE = 2048
MAX_ID = 150
_RESOURCE = re.compile(r"/?(?:v2\.0/[^/]+/(?:[^/]+/)?)?(api/.+?)/companies\(([^)]+)\)/(\w+)$")
_WRITABLE = {"notificationUrl", "resource", "clientState", "subscriptionId"}


def execute(service: "BusinessCentralService", session: Session, call: Call) -> Result:
    segment = call.address.segments[0]
    if segment.key is None:
        match call.method:
            case "GET":
                return _list(session, call)
            case "POST":
                return _create(service, session, call)
        raise method_not_allowed()
    row = session.tx.get(SUBSCRIPTIONS.name, next(iter(segment.key.values()), ""))
    if row is None:
        raise not_found("The subscription does not exist.")
    match call.method:
        case "GET":
            return _answer(call, row, 200)
        case "PATCH":
            return _renew(service, session, call, row)
        case "DELETE":
            check_etag(call.headers.get("if-match"), row, required=True)
            session.tx.delete(SUBSCRIPTIONS.name, row["subscription_id"])
            return Result(204)
    raise method_not_allowed()


def shown(row: Row) -> dict[str, Any]:
    modified, created = codec.wire_stamp(row["system_modified_at"]), codec.wire_stamp(row["system_created_at"])
    return {
        "@odata.etag": etag_of(row["_version"]),
        "subscriptionId": row["subscription_id"],
        "notificationUrl": row["notification_url"],
        "resource": row["resource"],
        "timestamp": row["_version"],
        "userId": row["user_id"],
        "lastModifiedDateTime": modified,
        "clientState": row["client_state"],
        "expirationDateTime": codec.wire_stamp(row["expires_at"]),
        "systemCreatedAt": created,
        "systemCreatedBy": row["user_id"],
        "systemModifiedAt": modified,
        "systemModifiedBy": row["user_id"],
    }


def _list(session: Session, call: Call) -> Result:
    context = f"{call.address.root}/$metadata#subscriptions"
    rows = session.tx.select(SUBSCRIPTIONS.name, order_by="subscription_id")
    return Result(200, {"@odata.context": context, "value": [shown(row) for row in rows]})


def _answer(call: Call, row: Row, status: int) -> Result:
    context = f"{call.address.root}/$metadata#subscriptions/$entity"
    body = {"@odata.context": context, **shown(row)}
    headers = {"ETag": body["@odata.etag"]}
    if status == 201:
        headers["Location"] = f"{call.address.root}/subscriptions('{row['subscription_id']}')"
    return Result(status, body, headers)


def _create(service: "BusinessCentralService", session: Session, call: Call) -> Result:
    body = _checked(call.body)
    url, resource = str(body.get("notificationUrl") or ""), str(body.get("resource") or "")
    page_of(service, resource)
    if session.tx.count(SUBSCRIPTIONS.name) >= MAX_SUBSCRIPTIONS:
        raise bad_request(f"There can be at most {MAX_SUBSCRIPTIONS} subscriptions.")
    identifier = str(body.get("subscriptionId") or uuid.uuid4().hex)
    twin = session.tx.find(SUBSCRIPTIONS.name, notification_url=url, resource=resource)
    if session.tx.exists(SUBSCRIPTIONS.name, identifier) or (twin and not session.profile["duplicate_subscriptions"]):
        raise BusinessCentralError(
            400, "Internal_EntityWithSameKeyExists", "A subscription for this URL and resource already exists."
        )
    handshake(url)
    row: Row = {
        "subscription_id": identifier,
        "notification_url": url,
        "resource": resource,
        "client_state": str(body.get("clientState") or ""),
        "user_id": session.user_id,
        "expires_at": codec.stamp(session.now + LIFETIME),
        "system_created_at": session.stamp,
        "system_modified_at": session.stamp,
    }
    row["_version"] = session.tx.insert(SUBSCRIPTIONS.name, row)
    return _answer(call, row, 201)


def _renew(service: "BusinessCentralService", session: Session, call: Call, row: Row) -> Result:
    body = _checked(call.body)
    check_etag(call.headers.get("if-match"), row, required=True)
    changes = {
        "notification_url": str(body.get("notificationUrl") or row["notification_url"]),
        "resource": str(body.get("resource") or row["resource"]),
        "client_state": str(body.get("clientState", row["client_state"])),
        "expires_at": codec.stamp(session.now + LIFETIME),
        "system_modified_at": session.stamp,
    }
    page_of(service, changes["resource"])
    handshake(changes["notification_url"])
    version = session.tx.update(SUBSCRIPTIONS.name, row["subscription_id"], changes)
    return _answer(call, {**row, **changes, "_version": version}, 200)


def _checked(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("The request body must be a JSON object.")
    for name, value in body.items():
        if "@" not in name and name not in _WRITABLE:
            raise bad_request(f"The property '{name}' does not exist on type 'Microsoft.NAV.subscription'.")
        if not isinstance(value, str):
            raise bad_request(f"Cannot convert the value of property '{name}' to the type Edm.String.")
    if len(body.get("clientState") or "") > MAX_CLIENT_STATE or len(body.get("subscriptionId") or "") > MAX_ID:
        raise BusinessCentralError(400, "Application_StringExceededLength", "A value is too long.")
    return body


def page_of(service: "BusinessCentralService", resource: str) -> tuple[Page, str, str]:
    """Page, API service and company of a subscribed resource. Raises when it cannot be subscribed to."""
    found = _RESOURCE.fullmatch(urlsplit(resource).path if "://" in resource else resource)
    api, company, name = found.groups() if found else ("", "", "")
    page = service.schema.page(api, name) if api in (STANDARD_SERVICE, COMPANION_SERVICE) else None
    if page is None or not page.webhook:
        raise bad_request(f"The resource '{resource}' cannot be subscribed to.")
    return page, api, company.strip("{}").lower()


def is_allowed_url(url: str) -> bool:
    """https anywhere, http only on loopback."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return True
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def handshake(url: str) -> None:
    """Asks the receiver to echo a token. Raises 400 when it does not."""
    if not is_allowed_url(url):
        raise bad_request(f"The notification URL '{url}' must be an https address.")
    token = uuid.uuid4().hex
    address = f"{url}{'&' if '?' in url else '?'}validationToken={quote(token)}"
    try:
        answer = requests.post(
            address, timeout=HANDSHAKE_SECONDS, verify=not is_loopback(urlsplit(url).hostname or ""), data=b""
        )
        echoed = answer.status_code == 200 and answer.text.strip() == token
    except requests.RequestException as error:
        logger.info("handshake with %s failed: %s", url, error)
        echoed = False
    if not echoed:
        raise bad_request("The notification URL did not answer the validation request as expected.")
