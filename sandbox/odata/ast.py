"""The shapes a parsed ``$filter`` consists of. All are frozen and hashable, so parsed filters can be cached."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal as Choice

LiteralKind = Choice[
    "null", "string", "guid", "datetime", "date", "time", "integer", "decimal", "boolean", "enum", "list"
]


@dataclass(frozen=True, slots=True)
class Literal:
    """``value`` is None, str (strings, guids, date-times, dates as written), int, Decimal, bool or a tuple (lists)."""

    kind: LiteralKind
    value: "str | int | Decimal | bool | tuple[object, ...] | None"


@dataclass(frozen=True, slots=True)
class Path:
    """A property, possibly behind navigation properties or a lambda's variable."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: Choice["eq", "ne", "gt", "ge", "lt", "le", "in", "has"]
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: Choice["add", "sub", "mul", "div", "mod"]
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Logical:
    """``and`` or ``or`` over any number of operands; flat, so long chains do not nest."""

    operator: Choice["and", "or"]
    operands: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Call:
    """A function. ``named`` holds ``Name=value`` arguments (Dataverse's query functions)."""

    name: str
    arguments: "tuple[Expression, ...]"
    named: "tuple[tuple[str, Expression], ...]" = ()


@dataclass(frozen=True, slots=True)
class Lambda:
    """``path/any(variable:condition)``; a bare ``any()`` has neither variable nor condition."""

    path: Path
    quantifier: Choice["any", "all"]
    variable: str | None
    condition: "Expression | None"


Expression = Literal | Path | Comparison | Arithmetic | Logical | Not | Call | Lambda
