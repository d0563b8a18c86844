"""The published description of the REST API as a judge: does an answer look exactly as the description says?"""

import re
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_URI = "urn:couplet:schema"


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document; objects are closed, so that a property nobody described counts as a mistake."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    for component in document["components"]["schemas"].values():
        if component.get("type") == "object" and "properties" in component and "additionalProperties" not in component:
            component["additionalProperties"] = False
    return document


def endpoints() -> list[tuple[str, str]]:
    """Every described (path, method)."""
    paths: dict[str, Any] = description()["paths"]
    return [(path, method) for path, methods in paths.items() for method in methods if method != "parameters"]


def operation(path: str, method: str) -> dict[str, Any]:
    """The description of what a request to `path` does. Raises LookupError where it is not described."""
    for pattern, methods in description()["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path) and method in methods:
            # `couplings/create/` fits no `{id}`: ids are numbers.
            if "{id}" in pattern and not re.search(r"/\d+/", path):
                continue
            found: dict[str, Any] = methods[method]
            return found
    raise LookupError(f"{method} {path} is not described.")


def problems(path: str, method: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer; empty where it is as described."""
    responses = operation(path, method)["responses"]
    if str(status) not in responses:
        return [f"{method} {path} answered {status}, described are {', '.join(responses)}."]
    content = responses[str(status)].get("content")
    if content is None:
        return [] if body is None else [f"{method} {path} answered {status} with a body nobody described."]
    schema = _rooted(content["application/json"]["schema"])
    validator = Draft202012Validator(schema, registry=_registry())
    return [f"{method} {path} {status}: {error.json_path}: {error.message}" for error in validator.iter_errors(body)]


@cache
def _registry() -> Registry[Any]:
    resource: Resource[Any] = Resource(contents=_rooted(description()), specification=DRAFT202012)
    return Registry().with_resource(_URI, resource)


def _rooted(node: Any) -> Any:
    """The same with references into the document instead of into the part that is looked at."""
    if isinstance(node, dict):
        return {
            name: f"{_URI}{value}" if name == "$ref" and str(value).startswith("#/") else _rooted(value)
            for name, value in node.items()
        }
    return [_rooted(each) for each in node] if isinstance(node, list) else node
