"""Row filters of mappings: OData text, checked when somebody saves it and evaluated over the mirror by the database.

The syntax is OData's (parsed by odata-query); the meaning is that of the system whose rows are filtered: text compares
without regard to case on both sides, `ne` in Sales also finds empty columns, Business Central knows no empty values but
"", the zero GUID and 0001-01-01. `{company_row_id}` stands for this company's row in Sales.

Whatever one of the systems could evaluate but the mirror cannot is refused by `validate_filter`, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import BooleanField, DecimalField, Expression, F, Func, IntegerField, Q, TextField, Value
from django.db.models.functions import Length, Lower, Right, Trim, Upper
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
)
from odata_query import ast
from odata_query.exceptions import ODataException, ParsingException, TokenizingException

from connector.choices import System
from coupling.filter_grammar import parse
from coupling.lookup_names import lookup_type_key

PARAMETERS = frozenset({"company_row_id"})
_PARAMETER = re.compile(r"\{(\w*)\}")
_STAND_IN = "00000000-0000-0000-0000-000000000001"
_OPERATORS = frozenset({"eq", "ne", "gt", "ge", "lt", "le", "in", "and", "or", "not"})
_FUNCTIONS = frozenset({"contains", "startswith", "endswith", "tolower", "toupper", "trim", "length"})


class FilterError(ValueError):
    """The filter cannot be used. `position` is the offset in the text where it goes wrong; str() is for people."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def validate_filter(text: str, *, system: System, table: str, known: Set[str] | None) -> None:
    """Checks that `text` can be evaluated. Raises FilterError with the position otherwise.

    `known` are the property names that `table` has; None when they are not known, then any name passes.
    """
    if not text.strip():
        return
    for match in _PARAMETER.finditer(text):
        if match[1] not in PARAMETERS:
            raise FilterError(f"“{match[0]}” stands for nothing; only {{company_row_id}} does.", match.start())
    tree = _parse(text)
    compile_filter = _Compiler(text, system, dict.fromkeys(PARAMETERS, _STAND_IN))
    compile_filter.condition(tree)
    if known is None:
        return
    for name in _names(tree):
        if name not in known:
            raise FilterError(f"{table} has no property “{name}”.", _position(text, name))


def filter_condition(text: str, *, system: System, parameters: Mapping[str, Any]) -> Q:
    """The condition over `RemoteRecord.values`; a blank filter admits everything. Raises FilterError.

    `parameters`: name in braces → value; a missing or empty one compares as null.
    """
    if not text.strip():
        return Q()
    return Q(_Compiler(text, system, parameters).condition(_parse(text)))


def filter_properties(text: str) -> frozenset[str]:
    """Names of the mirrored values that the filter looks at. Raises FilterError for what cannot be parsed."""
    if not text.strip():
        return frozenset()
    found: set[str] = set()
    for name in _names(_parse(text)):
        found.add(name)
        if name.startswith("_") and name.endswith("_value"):
            found.add(lookup_type_key(name))
    return frozenset(found)


@lru_cache(maxsize=512)
def _parse(text: str) -> ast._Node:
    """The syntax tree of a filter whose parameters are replaced by a GUID that `_Compiler` recognises."""
    stripped = text.rstrip()
    lead = len(stripped) - len(stripped.lstrip())
    shifts: list[tuple[int, int]] = []
    source, offset = "", 0
    for part in _PARAMETER.finditer(stripped):
        source += stripped[offset : part.start()]
        shifts.append((len(source), part.start()))
        source += _stand_in(part[1])
        shifts.append((len(source), part.end()))
        offset = part.end()
    source += stripped[offset:]

    def original(index: int) -> int:
        at, shift = 0, 0
        for replaced, written in shifts:
            if replaced <= index:
                at, shift = replaced, written
        return shift + index - at if shifts and at else index

    try:
        tree = parse(source[lead:])
    except (ParsingException, TokenizingException) as error:
        token = error.token
        if token is None:
            raise FilterError("The filter ends too early: something is missing at its end.", len(stripped)) from error
        position = original(token.index + lead)
        rest = stripped[position:].lstrip()
        position = len(stripped) - len(rest)
        if rest in _OPERATORS:
            raise FilterError("The filter ends too early: something is missing at its end.", len(stripped)) from error
        word = (rest.split(maxsplit=1) or [""])[0]
        raise FilterError(f"The filter cannot be read at “{word}” (position {position + 1}).", position) from error
    except ODataException as error:
        raise FilterError(f"The filter cannot be read: {error}", 0) from error
    if tree is None:
        raise FilterError("The filter cannot be read.", 0)
    return tree


def _stand_in(name: str) -> str:
    return _STAND_IN[:-1] + str(sorted(PARAMETERS).index(name) + 1) if name in PARAMETERS else name


def _parameter(value: str) -> str | None:
    """Which parameter a stand-in GUID stands for."""
    for number, name in enumerate(sorted(PARAMETERS), start=1):
        if value == _STAND_IN[:-1] + str(number):
            return name
    return None


