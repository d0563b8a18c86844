"""Registers, renews and removes the announcements of changes in both systems.

Sales takes a service endpoint with a key and a step per table and message. Business Central takes a subscription per
table, asks the hub to echo a token before it accepts one, and forgets it after three days. Everything here may be
repeated: what is there already is reused, what is no longer wanted is removed.
"""

import logging
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID
from xml.sax.saxutils import quoteattr

from django.urls import reverse
from django.utils import timezone

from connector.business_central import BusinessCentralClient
from connector.business_central_addresses import Service
from connector.choices import System
from connector.clients import business_central_client, sales_client
from connector.errors import HubError, RemoteError
from connector.models import Connection, WebhookReceiver, WebhookSubscription
from connector.odata import literal, options
from connector.sales import SalesClient
from connector.services.webhook_address import origin_for
from connector.webhooks.own_steps import PRIVILEGE
from connector.webhooks.wanted import wanted_tables
from connector.wire import parse_time

log = logging.getLogger(__name__)

KEY_HEADER = "x-couplet-key"
EVENTS = ("Create", "Update", "Delete")
RENEW_EVERY = timedelta(hours=12)
_WEBHOOK, _HTTP_HEADER = 8, 5
_ASYNCHRONOUS, _AFTER = 1, 40
_CATALOGUE = "api/microsoft/runtime/beta"


def register(connection: Connection) -> WebhookReceiver | None:
    """Brings the registrations of both systems in line with the mappings; a refusal is kept on the receiver.

    None where the hub has no address that the systems can reach.
    """
    origin = origin_for(connection)
    if not origin or not connection.enabled:
        return None
    receiver, _ = WebhookReceiver.objects.get_or_create(
        connection=connection, defaults={"key": secrets.token_urlsafe(32)}
    )
    tables = wanted_tables(connection)
    receiver.sales_message = _attempt(lambda: _in_sales(receiver, origin, tables[System.SALES]))
    receiver.business_central_message = _attempt(
        lambda: _in_business_central(receiver, origin, tables[System.BUSINESS_CENTRAL])
    )
    receiver.checked_at = timezone.now()
    receiver.save(
        update_fields=[
            "sales_endpoint_id", "passes_own_steps", "sales_message", "business_central_message", "checked_at",
        ]
    )  # fmt: skip
    return receiver


def unregister(connection: Connection) -> None:
    """Removes the registrations from both systems, as far as they answer."""
    receiver = WebhookReceiver.objects.filter(connection=connection).first()
    if receiver is None:
        return
    problems = [_attempt(lambda: _leave_sales(receiver)), _attempt(lambda: _leave_business_central(receiver))]
    for problem in filter(None, problems):
        log.warning("Announcements of %s could not be removed: %s", connection.slug, problem)
    receiver.delete()


def address(receiver: WebhookReceiver, origin: str, system: System) -> str:
    """Where `system` announces changes; the token in it tells connections apart and is no secret by itself."""
    name = "webhook-sales" if system is System.SALES else "webhook-business-central"
    return f"{origin}{reverse(name, kwargs={'token': receiver.token})}"


def _attempt(work: Any) -> str:
    try:
        work()
    except HubError as error:
        return f"{error} {error.hint}".strip()
    return ""


# -- Sales


def _in_sales(receiver: WebhookReceiver, origin: str, tables: Iterable[str]) -> None:
    client = sales_client(receiver.connection)
    entities = {client.table(table).entity: table for table in tables}
    receiver.sales_endpoint_id = _endpoint(client, receiver, address(receiver, origin, System.SALES))
    messages = {
        row["name"]: row["sdkmessageid"]
        for row in _rows(client, "sdkmessages", "name", " or ".join(f"name eq {literal(name)}" for name in EVENTS))
    }
    present = _steps(client, receiver.sales_endpoint_id)
    wanted: dict[str, tuple[str, str]] = {
        f"Couplet: {event} of {entity}": (event, entity) for entity in entities for event in EVENTS if event in messages
    }
    for name in present.keys() - wanted.keys():
        _delete(client, f"sdkmessageprocessingsteps({present[name]})")
    kept: list[WebhookSubscription] = []
    for name, (event, entity) in wanted.items():
        step = present.get(name) or _make_step(client, receiver, name, messages[event], entity)
        if step:
            kept.append(
                WebhookSubscription(
                    receiver=receiver, system=System.SALES, table=entities[entity], event=event, remote_id=step
                )
            )
    _replace(receiver, System.SALES, kept)
    receiver.passes_own_steps = _may_pass_steps_by(client)


def _may_pass_steps_by(client: SalesClient) -> bool:
    """Whether the hub's own writes may go unannounced; an organisation that does not say is taken to refuse."""
    function = "Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName=@name)"
    try:
        user = client.who_am_i().user_id
        answer = client.session.get(f"systemusers({user})/{function}?@name={literal(PRIVILEGE)}")
    except RemoteError as error:
        log.info("Sales does not say whether own writes may go unannounced: %s", error)
        return False
    return bool(answer.data.get("RolePrivileges"))


