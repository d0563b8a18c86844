"""Changing, enabling, disabling and resetting a connection: what the setup page, the API and commands call."""

import logging
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from connector.cached import forget
from connector.choices import ConnectionState, SalesOrderIntegration
from connector.clients import INTERACTIVE, sales_client
from connector.errors import ErrorKind, HubError, RemoteError, SettingsError
from connector.models import Connection
from connector.provisioning import subscribers
from connector.services import audit, credentials
from connector.services.addresses import origin, web_address
from connector.services.companies import find_company
from connector.services.connection_test import run_connection_test
from connector.services.facts import EMPTY_FACTS, discover_facts
from connector.services.order_integration import switch_order_integration
from connector.services.report import Report

log = logging.getLogger(__name__)

WHILE_DISABLED = frozenset(
    {
        "tenant_id",
        "client_id",
        "authority_url",
        "sales_url",
        "business_central_url",
        "business_central_environment",
        "company_id",
        "ownership_model",
        "chosen_team_id",
        "chosen_team_name",
        "unit_group_mapping",
    }
)
"""Settings that hold the couplings together; they change only while nothing runs."""

SWITCHES = frozenset(
    {
        "name",
        "automatic_jobs",
        "extended_pricing",
        "sales_order_integration",
        "automatically_create_sales_orders",
        "automatically_process_quotes",
        "synchronize_item_availability",
        "write_in_product_type",
        "write_in_product_no",
        "freight_account_no",
        "fulfil_shipped_orders",
        "archive_quotes_in_business_central",
        "cancel_deleted_orders",
        "tell_accounts",
        "keep_jobs_days",
        "time_zone",
        "full_synch_parallel",
        "full_synch_hold_percent",
        "web_client_url",
        "open_in_sales_hub",
        "over_privileged_reason",
    }
)
"""Settings that change at any time."""

_NO_WAY_IN = frozenset(
    {"sales.user_missing", "sales.user_disabled", "sales.token_refused", "business_central.app_not_enabled"}
)
_SUBMITTED = "statecode eq 1"
_NAMED_ORDERS = 5
_MOST_PERCENT = 100
_ADDRESSES = ("authority_url", "sales_url", "business_central_url")
# What a reset puts back; addresses, credentials and `enabled` stay.
_KEPT = frozenset({"name", "over_privileged_reason"})
_RESET_SETTINGS = tuple(sorted((SWITCHES - _KEPT) | {"ownership_model", "unit_group_mapping"}))


class ChecksFailedError(SettingsError):
    """The connection cannot be enabled; `report` says which step failed."""

    code = "connection.checks_failed"

    def __init__(self, report: Report) -> None:
        failed = [step for step in report.steps if step.state == "failed"]
        super().__init__(f"The connection cannot be enabled: {failed[0].message}")
        self.hint = failed[0].hint
        self.report = report


def update_connection(*, connection: Connection, changes: Mapping[str, Any], user: User | None) -> Connection:
    """Applies settings; the names are those of the REST API (`company` and `client_secret` among them).

    Raises SettingsError with the sentences per setting, or with `conflict` where the present state forbids the change,
    and ChecksFailedError when enabling is asked for and a check fails (the other settings are stored then).
    """
    changes = dict(changes)
    enabled = changes.pop("enabled", None)
    connection = Connection.objects.get(pk=connection.pk)
    if enabled is False and connection.enabled:
        disable(connection=connection, user=user, reason="")
    if changes:
        _apply(connection, changes, user)
    if enabled and not connection.enabled:
        enable(connection=connection, user=user)
    return connection


def create_connection(*, values: Mapping[str, Any], user: User | None) -> Connection:
    """A new, disabled connection. Raises SettingsError as `update_connection` does."""
    slug = str(values.get("slug") or "default")
    if Connection.objects.filter(slug=slug).exists():
        sentence = "There is a connection with this name in addresses already."
        raise SettingsError(sentence, fields={"slug": [sentence]})
    changes = {name: value for name, value in values.items() if name not in ("slug", "enabled")}
    with transaction.atomic():
        connection = Connection.objects.create(slug=slug)
        audit.record_change(connection=connection, user=user, action="create connection")
        connection = update_connection(connection=connection, changes=changes, user=user)
    if values.get("enabled"):
        enable(connection=connection, user=user)
    return connection


def check(*, connection: Connection) -> Report:
    """Runs all checks with what the systems offer now. Raises ChecksFailedError."""
    forget("")
    report = run_connection_test(connection=connection)
    if not report.succeeded:
        raise ChecksFailedError(report)
    return report


