"""The Dataverse Web API's refusals: status, hexadecimal code, message, and the body they are answered in."""

import json
from typing import Any

from sandbox.http import Request, Response, ServiceError

ODATA_SYNTAX = "0x80060888"
PAYLOAD = "0x80048d19"
INVALID_ARGUMENT = "0x80040203"
TOO_LONG = "0x80044331"
OPTION_RANGE = "0x8004431a"
INTEGER_RANGE = "0x8004432f"
DECIMAL_RANGE = "0x80044330"
DATE_RANGE = "0x80040239"
STATE_MISMATCH = "0x80048408"
NO_SUCH_KEY = "0x80060890"
DELTA_EXPIRED = "0x80044352"
TRACKING_OFF = "0x80072491"
MISSING_PRIVILEGE = "0x80040220"
NO_USER = "0x80072560"
DISABLED_USER = "0x80040225"
NOT_FOUND = "0x80040217"
KEY_NOT_FOUND = "0x80060891"
UNKNOWN_SEGMENT = "0x8006088a"
RESTRICTED = "0x80040227"
ETAG_MISMATCH = "0x80060882"
DUPLICATE = "0x80040237"
DUPLICATE_KEY = "0x80060892"
UNEXPECTED = "0x80040216"
NOT_IMPLEMENTED = "0x80040315"
PARENT_READ_ONLY = "0x80043b09"
READ_ONLY = "0x8004022e"
FILE_TOO_LARGE = "0x80044a02"


class DataverseError(ServiceError):
    """Any refusal of the Sales side."""


def not_found(logical_name: str, key: str) -> DataverseError:
    return DataverseError(404, NOT_FOUND, f"Entity '{logical_name}' With Id = {key} Does Not Exist")


def no_row_for_key(logical_name: str, values: dict[str, Any]) -> DataverseError:
    listed = ", ".join(f"{name}={value}" for name, value in values.items())
    return DataverseError(
        404, KEY_NOT_FOUND, f"A record with the specified key values does not exist in {logical_name} entity ({listed})"
    )


def unknown_property(name: str, logical_name: str) -> DataverseError:
    return DataverseError(
        400, ODATA_SYNTAX, f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{logical_name}'."
    )


def undeclared_property(name: str, logical_name: str) -> DataverseError:
    return DataverseError(
        400,
        PAYLOAD,
        f"Error identified in Payload provided by the user for Entity :'{logical_name}'. The property '{name}' does not"
        f" exist on type 'Microsoft.Dynamics.CRM.{logical_name}'. Make sure to only use property names that are defined"
        " by the type.",
    )


def bad_payload(message: str) -> DataverseError:
    return DataverseError(400, PAYLOAD, f"Error identified in Payload provided by the user. {message}")


def bad_query(message: str) -> DataverseError:
    return DataverseError(400, ODATA_SYNTAX, message)


def unknown_segment(name: str) -> DataverseError:
    return DataverseError(404, UNKNOWN_SEGMENT, f"Resource not found for the segment '{name}'.")


def no_such_function(url: str) -> DataverseError:
    return DataverseError(404, "", f"No HTTP resource was found that matches the request URI '{url}'.")


def wrong_verb(method: str) -> DataverseError:
    return DataverseError(405, RESTRICTED, f"The requested resource does not support http method '{method}'.")


def not_implemented(what: str) -> DataverseError:
    return DataverseError(501, NOT_IMPLEMENTED, f"{what} is not implemented.")


def invalid_argument(message: str) -> DataverseError:
    return DataverseError(400, INVALID_ARGUMENT, message)


def render(request: Request, error: ServiceError) -> Response:
    """The answer for an error. With annotations asked for, the details that support tools read are added."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if "odata.include-annotations" in request.preferences():
        body["@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionSourceKey"] = "Plugin/Microsoft.Crm.ObjectModel"
        body["@Microsoft.PowerApps.CDS.HelpLink"] = f"http://go.microsoft.com/fwlink/?LinkID=398563&error={error.code}"
        body["@Microsoft.PowerApps.CDS.TraceText"] = f"[{request.method} {request.path}]"
        body["@Microsoft.PowerApps.CDS.InnerError.Message"] = error.message
    headers = {
        "Content-Type": "application/json; odata.metadata=minimal",
        "OData-Version": "4.0",
        "x-ms-service-request-id": request.correlation_id,
        "REQ_ID": request.correlation_id,
        **error.headers,
    }
    return Response(error.status, json.dumps({"error": body}, ensure_ascii=False).encode(), headers)