def _endpoint(client: SalesClient, receiver: WebhookReceiver, url: str) -> UUID:
    name = f"Couplet {receiver.connection.slug} {receiver.token}"
    setting = f"<setting name={quoteattr(KEY_HEADER)} value={quoteattr(receiver.key)} />"
    body = {
        "name": name,
        "url": url,
        "contract": _WEBHOOK,
        "authtype": _HTTP_HEADER,
        "authvalue": f"<settings>{setting}</settings>",
    }
    for row in _rows(client, "serviceendpoints", "name", f"name eq {literal(name)}"):
        # The key cannot be read back, so it is written each time.
        client.session.send(
            "PATCH", f"serviceendpoints({row['serviceendpointid']})", body=body, headers={"If-Match": "*"}
        )
        return UUID(row["serviceendpointid"])
    answer = client.session.send("POST", "serviceendpoints", body=body, headers={"Prefer": "return=representation"})
    return UUID(answer.data["serviceendpointid"])


def _steps(client: SalesClient, endpoint: UUID | None) -> dict[str, str]:
    rows = _rows(client, "sdkmessageprocessingsteps", "name", f"_eventhandler_value eq {endpoint}")
    return {str(row["name"]): str(row["sdkmessageprocessingstepid"]) for row in rows}


def _make_step(client: SalesClient, receiver: WebhookReceiver, name: str, message: str, entity: str) -> str:
    """The new step's id; empty where the table knows no such message."""
    condition = f"_sdkmessageid_value eq {message} and primaryobjecttypecode eq {literal(entity)}"
    filters = _rows(client, "sdkmessagefilters", "sdkmessagefilterid", condition)
    if not filters:
        return ""
    body = {
        "name": name,
        "mode": _ASYNCHRONOUS,
        "stage": _AFTER,
        "rank": 1,
        "supporteddeployment": 0,
        "asyncautodelete": True,
        "sdkmessageid@odata.bind": f"/sdkmessages({message})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filters[0]['sdkmessagefilterid']})",
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({receiver.sales_endpoint_id})",
    }
    headers = {"Prefer": "return=representation"}
    answer = client.session.send("POST", "sdkmessageprocessingsteps", body=body, headers=headers)
    return str(answer.data["sdkmessageprocessingstepid"])


def _leave_sales(receiver: WebhookReceiver) -> None:
    if receiver.sales_endpoint_id is None:
        return
    client = sales_client(receiver.connection)
    for step in _steps(client, receiver.sales_endpoint_id).values():
        _delete(client, f"sdkmessageprocessingsteps({step})")
    _delete(client, f"serviceendpoints({receiver.sales_endpoint_id})")


def _rows(client: SalesClient, table: str, select: str, condition: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.session.get(f"{table}{options(select=select, filter=condition)}").data["value"]
    return rows


# -- Business Central


def _in_business_central(receiver: WebhookReceiver, origin: str, tables: Iterable[str]) -> None:
    client = business_central_client(receiver.connection)
    supported = _supported(client, receiver.connection)
    url = address(receiver, origin, System.BUSINESS_CENTRAL)
    present = {
        row["resource"].lstrip("/").rpartition("api/v2.0/")[2].lower(): row
        for row in client.session.get(f"{Service.API.path}/subscriptions").data["value"]
        if row["notificationUrl"] == url
    }
    kept = []
    for table in tables:
        if table not in supported:
            continue
        resource = f"companies({receiver.connection.company_id})/{table}"
        row = _subscribe(client, receiver, url, resource, present.pop(resource.lower(), None))
        kept.append(
            WebhookSubscription(
                receiver=receiver,
                system=System.BUSINESS_CENTRAL,
                table=table,
                remote_id=row["subscriptionId"],
                expires_at=parse_time(row["expirationDateTime"]),
            )
        )
    for row in present.values():
        _delete(client, f"{Service.API.path}/subscriptions('{row['subscriptionId']}')", etag=row["@odata.etag"])
    _replace(receiver, System.BUSINESS_CENTRAL, kept)


def _supported(client: BusinessCentralClient, connection: Connection) -> set[str]:
    """Tables of the standard API that Business Central announces changes of."""
    address = f"{_CATALOGUE}/companies({connection.company_id})/webhookSupportedResources"
    rows = client.session.get(address + options(filter="resource eq 'v2.0*'")).data["value"]
    return {str(row["resource"]).rpartition("/")[2] for row in rows}


def _subscribe(
    client: BusinessCentralClient, receiver: WebhookReceiver, url: str, resource: str, present: dict[str, Any] | None
) -> dict[str, Any]:
    body = {"notificationUrl": url, "resource": f"/api/v2.0/{resource}", "clientState": receiver.key}
    path = f"{Service.API.path}/subscriptions"
    if present is None:
        made: dict[str, Any] = client.session.send("POST", path, body=body).data
        return made
    renewed = client.session.send(
        "PATCH", f"{path}('{present['subscriptionId']}')", body=body, headers={"If-Match": present["@odata.etag"]}
    )
    return {**present, **(renewed.data or {})}


def _leave_business_central(receiver: WebhookReceiver) -> None:
    client = business_central_client(receiver.connection)
    for subscription in receiver.subscriptions.filter(system=System.BUSINESS_CENTRAL):
        _delete(client, f"{Service.API.path}/subscriptions('{subscription.remote_id}')")


# -- Both


def _delete(client: SalesClient | BusinessCentralClient, path: str, *, etag: str = "*") -> None:
    try:
        client.session.send("DELETE", path, headers={"If-Match": etag}, repeatable=True)
    except RemoteError as error:
        if error.status != 404:
            raise


def _replace(receiver: WebhookReceiver, system: System, kept: list[WebhookSubscription]) -> None:
    receiver.subscriptions.filter(system=system).delete()
    WebhookSubscription.objects.bulk_create(kept)
