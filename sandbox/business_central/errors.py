"""Refusals of Business Central and their one rendering."""

from typing import NoReturn

from sandbox.http import Request, Response, ServiceError


class BusinessCentralError(ServiceError):
    """Status, code and message as in section 7 of the wire specification; the correlation id is added on rendering."""


def bad_request(message: str, code: str = "BadRequest") -> BusinessCentralError:
    return BusinessCentralError(400, code, message)


def not_found(message: str, code: str = "BadRequest_ResourceNotFound") -> BusinessCentralError:
    return BusinessCentralError(404, code, message)


def dialog(message: str) -> BusinessCentralError:
    """A business rule said no."""
    return BusinessCentralError(400, "Application_DialogException", message)


def field_validation(message: str) -> BusinessCentralError:
    return BusinessCentralError(400, "Application_FieldValidationException", message)


def method_not_allowed() -> BusinessCentralError:
    return BusinessCentralError(405, "BadRequest_MethodNotAllowed", "Entity does not support this method.")


def not_implemented(what: str) -> BusinessCentralError:
    return BusinessCentralError(501, "BadRequest_MethodNotImplemented", f"{what} is not supported.")


def unauthorized() -> BusinessCentralError:
    return BusinessCentralError(
        401,
        "Authentication_InvalidCredentials",
        "The server has rejected the client credentials.",
        {"WWW-Authenticate": 'Bearer realm="", authorization_uri="", error="invalid_token"'},
    )


def permission_denied(table: str, permission: str) -> BusinessCentralError:
    return BusinessCentralError(
        403,
        "Internal_ServerError",
        f"You do not have the following permissions on TableData {table}: {permission}.",
    )


def refuse_relation(field: str, value: str, table: str) -> NoReturn:
    raise BusinessCentralError(
        400,
        "Internal_InvalidTableRelation",
        f"The field {field} of table {table} contains a value ({value}) that cannot be found in the related table.",
    )


def error_body(error: ServiceError, correlation_id: str) -> dict[str, object]:
    return {"error": {"code": error.code, "message": f"{error.message}  CorrelationId:  {correlation_id}."}}


def render(error: ServiceError, request: Request) -> Response:
    return Response.json(error_body(error, request.correlation_id), error.status, error.headers)