def _position(text: str, name: str) -> int:
    plain = name.removeprefix("_").removesuffix("_value")
    match = re.search(rf"\b{re.escape(name)}\b", text) or re.search(re.escape(plain), text)
    return match.start() if match else 0


def _names(node: Any) -> Iterator[str]:
    """Mirrored value names in a tree; a path over a lookup is the lookup's own column."""
    if isinstance(node, ast.Identifier):
        yield node.name
    elif isinstance(node, ast.Attribute):
        yield _path_of(node).column
    elif isinstance(node, ast.Call):
        for argument in node.args:
            yield from _names(argument)
    elif isinstance(node, ast.List):
        for item in node.val:
            yield from _names(item)
    else:
        for name in ("left", "right", "operand"):
            if (child := getattr(node, name, None)) is not None:
                yield from _names(child)


@dataclass(frozen=True, slots=True)
class _Path:
    """A related row's key seen from the row itself: `parentcustomerid_account/accountid`."""

    column: str
    target: str


def _path_of(node: ast.Attribute) -> _Path:
    owner, key = node.owner, node.attr
    target = key.removesuffix("id")
    if not isinstance(owner, ast.Identifier) or not key.endswith("id"):
        raise FilterError(f"Of a related row only its key can be filtered on, not “{key}”.", 0)
    return _Path(column=f"_{owner.name.removesuffix('_' + target)}_value", target=target)


class _Number(Func):
    """The JSON value as numeric; NULL where it is no number (`jsonb_path_query_first` skips what does not match)."""

    template = "jsonb_path_query_first(%(expressions)s, 'strict $ ? (@.type() == \"number\")')::numeric"
    arity = 1
    output_field = DecimalField()


class _JsonValue(Func):
    template = "(%(expressions)s)"
    arg_joiner = " -> "
    arity = 2


class _JsonText(Func):
    template = "(%(expressions)s)"
    arg_joiner = " ->> "
    arity = 2
    output_field = TextField()


class _ByteOrder(Func):
    """Text compared byte by byte, which orders ISO dates in time."""

    template = '(%(expressions)s) COLLATE "C"'
    arity = 1
    output_field = TextField()


class _Instant(_ByteOrder):
    """A time stamp in UTC without its Z, so that stamps with and without fractions of a second order rightly."""

    template = "(rtrim(%(expressions)s, 'Z')) COLLATE \"C\""


class _Day(_ByteOrder):
    template = '(left(%(expressions)s, 10)) COLLATE "C"'


class _Strpos(Func):
    function = "strpos"
    arity = 2
    output_field = IntegerField()


class _StartsWith(Func):
    function = "starts_with"
    arity = 2
    output_field = BooleanField()


_ORDERINGS: dict[type, Any] = {
    ast.Gt: GreaterThan,
    ast.GtE: GreaterThanOrEqual,
    ast.Lt: LessThan,
    ast.LtE: LessThanOrEqual,
}


