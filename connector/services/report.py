"""The report of a connection test: one row per step, in words and with a way out."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import config
from connector.choices import System
from connector.errors import HubError, RemoteError
from connector.models import Connection

log = logging.getLogger(__name__)

_UNREADABLE = "What answers at this address does not answer as the service does."

Side = Literal["business_central", "sales", "both"]
State = Literal["passed", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the REST API shows it."""

    system: Side
    name: str
    state: State
    message: str
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    """What the service answered, for support; not part of the REST API's steps."""


class Concern(Exception):  # noqa: N818 - not an error: the step passes, with a remark
    """Raised by a check for something that works but should be looked at."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass
class Report:
    """Steps in the order in which they ran. A failed step makes the later ones of its system skipped.

    `only` names the steps (side and name) that are wanted; the others are passed over and leave no row.
    """

    steps: list[Step] = field(default_factory=list)
    only: frozenset[tuple[str, str]] | None = None

    @property
    def succeeded(self) -> bool:
        return not any(step.state == "failed" for step in self.steps)

    def has_failed(self, side: Side) -> bool:
        """Whether `side`, or for "both" either of them, has a failed step."""
        sides = {"both", System.BUSINESS_CENTRAL.value, System.SALES.value} if side == "both" else {side}
        return any(step.state == "failed" and step.system in sides for step in self.steps)

    def run(self, side: Side, name: str, check: Callable[[], str]) -> None:
        """Runs a check, which returns what it found out; a HubError fails the step, a Concern is a warning."""
        if self.only is not None and (side, name) not in self.only:
            return
        if self.has_failed(side):
            self.steps.append(Step(side, name, "skipped", "Not checked, because an earlier step failed."))
            return
        try:
            self.steps.append(Step(side, name, "passed", check()))
        except Concern as concern:
            self.steps.append(Step(side, name, "warning", str(concern), concern.hint))
        except HubError as error:
            self.steps.append(Step(side, name, "failed", str(error), error.hint, _support(error)))
        except (KeyError, TypeError, ValueError) as error:
            # Something else than the service answers at the address, in JSON of its own.
            log.warning("%s, %s: the answer cannot be read (%r).", side, name, error)
            self.steps.append(Step(side, name, "failed", _UNREADABLE, "Check the address."))

    def as_json(self, *, details: bool = False) -> dict[str, Any]:
        rows = [asdict(step) for step in self.steps]
        if not details:
            for row in rows:
                del row["details"]
        return {"succeeded": self.succeeded, "steps": rows}


def failed_for(connection: Connection, code: str) -> bool:
    """Whether a step of the newest test failed for this reason."""
    steps = connection.last_test.get("steps", [])
    return any(step["state"] == "failed" and step.get("details", {}).get("code") == code for step in steps)


def as_text(connection: Connection) -> str:
    """The newest test of a connection as a dated text, for whoever is asked to help. Secrets are no part of a test."""
    steps = connection.last_test.get("steps", [])
    at = connection.last_test_at
    lines = [
        f"Test of {connection.name} ({connection.slug})",
        f"Made: {at:%Y-%m-%d %H:%M} UTC" if at else "Never made.",
        f"Sales: {connection.sales_url or 'not entered'}",
        f"Business Central: {connection.business_central_environment or 'not entered'}, "
        f"company {connection.company_name or 'not chosen'}",
        f"Application: {connection.client_id or 'not entered'}, tenant {connection.tenant_id or 'not entered'}",
        f"Couplet {config.__version__}",
        "",
    ]
    sides = {"business_central": "Business Central", "sales": "Sales", "both": "Both"}
    for step in steps:
        lines.append(f"[{step['state'].upper():7}] {sides.get(step['system'], '')}: {step['name']}: {step['message']}")
        if step.get("hint"):
            lines.append(f"{' ' * 10}How to fix: {step['hint']}")
    return "\n".join(lines) + "\n"


def _support(error: HubError) -> dict[str, Any]:
    """What somebody who is asked for help wants to see; values of records and secrets are not among it."""
    found = {"code": error.code, **error.details}
    if isinstance(error, RemoteError):
        found |= {"status": error.status, "remote_code": error.remote_code, "request_id": error.request_id}
    return {name: value for name, value in found.items() if value not in (None, "")}
