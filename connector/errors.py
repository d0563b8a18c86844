"""The one family of exceptions that every layer of the hub raises and understands.

An error says what kind it is (which decides about retries and marks), has a stable code (which filters, the API, the
documentation and tests use), a sentence for people and a hint what to do next. Code asks `kind` and `code`; nobody
parses a message.
"""

from enum import StrEnum
from typing import Any

from connector.choices import System


class ErrorKind(StrEnum):
    """What an error means for the work that hit it."""

    TRANSIENT = "transient"  # goes away by itself; tried again, never marks a record
    THROTTLED = "throttled"  # the service asks for a pause; tried again, never marks a record
    CONFIG = "config"  # address, credential, company …: nothing works until somebody changes a setting
    PERMISSION = "permission"  # a privilege is missing: the mapping cannot go on, the connection can
    DATA = "data"  # this record's values are refused
    CONFLICT = "conflict"  # the record changed in between
    DEPENDENCY = "dependency"  # a record that this one refers to is missing
    BUG = "bug"  # the hub asked for something it should not have


class Retry(StrEnum):
    """What sending the same request again may achieve."""

    NEVER = "never"
    SIGN_IN_AGAIN = "sign_in_again"  # once, with a fresh access token
    AFTER_PAUSE = "after_pause"  # the service refused before any work; always safe
    LATER = "later"  # the service may have done the work: safe for reads only


class HubError(Exception):
    """Base of all errors of the hub; `str()` is the sentence for people."""

    kind = ErrorKind.BUG
    code = "hub.unexpected"

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        code: str | None = None,
        hint: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.kind
        self.code = code or self.code
        self.hint = hint
        self.details = details or {}


class RemoteError(HubError):
    """One of the two systems, or their identity provider, refused or could not be reached.

    `details` holds what support needs (method, address without values, the system's own words, ids) and what the
    sentence was made of (`field`, `limit`, `privilege`, `permission`, `value`).
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        code: str,
        retry: Retry,
        system: System | None,
        hint: str = "",
        status: int | None = None,
        remote_code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, kind=kind, code=code, hint=hint, details=details)
        self.system = system
        self.retry = retry
        self.status = status
        self.remote_code = remote_code
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def outcome_unknown(self) -> bool:
        """Whether the work may have been done although no usable answer came."""
        return self.retry is Retry.LATER


class SettingsError(HubError):
    """A change of the connection's settings is not possible.

    `fields` maps a setting's name to its sentences; `conflict` says that the values are fine but the connection's
    present state forbids the change (409 of the REST API).
    """

    kind = ErrorKind.CONFIG
    code = "connection.refused"

    def __init__(self, message: str, *, fields: dict[str, list[str]] | None = None, conflict: bool = False) -> None:
        super().__init__(message)
        self.fields = fields or {}
        self.conflict = conflict