def enable(*, connection: Connection, user: User | None, report: Report | None = None) -> Report:
    """Tests the connection, reads the facts of both systems, and has everything provisioned.

    `report`: the test that was passed a moment ago. Raises ChecksFailedError, or RemoteError when a system fails
    between the test and the reading.
    """
    report = report or check(connection=connection)
    facts = discover_facts(connection=connection)
    if connection.sales_order_integration == SalesOrderIntegration.LEGACY:
        _set(connection, facts)
        switch_order_integration(connection)
    with transaction.atomic():
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        _set(connection, facts)
        connection.enabled = True
        connection.state = ConnectionState.ENABLED
        connection.disabled_reason = ""
        connection.restore_after_maintenance = False
        connection.save()
        for subscriber in subscribers():
            if subscriber.enabled is not None:
                subscriber.enabled(connection, user)
        audit.record_change(
            connection=connection,
            user=user,
            action="enable connection",
            before={"enabled": locked.enabled},
            after={"enabled": True},
        )
    log.info("Connection %s was enabled.", connection.slug)
    return report


def disable(
    *, connection: Connection, user: User | None, reason: str, broken: bool = False, forget: bool = False
) -> None:
    """Stops synchronising; couplings and cursors stay. `broken`: the hub does it itself because signing in fails.

    `forget`: what changes while it is off is left out when it is enabled again.
    """
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        _set(connection, EMPTY_FACTS)
        connection.enabled = False
        connection.state = ConnectionState.BROKEN if broken else ConnectionState.DISABLED
        connection.disabled_reason = reason
        connection.forget_changes = forget
        connection.restore_after_maintenance = False
        connection.save()
        for subscriber in subscribers():
            if subscriber.disabled is not None:
                subscriber.disabled(connection)
        audit.record_change(
            connection=connection,
            user=user,
            action="disable connection",
            before={"enabled": True},
            after={"enabled": False, "disabled_reason": reason, **({"forget_changes": True} if forget else {})},
        )
    log.info("Connection %s was disabled. %s", connection.slug, reason)


def disable_if_broken(*, connection: Connection, error: HubError) -> bool:
    """Switches the connection off when `error` says that nothing can work any more; returns whether it did.

    That is so when signing in is refused: each further attempt would be refused too, and some would lock the account.
    """
    refused = error.kind is ErrorKind.CONFIG and (error.code.startswith("sign_in.") or error.code in _NO_WAY_IN)
    if not refused or not connection.enabled:
        return False
    disable(connection=connection, user=None, reason=f"{error} {error.hint}".strip(), broken=True)
    return True


def reset_connection(*, connection: Connection, confirm: str, user: User | None) -> None:
    """Forgets everything but addresses, credentials and `enabled`, and provisions anew. Raises SettingsError."""
    if confirm != connection.slug:
        sentence = f"Enter {connection.slug} to confirm."
        raise SettingsError(sentence, fields={"confirm": [sentence]})
    forget("")
    facts = discover_facts(connection=connection) if connection.enabled else EMPTY_FACTS
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        before = {name: getattr(connection, name) for name in _RESET_SETTINGS}
        for subscriber in reversed(subscribers()):
            if subscriber.reset is not None:
                subscriber.reset(connection, user)
        fresh = Connection()
        defaults = {name: getattr(fresh, name) for name in _RESET_SETTINGS}
        _set(connection, {**defaults, **facts, "last_test": {}, "last_test_at": None})
        connection.save()
        if connection.enabled:
            for subscriber in subscribers():
                if subscriber.enabled is not None:
                    subscriber.enabled(connection, user)
        audit.record_change(connection=connection, user=user, action="reset connection", before=before, after=defaults)


def _apply(connection: Connection, changes: dict[str, Any], user: User | None) -> None:
    new_credential = credentials.take_from(changes)
    values = _normalised(changes)
    before = {name: getattr(connection, name) for name in values}
    candidate_credential = credentials.candidate(connection, new_credential)
    _set(connection, values)
    if "company" in changes:
        company = find_company(connection, candidate_credential, str(changes["company"] or ""))
        for name, value in company.items():
            before[name] = getattr(connection, name)
            setattr(connection, name, value)
    changed = {name: old for name, old in before.items() if getattr(connection, name) != old}
    _complete(connection, changed)
    _refuse_while_enabled(connection, changed)
    _validate(connection, changed)
    if changed.get("sales_order_integration") == SalesOrderIntegration.LEGACY:
        _refuse_with_submitted_orders(connection)
    if "sales_order_integration" in changed and connection.enabled:
        switch_order_integration(connection)
    for subscriber in subscribers():
        if subscriber.check_change is not None and changed:
            subscriber.check_change(connection, changed)
    if new_credential is not None and new_credential.secret and candidate_credential and connection.enabled:
        credentials.try_out(connection, candidate_credential)
    with transaction.atomic():
        connection.save()
        after = {name: getattr(connection, name) for name in changed}
        if candidate_credential is not None:
            candidate_credential.save()
            after["credential"] = "set"
        if after:
            audit.record_change(
                connection=connection, user=user, action="change connection", before=changed, after=after
            )
        for subscriber in subscribers():
            if subscriber.changed is not None and changed:
                subscriber.changed(connection, changed, user)


