"""Webhooks: registered steps are called after the commit with the event as a RemoteExecutionContext.

Delivery runs in threads of its own, once, with one repetition for gateway errors; failures leave an asyncoperation row,
as the platform's asynchronous service does.
"""

import json
import logging
import re
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree

import requests

from sandbox.dataverse import bypass, organisation, wellknown
from sandbox.dataverse.context import Context, Event
from sandbox.definitions.dataverse import TABLE_SUFFIX, Attribute, Table
from sandbox.storage import Row

if TYPE_CHECKING:
    from sandbox.state import Sandbox

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 60
_LARGEST_BODY = 256 * 1024
_REPEATED = (502, 503, 504)
_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
_threads = threading.local()
_executor = ThreadPoolExecutor(max_workers=4, thread_name_prefix="webhook")

WEBHOOK_KEY, QUERY_STRING = 4, 6
FAILED = 31


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call to make: everything that the thread needs without the transaction."""

    step_id: str
    step_name: str
    url: str
    headers: dict[str, str]
    body: dict[str, Any]


def schedule(context: Context) -> None:
    """Queues the calls for the events of this transaction; they start after its commit."""
    events, context.events[:] = list(context.events), []
    if not events:
        return
    deliveries = [
        _delivery(context, event, step, endpoint) for event in events for step, endpoint in _steps_of(context, event)
    ]
    if not deliveries:
        return
    sandbox = context.sandbox

    def start() -> None:
        for delivery in deliveries:
            _executor.submit(_deliver, sandbox, delivery)

    context.tx.on_commit(start)


_REGISTERED = """
SELECT step.sdkmessageprocessingstepid, step.eventhandler, step.filteringattributes
FROM sales_sdkmessageprocessingsteps AS step
JOIN sales_sdkmessages AS message ON message.sdkmessageid = step.sdkmessageid
JOIN sales_serviceendpoints AS endpoint ON endpoint.serviceendpointid = step.eventhandler
LEFT JOIN sales_sdkmessagefilters AS filter ON filter.sdkmessagefilterid = step.sdkmessagefilterid
WHERE step.statecode = 0 AND endpoint.contract = 8 AND message.name = ?
AND (filter.primaryobjecttypecode IS NULL OR filter.primaryobjecttypecode = ?)
"""
"""Ids alone: every write of a row asks, and most find no step, or only steps that are passed by."""


def _steps_of(context: Context, event: Event) -> Iterator[tuple[Row, Row]]:
    """(step, endpoint) of every enabled registration for the event that it does not pass by."""
    if bypass.ALL_STEPS in event.passed_by:
        return
    for key, endpoint_key, columns in context.tx.execute(_REGISTERED, (event.message, event.table.logical_name)):
        if key in event.passed_by or not _interested(columns, event):
            continue
        step, endpoint = context.get("sdkmessageprocessingstep", key), context.get("serviceendpoint", endpoint_key)
        if step is not None and endpoint is not None:
            yield step, endpoint


def _interested(columns: str | None, event: Event) -> bool:
    """Whether one of the filtering columns was written; without any, every update counts."""
    names = {name.strip() for name in (columns or "").split(",") if name.strip()}
    return event.message != "Update" or not names or bool(names & set(event.values))


# -- The message


def _delivery(context: Context, event: Event, step: Row, endpoint: Row) -> Delivery:
    url, headers = _authenticated(endpoint)
    correlation = str(uuid.uuid4())
    organization = context.organization
    headers |= {
        "Content-Type": "application/json; charset=utf-8",
        "x-ms-dynamics-organization": organization["name"],
        "x-ms-dynamics-entity-name": event.table.logical_name,
        "x-ms-dynamics-request-name": event.message,
        "x-ms-correlation-request-id": correlation,
    }
    created = _date(context.now, offset="+0000")
    shared = [{"key": "tag", "value": context.tag}] if context.tag else []
    body = {
        "BusinessUnitId": context.business_unit_of("systemuser", context.user_id),
        "CorrelationId": correlation,
        "Depth": 1,
        "InitiatingUserAzureActiveDirectoryObjectId": "00000000-0000-0000-0000-000000000000",
        "InitiatingUserId": context.user_id,
        "InputParameters": [{"key": "Target", "value": _target(event)}],
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": event.message,
        "Mode": 1,
        "OperationCreatedOn": created,
        "OperationId": str(uuid.uuid4()),
        "OrganizationId": organization["organizationid"],
        "OrganizationName": organization["name"],
        "OutputParameters": [{"key": "id", "value": event.key}] if event.message == "Create" else [],
        "OwningExtension": _reference("sdkmessageprocessingstep", step["sdkmessageprocessingstepid"], typed=False),
        "ParentContext": None,
        "PostEntityImages": [],
        "PreEntityImages": [],
        "PrimaryEntityId": event.key,
        "PrimaryEntityName": event.table.logical_name,
        "RequestId": None,
        "SecondaryEntityName": "none",
        "SharedVariables": shared,
        "Stage": 40,
        "UserId": context.user_id,
    }
    return Delivery(step["sdkmessageprocessingstepid"], step["name"] or "", url, headers, body)


def _authenticated(endpoint: Row) -> tuple[str, dict[str, str]]:
    """The URL and headers with the endpoint's secret in the place its authentication type says."""
    url, value = endpoint["url"], endpoint["authvalue"] or ""
    separator = "&" if "?" in url else "?"
    if endpoint["authtype"] == WEBHOOK_KEY:
        return f"{url}{separator}code={quote(value)}", {}
    settings = _settings(value)
    if endpoint["authtype"] == QUERY_STRING:
        pairs = "&".join(f"{quote(name)}={quote(text)}" for name, text in settings.items())
        return f"{url}{separator}{pairs}", {}
    return url, settings


