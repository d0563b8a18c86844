"""Multipart batches: taking requests apart and putting responses together.

Both services and their clients differ in small things (quoted boundaries, bare line feeds, blanks in URLs, absolute
addresses), so reading is tolerant where real servers are, and writing is strict.
"""

import http
import itertools
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.http import Response

_BOUNDARY = re.compile(r"""boundary\s*=\s*(?:"([^"]+)"|([^\s;,]+))""", re.IGNORECASE)


class BatchSyntaxError(ValueError):
    """The body is not a well-formed batch."""


@dataclass(slots=True)
class Part:
    """One request of a batch as it was written. ``url`` is undecoded and may be relative, absolute or a content id."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class ChangeSet:
    parts: list[Part] = field(default_factory=list)


def boundary_of(content_type: str) -> str:
    """Raises BatchSyntaxError when the type is not multipart/mixed with a boundary."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().lstrip().startswith("multipart/mixed") or found is None:
        raise BatchSyntaxError("The Content-Type must be multipart/mixed with a boundary.")
    return str(found.group(1) or found.group(2))


def parse(content_type: str, body: bytes, *, strict_line_ends: bool = False) -> list[Part | ChangeSet]:
    """The parts in order. Raises BatchSyntaxError."""
    if strict_line_ends and re.search(rb"(?<!\r)\n", body.rstrip(b"\r\n")):
        raise BatchSyntaxError("Stream was not readable.")
    result: list[Part | ChangeSet] = []
    for headers, content in _split(body, boundary_of(content_type)):
        kind = headers.get("content-type", "")
        if kind.lower().startswith("multipart/mixed"):
            change_set = ChangeSet()
            for inner_headers, inner in _split(content, boundary_of(kind)):
                change_set.parts.append(_request(inner_headers, inner))
            result.append(change_set)
        else:
            result.append(_request(headers, content))
    if not result:
        raise BatchSyntaxError("The batch is empty.")
    return result


def _split(body: bytes, boundary: str) -> list[tuple[dict[str, str], bytes]]:
    delimiter = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|$)")
    marks = list(delimiter.finditer(body))
    if not marks:
        raise BatchSyntaxError("The boundary of the batch was not found.")
    parts = []
    for mark, following in itertools.pairwise(marks):
        if mark.group(1):
            break
        parts.append(_headers_and_body(body[mark.end() : following.start()].lstrip(b"\r\n")))
    if not any(mark.group(1) for mark in marks):
        raise BatchSyntaxError("The closing boundary of the batch is missing.")
    return parts


def _headers_and_body(content: bytes) -> tuple[dict[str, str], bytes]:
    head, _, rest = _cut(content)
    headers: dict[str, str] = {}
    for line in head.splitlines():
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if not colon:
            raise BatchSyntaxError(f"The header line '{name[:80]}' is not valid.")
        key = name.strip().lower()
        value = value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers, rest


def _cut(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Header block and body around the first empty line."""
    found = re.search(rb"\r?\n\r?\n", content)
    if found is None:
        return content, b"", b""
    return content[: found.start()], found.group(), content[found.end() :]


def _request(headers: Mapping[str, str], content: bytes) -> Part:
    if not headers.get("content-type", "").lower().startswith("application/http"):
        raise BatchSyntaxError("A part of a batch must have the Content-Type application/http.")
    line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    words = line.decode("utf-8", "replace").strip().split(" ")
    if len(words) < 3 or not words[-1].startswith("HTTP/"):
        raise BatchSyntaxError(f"The request line '{' '.join(words)[:80]}' is not valid.")
    inner_headers: dict[str, str] = {}
    body = rest.lstrip(b"\r\n")
    if not rest.startswith((b"\r\n", b"\n")):  # there are headers
        inner_headers, body = _headers_and_body(rest)
    if "content-id" in headers:
        inner_headers.setdefault("content-id", headers["content-id"])
    return Part(words[0].upper(), " ".join(words[1:-1]).strip(), inner_headers, body.strip(b"\r\n"))


# -- Answers


def write(parts: list[tuple[Response, str | None] | list[tuple[Response, str | None]]]) -> tuple[bytes, str]:
    """(body, content type). A list among the parts is the answer of a change set; texts are Content-IDs."""
    boundary = f"batchresponse_{uuid.uuid4()}"
    chunks = []
    for part in parts:
        if isinstance(part, list):
            inner = f"changesetresponse_{uuid.uuid4()}"
            content = b"".join(_delimited(inner, _http_part(*item)) for item in part) + f"--{inner}--\r\n".encode()
            head = f"Content-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode()
            chunks.append(_delimited(boundary, head + content))
        else:
            chunks.append(_delimited(boundary, _http_part(*part)))
    return b"".join(chunks) + f"--{boundary}--\r\n".encode(), f"multipart/mixed; boundary={boundary}"


def _delimited(boundary: str, content: bytes) -> bytes:
    return f"--{boundary}\r\n".encode() + content + b"\r\n"


def _http_part(response: Response, content_id: str | None) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    # Some clients only accept reason phrases that consist of words.
    phrase = re.sub(r"[^A-Za-z ]", " ", http.HTTPStatus(response.status).phrase)
    lines += ["", f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + response.body