def _normalised(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Model field to value. Raises SettingsError for unknown settings and for addresses that are none."""
    allowed = (WHILE_DISABLED - {"company_id"}) | SWITCHES
    unknown = set(changes) - allowed - {"company"}
    if unknown:
        raise SettingsError(
            "There are settings that do not exist.", fields={name: ["There is no such setting."] for name in unknown}
        )
    values = {name: value.strip() if isinstance(value, str) else value for name, value in changes.items()}
    values.pop("company", None)
    for name in _ADDRESSES:
        if values.get(name):
            values[name] = origin(values[name], setting=name)
    if values.get("web_client_url"):
        values["web_client_url"] = web_address(values["web_client_url"], setting="web_client_url")
    return values


def _complete(connection: Connection, changed: dict[str, Any]) -> None:
    """What follows from the other settings: orders are created automatically only from submitted orders, and a team is
    one of the organisation's."""
    if (
        connection.automatically_create_sales_orders
        and connection.sales_order_integration != SalesOrderIntegration.LEGACY
    ):
        if "automatically_create_sales_orders" in changed:
            sentence = "Sales orders are created automatically only where submitted orders become orders."
            raise SettingsError(sentence, fields={"automatically_create_sales_orders": [sentence]})
        changed["automatically_create_sales_orders"] = True
        connection.automatically_create_sales_orders = False
    if changed.get("sales_url") and connection.chosen_team_id and "chosen_team_id" not in changed:
        # The team belongs to the organisation that was left.
        changed |= {"chosen_team_id": connection.chosen_team_id, "chosen_team_name": connection.chosen_team_name}
        connection.chosen_team_id, connection.chosen_team_name = None, ""


def _refuse_while_enabled(connection: Connection, changed: Mapping[str, Any]) -> None:
    held = sorted(WHILE_DISABLED & set(changed))
    if connection.enabled and held:
        words = {"company_id": "company", "chosen_team_id": "owning team", "chosen_team_name": "owning team"}
        names = ", ".join(dict.fromkeys(words.get(name, name) for name in held))
        raise SettingsError(f"Disable the connection before changing {names}.", conflict=True)


def _refuse_with_submitted_orders(connection: Connection) -> None:
    """An order that was submitted and waits would be forgotten if nothing took submitted orders any more."""
    try:
        waiting = [
            str(record.values["ordernumber"] or record.values["name"])
            for record in sales_client(connection, patience=INTERACTIVE).query(
                "salesorders", properties=["ordernumber", "name"], filter=_SUBMITTED, top=_NAMED_ORDERS
            )
        ]
    except RemoteError as error:
        raise SettingsError(f"Whether submitted orders wait in Sales cannot be seen: {error}", conflict=True) from error
    if waiting:
        raise SettingsError(
            f"Orders are still submitted in Sales: {', '.join(waiting)}. Process, cancel or reopen them first.",
            conflict=True,
        )


def _validate(connection: Connection, changed: Mapping[str, Any]) -> None:
    untouched = {field.name for field in Connection._meta.fields if field.name not in changed}
    try:
        connection.clean_fields(exclude=untouched)
    except ValidationError as error:
        raise SettingsError("Some settings are not valid.", fields=error.message_dict) from error
    if "time_zone" in changed and connection.time_zone not in available_timezones():
        sentence = f"There is no time zone “{connection.time_zone}”."
        raise SettingsError(sentence, fields={"time_zone": [sentence]})
    if "full_synch_hold_percent" in changed and connection.full_synch_hold_percent > _MOST_PERCENT:
        sentence = f"Enter a share from 0 to {_MOST_PERCENT} percent."
        raise SettingsError(sentence, fields={"full_synch_hold_percent": [sentence]})


def _set(connection: Connection, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(connection, name, value)
