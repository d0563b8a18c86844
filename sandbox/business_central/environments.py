"""The list of environments, outside of any of them."""

import re
from typing import TYPE_CHECKING

from sandbox.business_central.errors import method_not_allowed, not_found
from sandbox.http import Request, Response

if TYPE_CHECKING:
    from sandbox.state import Sandbox

APPLICATION_VERSION = "29.0.41000.0"


def answer(sandbox: "Sandbox", request: Request) -> Response:
    if not re.fullmatch(r"/environments/v1\.[0-2]/?", request.path):
        raise not_found("No HTTP resource was found.", "BadRequest_NotFound")
    if request.method != "GET":
        raise method_not_allowed()
    environment = {
        "aadTenantId": sandbox.tenant_id,
        "applicationFamily": "BusinessCentral",
        "applicationVersion": APPLICATION_VERSION,
        "countryCode": "W1",
        "name": sandbox.environment,
        "ringName": "PROD",
        "type": "Production" if sandbox.environment == "production" else "Sandbox",
        "webClientLoginUrl": f"{request.origin}/business-central/",
    }
    return Response.json({"value": [environment]})
