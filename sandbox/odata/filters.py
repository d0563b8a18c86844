"""Parser of OData ``$filter`` expressions.

Written here rather than taken from a library because both services speak dialects: Dataverse's query functions take
named arguments, JSON lists with double quotes and parameter aliases, and a list of 500 keys has to parse in a few
milliseconds.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import cast

from sandbox.odata.ast import (
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Lambda,
    Literal,
    Logical,
    Not,
    Path,
)

MAX_DEPTH = 60
"""Nesting allowed in one filter; real services refuse deeper ones as too complex."""

_TOKENS = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
  | (?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+\-\s]\d\d:\d\d)?)
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<time>\d\d:\d\d:\d\d(?:\.\d{1,12})?)
  | (?P<decimal>-?(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)[mMdDfF]?|-?\d+[mMdDfF])
  | (?P<integer>-?\d+[lL]?)
  | (?P<alias>@\w+)
  | (?P<name>[^\W\d][\w.\-]*(?<![.\-])|\$\w+)
  | (?P<list>\[)
  | (?P<mark>[(),/:=])
    )""",
    re.VERBOSE,
)
_JSON = json.JSONDecoder(parse_float=Decimal)

COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le", "in", "has")
_WORDS = {"and", "or", "not", "add", "sub", "mul", "div", "mod", *COMPARISONS}


class FilterSyntaxError(ValueError):
    """The text is not an OData expression; ``position`` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def parse_filter(text: str, aliases: Mapping[str, str] | None = None) -> Expression:
    """The expression in ``text``. ``aliases`` are the request's ``@name`` options. Raises `FilterSyntaxError`."""
    return _parse(text, tuple(sorted((aliases or {}).items())))


@lru_cache(maxsize=512)
def _parse(text: str, aliases: tuple[tuple[str, str], ...]) -> Expression:
    parser = _Parser(text, dict(aliases))
    expression = parser.disjunction(0)
    parser.expect_end()
    return expression