class _Compiler:
    """Turns one tree into a condition; every method answers a Django expression with a truth value."""

    def __init__(self, text: str, system: System, parameters: Mapping[str, Any]) -> None:
        self.text = text
        self.system = system
        self.parameters = parameters

    def condition(self, node: Any) -> Any:
        if isinstance(node, ast.BoolOp):
            left, right = Q(self.condition(node.left)), Q(self.condition(node.right))
            return left & right if isinstance(node.op, ast.And) else left | right
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~Q(self.condition(node.operand))
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.Call):
            return self._test(node)
        if isinstance(node, ast.Identifier):
            if node.name in _OPERATORS:
                raise FilterError(f"“{node.name}” stands in the wrong place.", self.text.rfind(node.name))
            return Exact(self._text_of(node), Value("true"))
        if isinstance(node, ast.Boolean):
            return Q(pk__isnull=False) if node.py_val else Q(pk__isnull=True)
        raise FilterError("A filter is made of comparisons joined by “and” and “or”.", 0)

    def _compare(self, node: ast.Compare) -> Any:
        left, right, comparator = node.left, node.right, node.comparator
        if isinstance(left, ast._Literal) and not isinstance(right, ast._Literal):
            left, right = right, left
            comparator = {ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Lt: ast.Gt, ast.LtE: ast.GtE}.get(
                type(comparator), type(comparator)
            )()
        if isinstance(left, ast.Attribute):
            return self._related(left, comparator, right)
        if isinstance(comparator, ast.In):
            return self._in(left, right)
        literal = self._literal(right)
        if literal is None:
            return self._null(left, comparator)
        lhs, rhs = self._sides(left, literal)
        if isinstance(comparator, ast.Eq):
            return Exact(lhs, rhs)
        if isinstance(comparator, ast.NotEq):
            different = ~Q(Exact(lhs, rhs))
            return different | Q(IsNull(lhs, True)) if self.system == System.SALES else different
        if type(comparator) in _ORDERINGS:
            return _ORDERINGS[type(comparator)](lhs, rhs)
        raise FilterError("This comparison cannot be used in a filter.", 0)

    def _sides(self, node: Any, literal: Any) -> tuple[Any, Any]:
        """Both sides of a comparison in a form that the database compares as the system would."""
        if isinstance(node, ast.Call) and node.func.name == "length":
            return Length(self._text_of(node.args[0])), Value(literal)
        if isinstance(literal, bool):
            return self._text_of(node), Value("true" if literal else "false")
        if isinstance(literal, int | Decimal):
            return _Number(self._json_of(node)), Value(Decimal(literal), output_field=DecimalField())
        if isinstance(literal, _Stamp):
            wrap = _Day if literal.day else _Instant
            return wrap(self._text_of(node)), _ByteOrder(Value(literal.text, output_field=TextField()))
        return Lower(self._text_of(node)), Lower(Value(literal, output_field=TextField()))

    def _null(self, node: Any, comparator: Any) -> Any:
        empty = Q(IsNull(self._text_of(node), True))
        if isinstance(comparator, ast.Eq):
            return empty
        if isinstance(comparator, ast.NotEq):
            return ~empty
        raise FilterError("Only “eq null” and “ne null” can be asked.", self.text.find("null"))

    def _in(self, node: Any, right: Any) -> Any:
        literals = [self._literal(item) for item in getattr(right, "val", ())]
        if not literals or any(literal is None for literal in literals):
            raise FilterError("“in” needs a list of values in parentheses.", max(self.text.find(" in "), 0))
        pairs = [self._sides(node, literal) for literal in literals]
        return In(pairs[0][0], [value for _, value in pairs])

    def _related(self, node: ast.Attribute, comparator: Any, right: Any) -> Any:
        """A related row's key: the lookup's own column, and its row's table where a lookup has several targets."""
        path = _path_of(node)
        column = ast.Identifier(path.column)
        kind = self._text_of(ast.Identifier(lookup_type_key(path.column)))
        right_kind = Q(IsNull(kind, True)) | Q(Exact(kind, Value(path.target)))
        literal = self._literal(right)
        if literal is None:
            present = ~Q(IsNull(self._text_of(column), True)) & right_kind
        else:
            present = Q(Exact(Lower(self._text_of(column)), Value(str(literal).lower()))) & right_kind
        positive = isinstance(comparator, ast.Eq) != (literal is None)
        if not isinstance(comparator, ast.Eq | ast.NotEq):
            raise FilterError("The key of a related row can only be compared with “eq” and “ne”.", 0)
        return present if positive else ~present

    def _test(self, node: ast.Call) -> Any:
        name = node.func.full_name()
        if name not in _FUNCTIONS or len(node.args) != (2 if name.endswith(("with", "contains")) else 1):
            raise FilterError(f"The function “{name}” cannot be used in a filter.", max(self.text.find(name), 0))
        if len(node.args) == 1:
            raise FilterError(f"“{name}” has to be compared with something.", max(self.text.find(name), 0))
        part = self._literal(node.args[1])
        if not isinstance(part, str):
            raise FilterError(f"“{name}” needs a text in single quotes.", max(self.text.find(name), 0))
        whole, part = Lower(self._text_of(node.args[0])), part.lower()
        if name == "contains":
            return GreaterThan(_Strpos(whole, Value(part)), Value(0))
        if name == "startswith":
            return Exact(_StartsWith(whole, Value(part)), Value(True))
        return Exact(Right(whole, len(part)), Value(part)) if part else Exact(Value(True), Value(True))

    def _text_of(self, node: Any) -> Expression:
        if isinstance(node, ast.Identifier):
            return _JsonText(F("values"), Value(node.name))
        if isinstance(node, ast.Call) and len(node.args) == 1:
            functions: dict[str, Any] = {"tolower": Lower, "toupper": Upper, "trim": Trim}
            if function := functions.get(node.func.name):
                return function(self._text_of(node.args[0]))
        raise FilterError("The left side of a comparison has to be a property.", 0)

    def _json_of(self, node: Any) -> Expression:
        if isinstance(node, ast.Identifier):
            return _JsonValue(F("values"), Value(node.name))
        raise FilterError("Only a property can be compared with a number.", 0)

    def _literal(self, node: Any) -> Any:
        """The value of a literal; None for null. A parameter without a value is null."""
        if isinstance(node, ast.Null):
            return None
        if isinstance(node, ast.GUID):
            if name := _parameter(node.val):
                value = self.parameters.get(name)
                return str(value) if value else None
            return str(node.val).lower()
        if isinstance(node, ast.Boolean | ast.Integer):
            return node.py_val
        if isinstance(node, ast.Float):
            return Decimal(node.val)
        if isinstance(node, ast.Date):
            return _Stamp(node.val, day=True)
        if isinstance(node, ast.DateTime):
            return _Stamp(node.val.rstrip("Z"), day=False)
        if isinstance(node, ast.String):
            return node.val
        raise FilterError("The right side of a comparison has to be a value.", 0)


@dataclass(frozen=True, slots=True)
class _Stamp:
    text: str
    day: bool
