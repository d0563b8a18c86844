"""What a transformation rule does to a value; pure, so that the try-it box and the engine do the same.

A rule has a kind and parameters; a chain is a list of rules, one after the other. Every kind takes a value off the wire
and gives one; values that a kind has no use for (nothing, a number for a text kind) pass through as text or stay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import regex

from coupling.expressions import FUNCTIONS, ExpressionError, check_expression, evaluate

_PATTERN_SECONDS = 0.2
"""A pattern that needs longer for one value is refused rather than waited for."""

_LONGEST = 4000


class RuleKind(StrEnum):
    UPPERCASE = "uppercase"
    LOWERCASE = "lowercase"
    TITLECASE = "titlecase"
    TRIM = "trim"
    SUBSTRING = "substring"
    REPLACE = "replace"
    REGEX_REPLACE = "regex_replace"
    REGEX_MATCH = "regex_match"
    ALPHANUMERIC = "alphanumeric"
    DATE_FORMAT = "date_format"
    DECIMAL_FORMAT = "decimal_format"
    ROUND = "round"
    LOOKUP = "lookup"
    EXPRESSION = "expression"
    CHAIN = "chain"


class RuleError(ValueError):
    """The rule's parameters cannot be used, or not for this value; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a kind: name in the stored parameters, label, help, and whether it is a whole number."""

    name: str
    label: str
    help: str = ""
    number: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A rule ready to be applied."""

    kind: RuleKind
    parameters: Mapping[str, Any] = field(default_factory=dict)
    pairs: Mapping[str, str] | None = None
    """Of a lookup: what stands for each value, as the hub has read it; None: it has not read the table."""


PARAMETERS: Mapping[RuleKind, tuple[Parameter, ...]] = {
    RuleKind.SUBSTRING: (
        Parameter("start", "First character", "1 is the first; blank starts at the beginning.", number=True),
        Parameter("length", "Number of characters", "Blank takes the rest.", number=True),
        Parameter("after", "Text before it", "What comes after the first such text."),
        Parameter("before", "Text after it", "What comes before the next such text."),
    ),
    RuleKind.REPLACE: (
        Parameter("find", "Find", required=True),
        Parameter("replacement", "Replace with", "Blank takes it away."),
    ),
    RuleKind.REGEX_REPLACE: (
        Parameter("find", "Pattern", "A regular expression.", required=True),
        Parameter("replacement", "Replace with", r"\1 is what the first group found."),
    ),
    RuleKind.REGEX_MATCH: (
        Parameter(
            "find", "Pattern", "The first group, or the whole match; nothing where it is not found.", required=True
        ),
    ),
    RuleKind.DATE_FORMAT: (
        Parameter("format", "Format", "As %d.%m.%Y or %Y-%m; see the list of codes in the help.", required=True),
    ),
    RuleKind.DECIMAL_FORMAT: (
        Parameter("places", "Decimal places", number=True, required=True),
        Parameter("separator", "Decimal separator", "A point where blank."),
    ),
    RuleKind.ROUND: (
        Parameter("precision", "Round to", "For example 0.05 or 10.", required=True),
        Parameter("direction", "Direction", "nearest (where blank), up or down."),
    ),
    RuleKind.LOOKUP: (
        Parameter("table", "Table", "Entity set that a mapping reads, for example paymentTerms.", required=True),
        Parameter("source", "Field to find the value in", "For example code.", required=True),
        Parameter("target", "Field to take", "For example displayName.", required=True),
        Parameter("keep", "Keep the value where nothing is found", "yes, or no (where blank): it becomes empty."),
    ),
    RuleKind.EXPRESSION: (
        Parameter(
            "expression",
            "Expression",
            "For example: upper(left(value, 3)) + '-' + right(value, 2), or value if length(value) < 10 else 'long'. "
            f"Functions: {', '.join(FUNCTIONS)}.",
            required=True,
        ),
    ),
    RuleKind.CHAIN: (Parameter("rules", "Rules", "Codes of the rules, in order, separated by commas.", required=True),),
}
"""Parameters of the kinds that have some."""

LABELS: Mapping[RuleKind, str] = {
    RuleKind.UPPERCASE: "Upper case",
    RuleKind.LOWERCASE: "Lower case",
    RuleKind.TITLECASE: "Title case",
    RuleKind.TRIM: "Trim blanks",
    RuleKind.SUBSTRING: "Part of the text",
    RuleKind.REPLACE: "Replace text",
    RuleKind.REGEX_REPLACE: "Replace by pattern",
    RuleKind.REGEX_MATCH: "Take what a pattern finds",
    RuleKind.ALPHANUMERIC: "Letters and digits only",
    RuleKind.DATE_FORMAT: "Format a date or time",
    RuleKind.DECIMAL_FORMAT: "Format a number",
    RuleKind.ROUND: "Round a number",
    RuleKind.LOOKUP: "Look up in another table",
    RuleKind.EXPRESSION: "Work out an expression",
    RuleKind.CHAIN: "Several rules, one after the other",
}


def transform(steps: Sequence[Step], value: Any) -> Any:
    """The value after all steps. Raises RuleError."""
    for step in steps:
        own = step.kind is RuleKind.LOOKUP
        value = _looked_up(value, step) if own else _KINDS[step.kind](value, step.parameters)
    return value


def check_parameters(kind: RuleKind, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sentences per parameter that cannot be used; empty where all can."""
    known = {parameter.name: parameter for parameter in PARAMETERS.get(kind, ())}
    errors: dict[str, list[str]] = {
        name: [f"“{name}” is no parameter of this kind."] for name in parameters if name not in known
    }
    for name, parameter in known.items():
        value = parameters.get(name)
        if value in (None, ""):
            if parameter.required:
                errors[name] = ["This is needed."]
        elif parameter.number and not str(value).isdigit():
            errors[name] = ["A whole number is needed."]
    if not errors:
        errors |= _CHECKS.get(kind, lambda _: {})(parameters)
    return errors


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _on_text(change: Callable[[str], str]) -> Callable[[Any, Mapping[str, Any]], Any]:
    return lambda value, parameters: None if value is None else change(_text(value))


