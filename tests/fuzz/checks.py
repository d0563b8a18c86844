"""Sends random requests and holds every answer against the protocol."""

import json
import re
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests

from tests.sandbox.conftest import ApiClient

SLOW_SECONDS = 20
KNOWN = {200, 201, 204, 304, 400, 403, 404, 405, 409, 412, 413, 414, 424, 501}


@dataclass
class Sender:
    """``log`` are the requests so far, which an assertion shows when it fails."""

    api: ApiClient
    log: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        self.log.append(f"{method} {path} {'' if body is None else json.dumps(body)[:300]}")
        started = time.monotonic()
        answer = self.api.request(method, path, body, **more)
        assert time.monotonic() - started < SLOW_SECONDS, self.tail()
        self.check(answer)
        return answer

    def check(self, answer: requests.Response) -> None:
        assert answer.status_code in KNOWN, f"{answer.status_code} {answer.text[:400]}\n{self.tail()}"
        if answer.status_code >= 400 and "multipart" not in answer.headers.get("Content-Type", ""):
            error = answer.json()["error"]
            assert error["message"], self.tail()
            assert "code" in error, self.tail()
            assert answer.headers["x-ms-service-request-id"], self.tail()

    def tail(self) -> str:
        return "\n".join(self.log[-12:])

    def rows(self, path: str, **headers: str) -> list[dict[str, Any]]:
        """All rows of a set, page by page."""
        found: list[dict[str, Any]] = []
        url: str | None = path
        while url is not None:
            answer = self.api.request("GET", url, **headers)
            assert answer.status_code == 200, f"{url}: {answer.text[:300]}\n{self.tail()}"
            page = json.loads(answer.text, parse_float=Decimal)
            found += page["value"]
            url = page.get("@odata.nextLink")
        return found


def inner_statuses(text: str) -> list[int]:
    """Statuses of the parts of a multipart answer."""
    return [int(status) for status in re.findall(r"^HTTP/1\.1 (\d+) ", text, re.MULTILINE)]