def _settings(text: str) -> dict[str, str]:
    """``<settings><setting name="x" value="y" /></settings>``"""
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        return {}
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - documents with entities were refused above
    except ElementTree.ParseError:
        return {}
    return {str(item.get("name")): str(item.get("value") or "") for item in root.iter("setting") if item.get("name")}


def _target(event: Event) -> dict[str, Any]:
    if event.message == "Delete":
        return _reference(event.table.logical_name, event.key, typed=True)
    attributes = [
        {"key": attribute.name, "value": _value(event.table, attribute, event.values)}
        for name in event.values
        if (attribute := event.table.attributes.get(name)) is not None
    ]
    attributes.append({"key": event.table.primary_id, "value": event.key})
    return {
        "__type": f"Entity:{_CONTRACTS}",
        "Attributes": attributes,
        "EntityState": None,
        "FormattedValues": [],
        "Id": event.key,
        "KeyAttributes": [],
        "LogicalName": event.table.logical_name,
        "RelatedEntities": [],
        "RowVersion": None,
    }


def _value(table: Table, attribute: Attribute, values: Row) -> Any:
    value = values[attribute.name]
    if value is None:
        return None
    if attribute.is_lookup:
        kind = values.get(attribute.name + TABLE_SUFFIX)
        target = kind or (attribute.targets[0].table if attribute.targets else "")
        return _reference(target, value, typed=True)
    match attribute.type:
        case "picklist" | "state" | "status":
            return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value}
        case "money":
            return {"__type": f"Money:{_CONTRACTS}", "Value": float(value)}
        case "datetime":
            return _date(value if len(value) > 10 else f"{value}T00:00:00Z")
    return float(value) if isinstance(value, Decimal) else value


def _reference(logical_name: str, key: str, *, typed: bool) -> dict[str, Any]:
    reference: dict[str, Any] = {
        "Id": key,
        "KeyAttributes": [],
        "LogicalName": logical_name,
        "Name": None,
        "RowVersion": None,
    }
    return {"__type": f"EntityReference:{_CONTRACTS}", **reference} if typed else reference


def _date(stamp: str, offset: str = "") -> str:
    moment = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return f"/Date({int(moment.timestamp() * 1000)}{offset})/"


# -- Delivery


def _deliver(sandbox: "Sandbox", delivery: Delivery) -> None:
    headers = dict(delivery.headers)
    text = _encoded(delivery.body)
    if len(text) > _LARGEST_BODY:
        headers["x-ms-dynamics-msg-size-exceeded"] = "true"
        left_out = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
        text = _encoded({name: value for name, value in delivery.body.items() if name not in left_out})
    failure = _call(delivery.url, headers, text)
    if failure is not None and failure[0] in _REPEATED:
        failure = _call(delivery.url, headers, text)
    try:
        _record(sandbox, delivery, failure)
    except Exception:  # the organisation may have been reset meanwhile
        logger.exception("The outcome of a webhook call could not be recorded.")


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def _call(url: str, headers: dict[str, str], body: bytes) -> tuple[int, str] | None:
    """None after a good answer, else (status or 0, message)."""
    try:
        response = _post(url, headers, body)
    except requests.RequestException as error:
        return 0, str(error)
    return None if 200 <= response.status_code < 300 else (response.status_code, response.reason or "")


def _post(url: str, headers: dict[str, str], body: bytes) -> requests.Response:
    try:
        return _session().post(url, data=body, headers=headers, timeout=_TIMEOUT_SECONDS, verify=False)
    except requests.ConnectionError:
        # The receiver may have closed the kept connection just then.
        return _session().post(url, data=body, headers=headers, timeout=_TIMEOUT_SECONDS, verify=False)


def _session() -> requests.Session:
    """The thread's own: connections to a receiver are kept open between calls, as the platform's service does."""
    found: requests.Session | None = getattr(_threads, "session", None)
    if found is None:
        found = _threads.session = requests.Session()
        found.trust_env = False
    return found


def _record(sandbox: "Sandbox", delivery: Delivery, failure: tuple[int, str] | None) -> None:
    """Failed calls leave a row; the platform deletes those of successful ones (asyncautodelete)."""
    if failure is None:
        return
    with sandbox.store.write() as tx:
        if not tx.exists("sales_sdkmessageprocessingsteps", delivery.step_id):
            return
        now = sandbox.sales.stamp()
        organisation.Seeder(tx, sandbox.sales.full_schema, now).add(
            "asyncoperation",
            {
                "name": delivery.step_name,
                "statecode": 3,
                "statuscode": FAILED,
                "operationtype": 1,
                "messagename": delivery.body["MessageName"],
                "primaryentitytype": delivery.body["PrimaryEntityName"],
                "correlationid": delivery.body["CorrelationId"],
                "errorcode": -2147220891,
                "friendlymessage": "The webhook call failed.",
                "message": f"Unexpected response {failure[0]} from the endpoint: {failure[1]}",
                "owningextensionid": delivery.step_id,
                "startedon": now,
                "completedon": now,
                "ownerid": wellknown.SYSTEM_USER_ID,
            },
            key=str(uuid.uuid4()),
        )
