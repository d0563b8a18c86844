"""The description of the REST API beyond what the views say themselves: the refusals that every endpoint shares.

Written once here instead of at each view, so that no endpoint can forget one.
"""

from typing import Any

_PROBLEM = {
    "type": "object",
    "description": "One sentence; a stable code and a way out where there are any.",
    "properties": {
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "hint": {"type": "string"},
    },
    "required": ["detail"],
}
_REFUSED_BODY = {
    "description": "Sentences by property, or one sentence.",
    "oneOf": [
        {"$ref": "#/components/schemas/Problem"},
        {
            "type": "object",
            "not": {"required": ["detail"]},
            "additionalProperties": {"type": ["array", "object"]},
        },
    ],
}
_WITH_BODY = frozenset({"post", "put", "patch"})


def describe_refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: adds 400, 401, 403, 404, 409 and 503 where they can happen."""
    schemas = result["components"]["schemas"]
    schemas["Problem"], schemas["RefusedBody"] = _PROBLEM, _REFUSED_BODY
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            if method not in {"get", "delete", *_WITH_BODY}:
                continue
            refusals = {
                "401": ("Problem", "No token, or one that does not work."),
                "403": ("Problem", "The person's role does not include this; decided before any work."),
            }
            if method in _WITH_BODY or any(each["in"] == "query" for each in operation.get("parameters", ())):
                refusals["400"] = ("RefusedBody", "An unknown property or value; the answer names it.")
            if "{" in path or any(each["name"] == "page" for each in operation.get("parameters", ())):
                refusals["404"] = ("Problem", "What the address names does not exist.")
            reads_live = any(each["name"] == "refresh" for each in operation.get("parameters", ()))
            if "{" in path and (method != "get" or reads_live):
                refusals["409"] = ("Problem", "The present state does not allow it.")
                refusals["503"] = ("Problem", "One of the two systems does not answer now.")
            for status, (schema, text) in refusals.items():
                shape: dict[str, Any] = {"$ref": f"#/components/schemas/{schema}"}
                if status in operation["responses"]:
                    # The view sends something more telling in some cases.
                    special = operation["responses"][status]["content"]["application/json"]["schema"]
                    shape = {"anyOf": [special, shape]}
                operation["responses"][status] = {
                    "description": text,
                    "content": {"application/json": {"schema": shape}},
                }
    return result
