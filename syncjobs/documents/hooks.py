"""Own business rules before and after each step of a document; docs/documents.md has an example.

Modules named in `COUPLET_HOOKS` are imported when a worker first needs them. Hooks run in the worker, in the order of
registration.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings

from syncjobs.documents.models import SalesDocument
from syncjobs.documents.problems import Problem

log = logging.getLogger(__name__)


class Step(StrEnum):
    """What hooks can be hung on."""

    CREATE_ORDER = "create_order"
    CREATE_QUOTE = "create_quote"
    COMPLETE = "complete"
    WRITE_BACK = "write_back"
    REVISE_QUOTE = "revise_quote"
    WIN_QUOTE = "win_quote"
    POST = "post"
    FULFIL = "fulfil"
    INVOICE = "invoice"
    GIVE_BACK = "give_back"
    UPDATE_ORDER = "update_order"
    CREATE_IN_SALES = "create_in_sales"


class Refusal(Exception):  # noqa: N818 - it says what happens, as in the documentation
    """A rule of the house says no: the document waits with this sentence among its problems."""

    def __init__(self, message: str, *, hint: str = "", code: str = "hook.refused") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


@dataclass(slots=True)
class HookContext:
    """What a hook sees. `header`, `lines` and `body` are going to be sent; before a step they may be changed."""

    step: Step
    document: SalesDocument
    facts: Mapping[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    log: Callable[[str], None] = log.info


Hook = Callable[[HookContext], None]
_before: dict[Step, list[Hook]] = {}
_after: dict[Step, list[Hook]] = {}


def before(step: Step) -> Callable[[Hook], Hook]:
    """Registers a hook that runs before `step`; it may change what is written or raise `Refusal`."""
    return _registrar(_before, step)


def after(step: Step) -> Callable[[Hook], Hook]:
    """Registers a hook that runs once `step` is done and committed."""
    return _registrar(_after, step)


def _registrar(registry: dict[Step, list[Hook]], step: Step) -> Callable[[Hook], Hook]:
    def register(hook: Hook) -> Hook:
        registry.setdefault(step, []).append(hook)
        return hook

    return register


@cache
def load_hooks() -> None:
    """Imports the modules named in the settings, once per process."""
    for name in settings.COUPLET_HOOKS:
        import_module(name)


def run_before(context: HookContext) -> Problem | None:
    """Runs the hooks before a step; the problem of the first that refuses or fails, None when all agree."""
    load_hooks()
    for hook in _before.get(context.step, ()):
        try:
            hook(context)
        except Refusal as refusal:
            return Problem(refusal.code, refusal.message, refusal.hint)
        except Exception as error:
            log.exception("Hook %s of %s failed for %s", hook.__name__, context.step, context.document)
            return Problem(
                "hook.failed", f"The rule {hook.__name__} failed: {error}", "The worker's log has the details."
            )
    return None


def run_after(context: HookContext) -> list[str]:
    """Runs the hooks after a step; sentences about those that failed."""
    load_hooks()
    failures = []
    for hook in _after.get(context.step, ()):
        try:
            hook(context)
        except Exception as error:
            log.exception("Hook %s after %s failed for %s", hook.__name__, context.step, context.document)
            failures.append(f"The rule {hook.__name__} failed afterwards: {error}")
    return failures