class _Parser:
    def __init__(self, text: str, aliases: Mapping[str, str]) -> None:
        self.text = text
        self.aliases = aliases
        self.kind = ""
        self.lexeme = ""
        self.start = 0
        self.position = 0
        self.advance()

    def advance(self) -> None:
        found = _TOKENS.match(self.text, self.position)
        if found is None:
            rest = self.text[self.position :].strip()
            if rest:
                raise FilterSyntaxError(
                    f"Syntax error: character '{rest[0]}' is not valid at position {self.position} in '{self.text}'.",
                    self.position,
                )
            self.kind, self.lexeme, self.start = "end", "", len(self.text)
            return
        self.kind = cast(str, found.lastgroup)
        self.lexeme = found.group(self.kind)
        self.start = found.start(self.kind)
        self.position = found.end()

    def fail(self, message: str) -> FilterSyntaxError:
        return FilterSyntaxError(f"{message} at position {self.start} in '{self.text}'.", self.start)

    def expect(self, mark: str) -> None:
        if self.lexeme != mark or self.kind != "mark":
            raise self.fail(f"Syntax error: '{mark}' expected")
        self.advance()

    def expect_end(self) -> None:
        if self.kind != "end":
            raise self.fail("Syntax error")

    def word(self, *words: str) -> bool:
        return self.kind == "name" and self.lexeme in words

    # -- Operators, loosest first

    def disjunction(self, depth: int) -> Expression:
        operands = [self.conjunction(depth)]
        while self.word("or"):
            self.advance()
            operands.append(self.conjunction(depth))
        return operands[0] if len(operands) == 1 else Logical("or", tuple(operands))

    def conjunction(self, depth: int) -> Expression:
        operands = [self.negation(depth)]
        while self.word("and"):
            self.advance()
            operands.append(self.negation(depth))
        return operands[0] if len(operands) == 1 else Logical("and", tuple(operands))

    def negation(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self.fail("The recursion limit has been exceeded")
        if self.word("not"):
            self.advance()
            return Not(self.negation(depth + 1))
        return self.comparison(depth)

    def comparison(self, depth: int) -> Expression:
        left = self.sum(depth)
        if self.word(*COMPARISONS):
            operator = self.lexeme
            self.advance()
            right = self.value_list(depth) if operator == "in" else self.sum(depth)
            return Comparison(operator, left, right)  # type: ignore[arg-type]
        return left

    def value_list(self, depth: int) -> Expression:
        if self.kind in ("list", "alias"):
            return self.primary(depth)
        self.expect("(")
        values: list[object] = []
        while True:
            item = self.primary(depth + 1)
            if not isinstance(item, Literal):
                raise self.fail("Syntax error: a literal expected")
            values.append(item)
            if self.lexeme == ")" and self.kind == "mark":
                self.advance()
                return Literal("list", tuple(values))
            self.expect(",")

    def sum(self, depth: int) -> Expression:
        left = self.product(depth)
        while self.word("add", "sub"):
            operator = self.lexeme
            self.advance()
            left = Arithmetic(operator, left, self.product(depth))  # type: ignore[arg-type]
        return left

    def product(self, depth: int) -> Expression:
        left = self.primary(depth)
        while self.word("mul", "div", "mod"):
            operator = self.lexeme
            self.advance()
            left = Arithmetic(operator, left, self.primary(depth))  # type: ignore[arg-type]
        return left

    # -- Operands

    def primary(self, depth: int) -> Expression:
        kind, lexeme = self.kind, self.lexeme
        if kind == "mark" and lexeme == "(":
            self.advance()
            inner = self.disjunction(depth + 1)
            self.expect(")")
            return inner
        if kind == "list":
            return self.json_list()
        if kind == "alias":
            return self.alias(depth)
        if kind == "name":
            return self.name(depth)
        literal = _literal(kind, lexeme)
        if literal is None:
            raise self.fail("Syntax error")
        self.advance()
        return literal

    def json_list(self) -> Literal:
        """``["a","b"]`` as in function parameters; single quotes are taken as well, as the service does."""
        text = self.text[self.start :]
        try:
            values, length = _JSON.raw_decode(text)
        except ValueError:
            end = _list_end(text)
            if end < 0:
                raise self.fail("Syntax error in a list") from None
            inner = _Parser(text[1:end], self.aliases)
            values, length = inner.list_items(), end + 1
        self.position = self.start + length
        self.advance()
        return Literal("list", tuple(item if isinstance(item, Literal) else _json_literal(item) for item in values))

    def list_items(self) -> list[Literal]:
        items: list[Literal] = []
        while self.kind != "end":
            item = self.primary(0)
            if not isinstance(item, Literal):
                raise self.fail("Syntax error in a list")
            items.append(item)
            if self.kind != "end":
                self.expect(",")
        return items

    def alias(self, depth: int) -> Expression:
        value = self.aliases.get(self.lexeme)
        if value is None or depth > MAX_DEPTH:
            raise self.fail(f"The parameter alias '{self.lexeme}' is not defined")
        self.advance()
        if value.lstrip().startswith("{"):
            # A complex parameter: the function that takes it reads the JSON text.
            return Literal("string", value)
        inner = _Parser(value, self.aliases)
        expression = inner.disjunction(depth + 1)
        inner.expect_end()
        return expression

    def name(self, depth: int) -> Expression:
        lexeme = self.lexeme
        if lexeme in ("true", "false"):
            self.advance()
            return Literal("boolean", lexeme == "true")
        if lexeme == "null":
            self.advance()
            return Literal("null", None)
        if lexeme in _WORDS and lexeme != "in":
            raise self.fail("Syntax error")
        self.advance()
        if self.kind == "string" and self.start == self.position - len(self.lexeme) and "." in lexeme:
            value = cast(str, Literal("string", _unquote(self.lexeme)).value)
            self.advance()
            return Literal("enum", value)
        if self.kind == "mark" and self.lexeme == "(":
            return self.call(lexeme, depth)
        return self.path([lexeme], depth)

    def path(self, parts: list[str], depth: int) -> Expression:
        while self.kind == "mark" and self.lexeme == "/":
            self.advance()
            if self.kind != "name":
                raise self.fail("Syntax error: a name expected")
            segment = self.lexeme
            self.advance()
            if segment in ("any", "all") and self.kind == "mark" and self.lexeme == "(":
                return self.quantified(Path(tuple(parts)), segment, depth)
            parts.append(segment)
        return Path(tuple(parts))

    def quantified(self, path: Path, quantifier: str, depth: int) -> Lambda:
        self.expect("(")
        if self.kind == "mark" and self.lexeme == ")":
            self.advance()
            return Lambda(path, quantifier, None, None)  # type: ignore[arg-type]
        if self.kind != "name":
            raise self.fail("Syntax error: a range variable expected")
        variable = self.lexeme
        self.advance()
        self.expect(":")
        condition = self.disjunction(depth + 1)
        self.expect(")")
        return Lambda(path, quantifier, variable, condition)  # type: ignore[arg-type]

    def call(self, name: str, depth: int) -> Call:
        self.expect("(")
        arguments: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        while not (self.kind == "mark" and self.lexeme == ")"):
            if arguments or named:
                self.expect(",")
            argument = self.disjunction(depth + 1)
            if self.kind == "mark" and self.lexeme == "=" and isinstance(argument, Path):
                self.advance()
                named.append((str(argument), self.disjunction(depth + 1)))
            else:
                arguments.append(argument)
        self.advance()
        return Call(name, tuple(arguments), tuple(named))


def _unquote(token: str) -> str:
    return token[1:-1].replace("''", "'")


def _literal(kind: str, token: str) -> Literal | None:
    match kind:
        case "string":
            return Literal("string", _unquote(token))
        case "guid":
            return Literal("guid", token.lower())
        case "datetime":
            return Literal("datetime", token.replace(" ", "+"))
        case "date":
            return Literal("date", token)
        case "time":
            return Literal("time", token)
        case "decimal":
            return Literal("decimal", Decimal(token.rstrip("mMdDfF")))
        case "integer":
            number = token.rstrip("lL")
            return Literal("integer", int(number)) if len(number) <= 30 else Literal("decimal", Decimal(number))
    return None


def _json_literal(value: object) -> Literal:
    if value is None:
        return Literal("null", None)
    if isinstance(value, bool):
        return Literal("boolean", value)
    if isinstance(value, int):
        return Literal("integer", value)
    if isinstance(value, Decimal):
        return Literal("decimal", value)
    return Literal("string", str(value))


def _list_end(text: str) -> int:
    quoted = False
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif character == "]" and not quoted:
            return index
    return -1
