"""Writing and reading the two services' batches.

Sales takes multipart/mixed with an HTTP request per part, CRLF everywhere; parts inside a change set are one
transaction. Business Central takes a JSON list. Neither reader trusts the order or the number of the answers: what has
no answer is missing from the result, and the caller treats it as unknown.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.wire import dumps, loads

SALES_LIMIT = 1000
BUSINESS_CENTRAL_LIMIT = 100
_CRLF = b"\r\n"
_STATUS_LINE = re.compile(rb"^HTTP/\d\.\d (\d{3})")


@dataclass(frozen=True, slots=True)
class Part:
    """One request inside a batch; `path` is absolute or relative to the service root."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Writes that Sales carries out together or not at all; `$1` refers to the first one's row."""

    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """One answer inside a batch; header names are lower case, `data` is the decoded body or None."""

    status: int
    headers: Mapping[str, str]
    data: Any


def encode_multipart(entries: Sequence[Part | ChangeSet], *, root: str) -> tuple[str, bytes]:
    """The Content-Type and the body of a Sales batch; paths become absolute below `root`."""
    boundary = f"batch_{uuid.uuid4().hex}"
    chunks: list[bytes] = []
    for entry in entries:
        chunks.append(f"--{boundary}\r\n".encode())
        if isinstance(entry, Part):
            chunks.append(_encode_part(entry, root))
            continue
        inner = f"changeset_{uuid.uuid4().hex}"
        chunks.append(f'Content-Type: multipart/mixed; boundary="{inner}"\r\n\r\n'.encode())
        for number, part in enumerate(entry.parts, start=1):
            chunks.append(f"--{inner}\r\n".encode())
            chunks.append(_encode_part(part, root, content_id=number))
        chunks.append(f"--{inner}--\r\n".encode())
    chunks.append(f"--{boundary}--\r\n".encode())
    return f'multipart/mixed; boundary="{boundary}"', b"".join(chunks)


def _encode_part(part: Part, root: str, content_id: int | None = None) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    path = part.path if "://" in part.path or part.path.startswith("$") else f"{root}/{part.path.lstrip('/')}"
    lines += ["", f"{part.method} {path} HTTP/1.1", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in part.headers.items()]
    content = b""
    if part.body is not None:
        content = dumps(part.body).encode()
        lines += ["Content-Type: application/json; type=entry"]
    return "\r\n".join(lines).encode() + _CRLF + _CRLF + content + _CRLF


def decode_multipart(content_type: str, content: bytes) -> list[PartAnswer | list[PartAnswer]]:
    """The answers of a Sales batch in order; a change set that succeeded is a list, one that failed a single answer.

    An answer that was cut off is left out. Raises ValueError when the content is no multipart answer at all.
    """
    answers: list[PartAnswer | list[PartAnswer]] = []
    for headers, body in _split(_boundary(content_type), content):
        inner = headers.get("content-type", "")
        if inner.startswith("multipart/mixed"):
            found = [_decode_answer(part) for _, part in _split(_boundary(inner), body)]
            answers.append([answer for answer in found if answer is not None])
            continue
        answer = _decode_answer(body)
        if answer is not None:
            answers.append(answer)
    return answers


def _boundary(content_type: str) -> bytes:
    found = re.search(r'boundary="?([^";]+)"?', content_type, re.IGNORECASE)
    if found is None or not content_type.lower().startswith("multipart/"):
        raise ValueError(f"Expected a multipart answer, got {content_type!r}.")
    return b"--" + found.group(1).strip().encode()


def _split(delimiter: bytes, content: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Headers and body of each complete part: one that a further delimiter follows."""
    pieces = content.split(delimiter)
    parts = []
    for piece in pieces[1:-1]:
        head, _, body = piece.lstrip(_CRLF).partition(_CRLF * 2)
        parts.append((_headers(head), body))
    return parts


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.decode("utf-8", errors="replace").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value}


def _decode_answer(content: bytes) -> PartAnswer | None:
    head, _, body = content.partition(_CRLF * 2)
    status_line, _, rest = head.partition(_CRLF)
    status = _STATUS_LINE.match(status_line)
    if status is None:
        return None
    body = body.strip()
    try:
        data = loads(body) if body else None
    except ValueError:
        data = body
    return PartAnswer(int(status.group(1)), _headers(rest), data)


def encode_json(parts: Sequence[Part]) -> dict[str, Any]:
    """The body of a Business Central batch; ids are positions."""
    requests = []
    for number, part in enumerate(parts):
        request: dict[str, Any] = {"id": str(number), "method": part.method, "url": part.path}
        headers = dict(part.headers)
        if part.body is not None:
            headers.setdefault("Content-Type", "application/json")
            request["body"] = part.body
        request["headers"] = headers
        requests.append(request)
    return {"requests": requests}


def decode_json(data: Any, *, count: int) -> dict[int, PartAnswer]:
    """The answers of a Business Central batch by position; what was not answered is missing."""
    answers: dict[int, PartAnswer] = {}
    responses = data.get("responses") if isinstance(data, Mapping) else None
    for response in responses or []:
        number = str(response.get("id") or "")
        if not number.isdigit() or int(number) >= count:
            continue
        headers = {str(name).lower(): str(value) for name, value in (response.get("headers") or {}).items()}
        answers[int(number)] = PartAnswer(int(response["status"]), headers, response.get("body"))
    return answers
