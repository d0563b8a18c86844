"""The multipart form of `$batch`, as OData v4 defines it.

Single parts run like the operations of a JSON batch; a change set is one transaction whose failure is answered by one
part. With `Isolation: snapshot` all parts together are one, and are answered one by one.
"""

from typing import TYPE_CHECKING, Any

import orjson

from sandbox.business_central import batch
from sandbox.business_central.address import Address, unquote_key
from sandbox.business_central.batch import MAX_OPERATIONS, Part
from sandbox.business_central.errors import bad_request
from sandbox.control.traffic import Prepared
from sandbox.http import Request, Response, load_json
from sandbox.odata import multipart

if TYPE_CHECKING:
    from sandbox.business_central.service import BusinessCentralService

_Answer = tuple[Response, str | None]


def prepare(service: "BusinessCentralService", request: Request, address: Address) -> Prepared:
    """Takes the batch apart. Raises BusinessCentralError when it cannot be read or holds too many operations."""
    try:
        parsed = multipart.parse(request.header("content-type") or "", request.body)
    except multipart.BatchSyntaxError as error:
        raise bad_request(str(error)) from error
    flat = [inner for part in parsed for inner in (part.parts if isinstance(part, multipart.ChangeSet) else [part])]
    if len(flat) > MAX_OPERATIONS:
        raise batch.too_many()
    company = unquote_key(request.options.get("company", "")) or address.company
    parts: list[Part | list[Part]] = []
    for part in parsed:
        if isinstance(part, multipart.ChangeSet):
            parts.append([batch.part_of(service, request, address, company, _item(inner)) for inner in part.parts])
        else:
            parts.append(batch.part_of(service, request, address, company, _item(part)))
    operations = _flat(parts)
    counted = batch.operations(service, operations), batch.weight(service, operations)
    return Prepared(lambda: _answer(service, request, parts), *counted)


def _item(part: multipart.Part) -> dict[str, Any]:
    """The part as an operation of a JSON batch. A body that is no JSON is handed on as text, to be refused."""
    item: dict[str, Any] = {"id": part.headers.get("content-id"), "method": part.method, "url": part.url}
    item["headers"] = {name: value for name, value in part.headers.items() if name != "content-id"}
    if part.body.strip():
        try:
            item["body"] = load_json(part.body)
        except ValueError:
            item["body"] = part.body.decode("utf-8", "replace")
    return item


def _flat(parts: list[Part | list[Part]]) -> list[Part]:
    return [inner for part in parts for inner in (part if isinstance(part, list) else [part])]


def _answer(service: "BusinessCentralService", request: Request, parts: list[Part | list[Part]]) -> Response:
    carry_on = batch.carries_on(request)
    answers: list[_Answer | list[_Answer]] = []
    if batch.is_snapshot(request):
        answers.extend(_responses(batch.snapshot(service, request, _flat(parts), carry_on)[0]))
    else:
        for part in parts:
            if isinstance(part, list):
                responses, failed = batch.snapshot(service, request, part, carry_on=False)
                inner = _responses(responses)
                answers.append(inner[-1] if failed else inner)
            else:
                responses, failed = batch.run_parts(service, request, [part], carry_on, service.run)
                answers.extend(_responses(responses))
            if failed and not carry_on:
                break
    body, content_type = multipart.write(answers)
    return batch.finished(request, Response(200, body, {"Content-Type": content_type}))


def _responses(items: list[dict[str, Any]]) -> list[_Answer]:
    found: list[_Answer] = []
    for item in items:
        headers = {name.title().replace("Odata", "OData"): value for name, value in item["headers"].items()}
        body = orjson.dumps(item["body"]) if "body" in item else b""
        if not body:
            headers.pop("Content-Type", None)
        found.append((Response(item["status"], body, headers), item["id"]))
    return found
