"""One table from what the two systems answer to what people read and what the hub does about it.

`RULES` is data: the first rule that fits wins, specific ones stand before general ones. A rule fits by system, HTTP
status, the remote code and a pattern in the remote message (named groups become part of the sentence). Codes and
statuses are those of the two public APIs and of Entra ID; messages are localised there, so a pattern may only refine
a decision that the code already allows, or read names out of it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from connector.choices import System
from connector.error_rules import RULES, TRANSPORT_RULES, Rule, TransportRule
from connector.errors import RemoteError
from connector.redaction import redact

_REMOTE_MESSAGE_LIMIT = 600
_CORRELATION = re.compile(r"\s*CorrelationId:\s*[0-9a-f-]{36}\.?\s*$", re.IGNORECASE)
_AADSTS = re.compile(r"AADSTS(\d+)")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a refusal: the system, the status, and the error object of its body."""

    system: System
    status: int
    remote_code: str = ""
    remote_message: str = ""
    request_id: str = ""
    retry_after: float | None = None
    request: Mapping[str, str] = field(default_factory=dict)  # method, address, client_request_id


def error_of_answer(answer: Answer, *, body: Mapping[str, Any] | None = None) -> RemoteError:
    """The error of a refused request; `body` is what was sent and helps to name the field that is too long."""
    message = _CORRELATION.sub("", answer.remote_message).strip()
    for rule in RULES:
        found = rule.match(answer.system, answer.status, answer.remote_code, message)
        if found is None:
            continue
        names = {"remote": _shorten(message) or f"HTTP status {answer.status}", **found}
        if rule.code == "record.text_too_long" and body:
            names.update({key: value for key, value in _longest(body, names).items() if not names.get(key)})
        return _build(rule, names, answer)
    raise AssertionError("The last rules fit every status.")


def error_of_token_answer(system: System | None, result: Mapping[str, Any], *, host: str) -> RemoteError:
    """The error of a refused token request, from the OAuth error object."""
    description = str(result.get("error_description") or result.get("error") or "")
    codes = [str(code) for code in result.get("error_codes") or _AADSTS.findall(description)]
    remote_code = f"AADSTS{codes[0]}" if codes else str(result.get("error", ""))
    for rule in RULES:
        if not rule.sign_in:
            continue
        found = rule.match(None, 0, remote_code, description)
        if found is not None:
            first_line = description.splitlines()[0] if description else remote_code
            names = {"remote": _shorten(first_line), "host": host, **found}
            answer = Answer(
                system or System.SALES,
                0,
                remote_code,
                first_line,
                request_id=str(result.get("correlation_id", "")),
            )
            return _build(rule, names, answer, system=system)
    raise AssertionError("The last sign-in rule fits every code.")


def error_of_exception(
    system: System | None, exception: Exception, *, host: str, request: Mapping[str, str] | None = None
) -> RemoteError:
    """The error of a request that got no usable answer."""
    chain = " ".join(f"{type(each).__name__}: {each}" for each in _causes(exception))
    for rule in TRANSPORT_RULES:
        if rule.matches(exception, chain):
            return _build_transport(rule, system, exception, host, request or {})
    raise exception


def _build(rule: Rule, names: dict[str, Any], answer: Answer, *, system: System | None = None) -> RemoteError:
    side = system or answer.system
    names.setdefault("system", side.label)
    text = rule.fallback if rule.fallback and not all(names.get(name) for name in rule.names) else rule.message
    details = {key: names[key] for key in rule.names if names.get(key)} | dict(answer.request)
    if answer.remote_message:
        details["remote_message"] = _shorten(redact(answer.remote_message))
    if answer.request_id:
        details["request_id"] = answer.request_id
    return RemoteError(
        text.format_map(_Blank(names)),
        kind=rule.kind,
        code=rule.code,
        retry=rule.retry,
        system=system if rule.sign_in else answer.system,
        hint=rule.hint.format_map(_Blank(names)),
        status=answer.status or None,
        remote_code=answer.remote_code,
        request_id=answer.request_id,
        retry_after=answer.retry_after,
        details=details,
    )


def _build_transport(
    rule: TransportRule, system: System | None, exception: Exception, host: str, request: Mapping[str, str]
) -> RemoteError:
    names = _Blank({"host": host, "system": system.label if system else "The sign-in service"})
    return RemoteError(
        rule.message.format_map(names),
        kind=rule.kind,
        code=rule.code,
        retry=rule.retry,
        system=system,
        hint=rule.hint.format_map(names),
        details={**request, "remote_message": _shorten(redact(str(exception))), "host": host},
    )


def _causes(exception: BaseException) -> Iterable[BaseException]:
    seen: set[int] = set()
    todo: list[Any] = [exception]
    while todo:
        each = todo.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # urllib3 hides the cause in `reason`, requests hides urllib3's exception in `args`.
        todo += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]


def _longest(body: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, str]:
    """The field that must be meant when exactly one of the sent texts is longer than the limit in the message."""
    limit = str(names.get("limit") or "")
    if not limit.isdigit():
        return {}
    over = [name for name, value in body.items() if isinstance(value, str) and len(value) > int(limit)]
    return {"field": over[0]} if len(over) == 1 else {}


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _REMOTE_MESSAGE_LIMIT else text[: _REMOTE_MESSAGE_LIMIT - 1] + "…"


class _Blank(dict[str, Any]):
    """Names that a pattern did not find are left out of a sentence instead of failing it."""

    def __missing__(self, key: str) -> str:
        return ""


def is_timeout(exception: BaseException) -> bool:
    """Whether the request was given up because no answer came in time."""
    return isinstance(exception, requests.exceptions.ReadTimeout)
