"""Steps that a request passes by: the optional headers with which a bulk writer spares the platform its own events.

Needs the privilege prvBypassCustomBusinessLogic, which only System Administrator has by itself. Source: "Bypass custom
Dataverse logic" in the platform's documentation; what an unknown step id does is not said there, here it does nothing.
"""

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.http import Request

PRIVILEGE = "prvBypassCustomBusinessLogic"
ALL_STEPS = "*"
_KINDS_HEADER = "mscrm.bypassbusinesslogicexecution"
_STEPS_HEADER = "mscrm.bypassbusinesslogicexecutionstepids"
_MOST_STEPS = 3


def may_bypass(context: Context) -> bool:
    return PRIVILEGE.lower() not in {name.lower() for name in context.profile.denied}


def passed_by(context: Context, request: Request) -> frozenset[str]:
    """Ids of the steps that the request's events do not call; ALL_STEPS for every asynchronous one."""
    kinds = _list(request.header(_KINDS_HEADER))
    steps = _list(request.header(_STEPS_HEADER))
    if not kinds and not steps:
        return frozenset()
    if not may_bypass(context):
        raise errors.DataverseError(
            403,
            errors.MISSING_PRIVILEGE,
            f"Principal user (Id={context.user_id}, type=8) is missing {PRIVILEGE} privilege.",
        )
    if len(steps) > _MOST_STEPS:
        raise errors.invalid_argument(f"At most {_MOST_STEPS} step ids may be passed by in one request.")
    return frozenset(steps) | ({ALL_STEPS} if "customasync" in kinds else frozenset())


def _list(text: str | None) -> list[str]:
    return [part.strip().lower() for part in (text or "").split(",") if part.strip()]
