"""Answers that public sources describe in two ways; the profile says which way the simulated installation goes."""

from sandbox.control.profile import BusinessCentralProfile
from sandbox.http import ServiceError

UNSUPPORTED_OPTION = "The query option"
"""How the refusal of $search and its like begins."""


def vary(error: ServiceError, profile: BusinessCentralProfile) -> ServiceError:
    """The error as this installation answers it."""
    status, code, headers = error.status, error.code, dict(error.headers)
    match code:
        case "Request_EntityChanged":
            status = profile.stale_tag_status
        case "Internal_EntityWithSameKeyExists":
            status = profile.same_key_status
        case "Internal_RecordNotFound" if status == 404:
            code = profile.missing_row_code
        case "Internal_ServerError" if status == 403:
            status = profile.denied_status
        case "BadRequest_MethodNotImplemented" if error.message.startswith(UNSUPPORTED_OPTION):
            status = profile.unsupported_option_status
            code = code if status == 501 else "BadRequest"
    if status == 429 and not profile.retry_after:
        headers.pop("Retry-After", None)
    return ServiceError(status, code, error.message, headers)
