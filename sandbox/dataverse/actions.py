"""Actions of the Web API by name; the sales actions themselves live in `sandbox.dataverse.sales`."""

from collections.abc import Callable

from sandbox.dataverse.context import Context
from sandbox.http import Request, Response

Action = Callable[[Context, Request, str | None], Response]

UNBOUND: dict[str, Action] = {}
BOUND: dict[tuple[str, str], Action] = {}
