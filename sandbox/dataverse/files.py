"""File columns: a whole file or its chunks by PATCH, ranges of it by GET, removal by DELETE.

A column's own address answers JSON with base64, ``/$value`` the bytes; that is what the clients we know use."""

import base64
import re
from urllib.parse import quote, unquote

from sandbox.dataverse import crud, errors, filestore, records, responses
from sandbox.dataverse.context import Context
from sandbox.definitions.dataverse import DEFAULT_FILE_KB, Attribute, Table, file_name_column
from sandbox.http import Request, Response

CHUNK_SIZE = 4 * 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def handle(context: Context, request: Request, table: Table, key: str, attribute: Attribute, *, raw: bool) -> Response:
    """A request to ``row/column`` (or ``row/column/$value``, then ``raw``)."""
    match request.method:
        case "GET":
            return _download(context, request, table, key, attribute, raw=raw)
        case "PATCH" | "PUT":
            return _upload(context, request, table, key, attribute)
        case "DELETE":
            _writable_row(context, request, table, key, attribute)
            filestore.remove(context.tx, key, _column(table, attribute))
            records.change(context, table, key, {attribute.name: None, file_name_column(attribute.name): None})
            return responses.no_content()
    raise errors.wrong_verb(request.method)


# -- Upload


def _upload(context: Context, request: Request, table: Table, key: str, attribute: Attribute) -> Response:
    token = request.options.get("sessiontoken")
    if token is not None:
        return _chunk(context, request, table, key, attribute, token)
    _writable_row(context, request, table, key, attribute)
    if (request.header("x-ms-transfer-mode") or "").lower() == "chunked":
        token = filestore.open_session(context.tx, key, _column(table, attribute), _name(request))
        headers = {
            "Location": f"{_address(context, table, key, attribute)}?sessiontoken={token}",
            "x-ms-chunk-size": str(CHUNK_SIZE),
            "Accept-Ranges": "bytes",
            "Access-Control-Expose-Headers": "Location",
        }
        return Response(200, b"", headers)
    return _store(context, request, table, key, attribute, _name(request), request.body)


def _chunk(context: Context, request: Request, table: Table, key: str, attribute: Attribute, token: str) -> Response:
    name = filestore.session_name(context.tx, token, key, _column(table, attribute))
    if name is None:
        raise errors.invalid_argument("The upload session does not exist or has ended.")
    found = _CONTENT_RANGE.fullmatch(request.header("content-range") or "")
    if found is None:
        raise errors.invalid_argument("A chunk needs a Content-Range such as 'bytes 0-4194303/5000000'.")
    start, end, total = map(int, found.groups())
    if end - start + 1 != len(request.body) or start != filestore.received(context.tx, token) or end >= total:
        raise errors.invalid_argument(f"The range 'bytes {start}-{end}/{total}' does not fit to what was uploaded.")
    _check_size(attribute, total)
    filestore.add_chunk(context.tx, token, start, request.body)
    if end + 1 < total:
        return Response(206, b"", {"x-ms-file-name": _header(name), "Accept-Ranges": "bytes"})
    content = filestore.close_session(context.tx, token)
    return _store(context, request, table, key, attribute, name, content)


def _store(
    context: Context, request: Request, table: Table, key: str, attribute: Attribute, name: str, content: bytes
) -> Response:
    _check_size(attribute, len(content))
    mime_type = (request.header("content-type") or "application/octet-stream").partition(";")[0]
    file = filestore.put(context.tx, key, _column(table, attribute), name, mime_type, content)
    records.change(context, table, key, {attribute.name: file.id, file_name_column(attribute.name): name})
    return responses.no_content({"Location": _address(context, table, key, attribute), "mimetype": mime_type})


def _check_size(attribute: Attribute, size: int) -> None:
    largest = (attribute.max_length or DEFAULT_FILE_KB) * 1024
    if size > largest:
        raise errors.DataverseError(400, errors.FILE_TOO_LARGE, f"The file is larger than {largest} bytes.")


def _writable_row(context: Context, request: Request, table: Table, key: str, attribute: Attribute) -> None:
    context.require("Write", table)
    row = context.tx.get(table.storage, key)
    if row is None:
        raise errors.not_found(table.logical_name, key)
    condition = crud.condition_of(request)
    if condition.must_not_exist:
        if row[attribute.name] is not None:
            raise errors.DataverseError(412, errors.DUPLICATE, f"The column '{attribute.name}' holds a file already.")
        return
    records.check_version(table, key, row, condition)


def _name(request: Request) -> str:
    """From the header or the query; one of them has to say it."""
    name = request.header("x-ms-file-name") or request.options.get("x-ms-file-name") or ""
    if not name.strip():
        raise errors.invalid_argument("The name of the file is missing: send x-ms-file-name.")
    return unquote(name)[:255]


# -- Download


def _download(
    context: Context, request: Request, table: Table, key: str, attribute: Attribute, *, raw: bool
) -> Response:
    context.require("Read", table)
    if not context.tx.exists(table.storage, key):
        raise errors.not_found(table.logical_name, key)
    file = filestore.find(context.tx, key, _column(table, attribute))
    if file is None:
        return responses.no_content()
    size = len(file.content)
    headers = {
        "x-ms-file-name": _header(file.name),
        "x-ms-file-size": str(size),
        "mimetype": file.mime_type,
        "Content-Disposition": f'attachment; filename="{_header(file.name)}"',
        "Accept-Ranges": "bytes",
    }
    status, content = 200, file.content
    wanted = _RANGE.fullmatch(request.header("range") or "")
    if wanted is not None:
        first, last = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
        if first > last and size:
            raise errors.DataverseError(416, errors.INVALID_ARGUMENT, "The range is outside of the file.")
        status, content = 206, file.content[first : last + 1]
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        headers["Location"] = _address(context, table, key, attribute)
    if raw:
        return Response(status, content, {"Content-Type": "application/octet-stream", **headers})
    body = {
        "@odata.context": f"{context.api_root}/$metadata#{table.entity_set}({key})/{attribute.name}",
        "value": base64.b64encode(content).decode(),
    }
    return responses.json(body, status, headers)


def _column(table: Table, attribute: Attribute) -> str:
    return f"{table.logical_name}.{attribute.name}"


def _address(context: Context, table: Table, key: str, attribute: Attribute) -> str:
    return f"{context.api_root}/{table.entity_set}({key})/{attribute.name}"


def _header(name: str) -> str:
    """A file name as headers can carry it."""
    return name if name.isascii() and name.isprintable() and '"' not in name else quote(name)