def _substring(value: Any, parameters: Mapping[str, Any]) -> Any:
    text = _text(value)
    if after := parameters.get("after"):
        _, found, rest = text.partition(after)
        text = rest if found else ""
    if before := parameters.get("before"):
        text = text.partition(before)[0]
    start = max(int(parameters.get("start") or 1), 1) - 1
    length = parameters.get("length")
    return text[start : start + int(length)] if length not in (None, "") else text[start:]


def _replace(value: Any, parameters: Mapping[str, Any]) -> Any:
    return None if value is None else _text(value).replace(parameters["find"], parameters.get("replacement") or "")


def _regex_replace(value: Any, parameters: Mapping[str, Any]) -> Any:
    if value is None:
        return None
    try:
        pattern = regex.compile(parameters["find"])
        return pattern.sub(parameters.get("replacement") or "", _text(value)[:_LONGEST], timeout=_PATTERN_SECONDS)
    except (regex.error, TimeoutError, IndexError) as error:
        raise RuleError(_pattern_problem(error)) from error


def _regex_match(value: Any, parameters: Mapping[str, Any]) -> Any:
    if value is None:
        return None
    try:
        found = regex.compile(parameters["find"]).search(_text(value)[:_LONGEST], timeout=_PATTERN_SECONDS)
    except (regex.error, TimeoutError) as error:
        raise RuleError(_pattern_problem(error)) from error
    if found is None:
        return ""
    return (found.group(1) if found.re.groups else found.group()) or ""


