"""The settings of a connection that travel in a configuration: all but addresses, identities and secrets.

Whether anything runs by itself does not travel either: a file starts nothing.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from connector.models import Connection
from connector.services.setup import SWITCHES, update_connection
from coupling.services.defaults import Difference

SUBJECT = "Connection"
"""Stands for these settings where differences name a mapping, whose name is in capitals."""

_STAYS = frozenset({"name", "over_privileged_reason", "automatic_jobs", "web_client_url"})
_SETTINGS = tuple(sorted(SWITCHES - _STAYS))
_MOST_PERCENT = 100


def exported(connection: Connection) -> dict[str, Any]:
    return {name: getattr(connection, name) for name in _SETTINGS}


def problem_of(values: Any) -> str:
    """Why these settings cannot be used; blank where they can."""
    if not isinstance(values, dict):
        return "The file's “connection” is not understood."
    if unknown := sorted(values.keys() - set(_SETTINGS)):
        return f"{SUBJECT}: “{unknown[0]}” is not known."
    defaults = exported(Connection())
    for name, value in values.items():
        # A choice is text too; a number is not a switch.
        if type(value) is not (str if isinstance(defaults[name], str) else type(defaults[name])):
            return f"{SUBJECT}: “{name}” is not understood."
    try:
        Connection(**values).clean_fields(exclude={field.name for field in Connection._meta.fields} - values.keys())
    except ValidationError as error:
        name, sentences = next(iter(error.message_dict.items()))
        return f"{SUBJECT}: {name}: {sentences[0]}"
    if values.get("time_zone", "UTC") not in available_timezones():
        return f"{SUBJECT}: there is no time zone “{values['time_zone']}”."
    if values.get("full_synch_hold_percent", 0) > _MOST_PERCENT:
        return f"{SUBJECT}: full_synch_hold_percent is a share of at most {_MOST_PERCENT} %."
    return ""


def with_values(connection: Connection, values: Mapping[str, Any]) -> Connection:
    """The connection as these settings would make it; it is not stored."""
    changed = copy(connection)
    for name, value in values.items():
        setattr(changed, name, value)
    return changed


def differences_of(connection: Connection, values: Mapping[str, Any]) -> list[Difference]:
    now = exported(connection)
    return [
        Difference(SUBJECT, name, now[name], values[name])
        for name in _SETTINGS
        if values.get(name, now[name]) != now[name]
    ]


def apply_settings(*, connection: Connection, values: Mapping[str, Any], user: User | None) -> None:
    """Changes what differs, by the rules of Connection Setup. Raises SettingsError."""
    if changes := {each.subject: each.delivered for each in differences_of(connection, values)}:
        update_connection(connection=connection, changes=changes, user=user)
