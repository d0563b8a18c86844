"""Answers that public sources leave open; the profile says how the simulated organisation gives them."""

from sandbox.control.profile import SalesProfile
from sandbox.dataverse import errors
from sandbox.http import ServiceError


def vary(error: ServiceError, profile: SalesProfile) -> ServiceError:
    """The error as this organisation answers it."""
    match error.code:
        case errors.DELTA_EXPIRED:
            return ServiceError(profile.expired_delta_status, error.code, error.message, error.headers)
        case errors.PARENT_READ_ONLY:
            return ServiceError(error.status, profile.closed_line_code, error.message, error.headers)
        case errors.ODATA_SYNTAX:
            return ServiceError(error.status, profile.syntax_error_code, error.message, error.headers)
    return error