def _pattern_problem(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "The pattern takes too long for this value."
    return f"The pattern cannot be used: {error}."


def _date_format(value: Any, parameters: Mapping[str, Any]) -> Any:
    text = _text(value)
    if not text or text.startswith("0001-01-01"):
        return ""
    try:
        moment = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
        return moment.strftime(parameters["format"])
    except ValueError as error:
        raise RuleError(f"“{text}” is no date.") from error


def _number(value: Any) -> Decimal | None:
    if value in (None, ""):
        return None
    try:
        number = Decimal(_text(value))
    except InvalidOperation as error:
        raise RuleError(f"“{value}” is not a number.") from error
    if not number.is_finite():
        raise RuleError(f"“{value}” is not a number.")
    return number


def _decimal_format(value: Any, parameters: Mapping[str, Any]) -> Any:
    number = _number(value)
    if number is None:
        return ""
    text = f"{number:.{int(parameters['places'])}f}"
    return text.replace(".", parameters.get("separator") or ".")


_ROUNDINGS = {"": ROUND_HALF_UP, "nearest": ROUND_HALF_UP, "up": ROUND_CEILING, "down": ROUND_FLOOR}


def _round(value: Any, parameters: Mapping[str, Any]) -> Any:
    number = _number(value)
    if number is None:
        return None
    step = Decimal(_text(parameters["precision"]))
    whole = (number / step).quantize(Decimal(1), _ROUNDINGS[_text(parameters.get("direction"))])
    return (whole * step).quantize(step) if step.as_tuple().exponent < 0 else whole * step  # type: ignore[operator]


def _looked_up(value: Any, step: Step) -> Any:
    if value in (None, ""):
        return value
    if step.pairs is None:
        raise RuleError(f"The hub has not read {step.parameters.get('table')} yet.")
    found = step.pairs.get(_text(value))
    if found is None:
        return value if _text(step.parameters.get("keep")).lower() == "yes" else ""
    return found


def _expression(value: Any, parameters: Mapping[str, Any]) -> Any:
    try:
        return evaluate(parameters["expression"], value)
    except ExpressionError as error:
        raise RuleError(str(error)) from error


def _check_expression(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    try:
        check_expression(parameters["expression"])
    except ExpressionError as error:
        return {"expression": [str(error)]}
    return {}


def _check_lookup(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    keep = _text(parameters.get("keep")).lower()
    return {} if keep in ("", "yes", "no") else {"keep": ["yes or no is needed."]}


def _chain(value: Any, parameters: Mapping[str, Any]) -> Any:
    raise RuleError("A chain has to be resolved to its rules first.")


def _check_pattern(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    try:
        regex.compile(parameters["find"])
    except regex.error as error:
        return {"find": [_pattern_problem(error)]}
    return {}


def _check_round(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    errors = {}
    try:
        step = Decimal(_text(parameters["precision"]))
    except InvalidOperation:
        step = Decimal(0)
    if not step.is_finite() or step <= 0:
        errors["precision"] = ["A number above zero is needed."]
    if _text(parameters.get("direction")) not in _ROUNDINGS:
        errors["direction"] = ["nearest, up or down is needed."]
    return errors


_KINDS: Mapping[RuleKind, Callable[[Any, Mapping[str, Any]], Any]] = {
    RuleKind.UPPERCASE: _on_text(str.upper),
    RuleKind.LOWERCASE: _on_text(str.lower),
    RuleKind.TITLECASE: _on_text(str.title),
    RuleKind.TRIM: _on_text(str.strip),
    RuleKind.SUBSTRING: _substring,
    RuleKind.REPLACE: _replace,
    RuleKind.REGEX_REPLACE: _regex_replace,
    RuleKind.REGEX_MATCH: _regex_match,
    RuleKind.ALPHANUMERIC: _on_text(lambda text: "".join(letter for letter in text if letter.isalnum())),
    RuleKind.DATE_FORMAT: _date_format,
    RuleKind.DECIMAL_FORMAT: _decimal_format,
    RuleKind.ROUND: _round,
    RuleKind.EXPRESSION: _expression,
    RuleKind.CHAIN: _chain,
}

_CHECKS: Mapping[RuleKind, Callable[[Mapping[str, Any]], dict[str, list[str]]]] = {
    RuleKind.REGEX_REPLACE: _check_pattern,
    RuleKind.REGEX_MATCH: _check_pattern,
    RuleKind.ROUND: _check_round,
    RuleKind.LOOKUP: _check_lookup,
    RuleKind.EXPRESSION: _check_expression,
}
