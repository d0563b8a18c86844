"""From a parsed filter to SQL.

The compiler knows OData's operators and text functions; what a path means (columns, joins, sub-queries) and what is
allowed is the caller's `Resolver`. Both services compare text without case, so plain ASCII literals use NOCASE
columns and their indexes and everything else goes through the ``fold`` and ``matches`` SQL functions."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from sandbox.odata.ast import Call, Comparison, Expression, Lambda, Literal, Logical, Not, Path
from sandbox.storage import Kind
from sandbox.storage.functions import plain, without_accents

_SQL_OPERATORS = {"eq": "=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_FLIPPED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_WILDCARDS = re.compile(r"[%_\[]")


class FilterError(ValueError):
    """A well-formed filter that this service refuses; ``code`` is free for the service's own use."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Operand:
    """What a path resolved to: an SQL expression, its kind, and for decimals the digits it is scaled by."""

    sql: str
    kind: Kind
    scale: int = 0
    name: str = ""
    encode: Callable[[Literal], Any] | None = None
    """Turns a literal into the stored value where the service writes values differently (enum captions, empty
    codes)."""


class Resolver(Protocol):
    """A service's half of compilation. All methods raise `FilterError` for what the service refuses."""

    def path(self, path: Path) -> Operand: ...

    def function(self, call: Call, compiler: "Compiler") -> str:
        """SQL of a function that is not one of the common text functions."""
        ...

    def quantified(self, expression: Lambda, compiler: "Compiler") -> str: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where the services differ. ``wildcards``: SQL LIKE patterns are active in text comparisons. ``ne_includes_null``:
    ``ne 'x'`` also returns rows without a value."""

    wildcards: bool = False
    ne_includes_null: bool = True
    eq_wildcards: bool = True
    """Whether the patterns are active in ``eq`` too, where ``wildcards`` has them."""
    heeds_accents: bool = True
    value_functions: bool = True
    """tolower, toupper and substring are accepted."""


@dataclass
class Compiler:
    """One filter's translation; ``params`` fill the question marks in order."""

    resolver: Resolver
    dialect: Dialect
    params: list[Any] = field(default_factory=list)

    def compile(self, expression: Expression) -> str:
        match expression:
            case Logical():
                return self._logical(expression)
            case Not():
                return f"NOT coalesce({self.compile(expression.operand)}, 0)"
            case Comparison():
                return self._comparison(expression)
            case Call():
                return self._call(expression)
            case Lambda():
                return self.resolver.quantified(expression, self)
            case Literal("boolean", value):
                return "1" if value else "0"
            case Path():
                operand = self.resolver.path(expression)
                if operand.kind == "boolean":
                    return f"{operand.sql} = 1"
        raise FilterError("The $filter expression must evaluate to a single boolean value.")

    def bind(self, value: Any) -> str:
        self.params.append(value)
        return "?"

    # -- Logic

    def _logical(self, expression: Logical) -> str:
        if expression.operator == "or" and (members := self._as_membership(expression)) is not None:
            return members
        compiled = [self.compile(operand) for operand in expression.operands]
        return balanced(f" {expression.operator.upper()} ", compiled)

    def _as_membership(self, expression: Logical) -> str | None:
        """``a eq 1 or a eq 2 …`` as one IN, which SQLite answers from an index and does not nest."""
        paths = set()
        literals = []
        for operand in expression.operands:
            match operand:
                case Comparison("eq", Path() as path, Literal(kind, _) as literal) if kind != "null":
                    paths.add(path)
                    literals.append(literal)
                case _:
                    return None
        if len(paths) != 1:
            return None
        return self.membership(self.resolver.path(paths.pop()), literals)

    # -- Comparisons

    def _comparison(self, expression: Comparison) -> str:
        operator, left, right = expression.operator, expression.left, expression.right
        if operator == "has":
            raise FilterError("The operator 'has' is not supported.")
        if operator == "in":
            if not isinstance(right, Literal) or not isinstance(right.value, tuple):
                raise FilterError("The operator 'in' needs a list of values.")
            return self.membership(self._operand(left), [item for item in right.value if isinstance(item, Literal)])
        if isinstance(left, Literal) and not isinstance(right, Literal):
            operator, left, right = _FLIPPED[operator], right, left  # type: ignore[assignment]
        if isinstance(left, Literal):
            raise FilterError("A literal can only be compared with a property.")
        if isinstance(left, Comparison | Logical | Not | Lambda) or (
            isinstance(left, Call) and isinstance(right, Literal) and right.kind == "boolean"
        ):
            return self._truth(operator, left, right)
        operand = self._operand(left)
        if isinstance(right, Literal):
            return self._with_literal(operator, operand, right)
        return self._columns(operator, operand, self._operand(right))

    def _truth(self, operator: str, left: Expression, right: Expression) -> str:
        if operator not in ("eq", "ne") or not isinstance(right, Literal) or right.kind != "boolean":
            raise FilterError("A condition can only be compared with true or false.")
        wanted = bool(right.value) == (operator == "eq")
        inner = self.compile(left)
        return inner if wanted else f"NOT coalesce({inner}, 0)"

    def _operand(self, expression: Expression) -> Operand:
        if isinstance(expression, Path):
            return self.resolver.path(expression)
        if isinstance(expression, Call) and self.dialect.value_functions:
            if expression.name in ("tolower", "toupper"):
                if len(expression.arguments) != 1:
                    raise FilterError(f"The function '{expression.name}' takes one argument.")
                return self._operand(expression.arguments[0])
            if expression.name == "substring":
                return self._substring(expression)
        raise FilterError("This kind of expression is not supported in $filter.")

    def _substring(self, call: Call) -> Operand:
        numbers = [item.value for item in call.arguments[1:] if isinstance(item, Literal) and item.kind == "integer"]
        if len(call.arguments) not in (2, 3) or len(numbers) != len(call.arguments) - 1:
            raise FilterError("The function 'substring' takes a property, a start and a length.")
        operand = self._operand(call.arguments[0])
        if operand.kind != "text" or any(int(number) < 0 for number in numbers):  # type: ignore[arg-type]
            raise FilterError("The function 'substring' needs a text property and numbers that are not negative.")
        first = int(numbers[0]) + 1  # type: ignore[arg-type]
        length = f", {int(numbers[1])}" if len(numbers) > 1 else ""  # type: ignore[arg-type]
        return Operand(f"substr({operand.sql}, {first}{length})", "text", 0, operand.name)

    def _columns(self, operator: str, left: Operand, right: Operand) -> str:
        if left.kind != right.kind:
            raise FilterError(
                f"A binary operator with incompatible types was detected ('{left.name}', '{right.name}')."
            )
        first, second = left.sql, right.sql
        if left.kind == "decimal" and left.scale != right.scale:
            wider = max(left.scale, right.scale)
            first = f"{first} * {10 ** (wider - left.scale)}"
            second = f"{second} * {10 ** (wider - right.scale)}"
        if operator == "ne":
            return f"{first} IS NOT {second}"
        return f"{first} {_SQL_OPERATORS[operator]} {second}"

    def _with_literal(self, operator: str, operand: Operand, literal: Literal) -> str:
        if literal.kind == "null":
            if operator not in ("eq", "ne"):
                raise FilterError("null can only be compared with eq and ne.")
            return f"{operand.sql} IS {'NOT ' if operator == 'ne' else ''}NULL"
        value = encode(operand, literal)
        if operator == "ne":
            equal = self._relation("=", operand, value)
            return f"NOT coalesce({equal}, 0)" if self.dialect.ne_includes_null else f"NOT ({equal})"
        return self._relation(_SQL_OPERATORS[operator], operand, value)

    def _relation(self, sign: str, operand: Operand, value: Any) -> str:
        if operand.kind != "text":
            return f"{operand.sql} {sign} {self.bind(value)}"
        pattern = sign == "=" and self._is_pattern(value)
        if not self.dialect.heeds_accents:
            if pattern:
                return f"matches({self.bind(plain(value))}, plain({operand.sql}))"
            return f"plain({operand.sql}) {sign} {self.bind(plain(value))}"
        if pattern:
            return f"matches({self.bind(value)}, rtrim({operand.sql}))"
        if not value.isascii():
            return f"fold({operand.sql}) {sign} fold({self.bind(value)})"
        trimmed = value.rstrip(" ")
        if sign != "=":
            return f"{operand.sql} {sign} {self.bind(trimmed)} COLLATE NOCASE"
        if not trimmed:
            return f"{operand.sql} = '' COLLATE NOCASE"
        # Stored text with trailing blanks equals the same text without them. It lies in the small range after it.
        exact = f"{operand.sql} = {self.bind(trimmed)} COLLATE NOCASE"
        padded = (
            f"{operand.sql} >= {self.bind(trimmed + ' ')} COLLATE NOCASE"
            f" AND {operand.sql} < {self.bind(trimmed + '!')} COLLATE NOCASE"
            f" AND rtrim({operand.sql}) = {self.bind(trimmed)} COLLATE NOCASE"
        )
        return f"({exact} OR ({padded}))"

    def _is_pattern(self, value: str) -> bool:
        return self.dialect.wildcards and self.dialect.eq_wildcards and _WILDCARDS.search(value) is not None

    def membership(self, operand: Operand, literals: list[Literal]) -> str:
        """``operand`` is one of the values; an empty list matches nothing."""
        values = [encode(operand, literal) for literal in literals]
        if not values:
            return "0"
        if operand.kind != "text":
            return f"{operand.sql} IN ({', '.join(self.bind(value) for value in values)})"
        simple = all(value.isascii() and not self._is_pattern(value) for value in values)
        if simple and self.dialect.heeds_accents:
            marks = ", ".join(self.bind(value.rstrip(" ")) for value in values)
            return f"{operand.sql} COLLATE NOCASE IN ({marks})"
        return balanced(" OR ", [self._relation("=", operand, value) for value in values])

    # -- Functions

    def _call(self, call: Call) -> str:
        if call.name in ("contains", "startswith", "endswith") and not call.named:
            return self._text_function(call)
        return self.resolver.function(call, self)

    def _text_function(self, call: Call) -> str:
        if len(call.arguments) != 2:
            raise FilterError(f"The function '{call.name}' takes two arguments.")
        operand = self._operand(call.arguments[0])
        literal = call.arguments[1]
        if isinstance(literal, Call) and literal.name in ("tolower", "toupper") and len(literal.arguments) == 1:
            literal = literal.arguments[0]
        if operand.kind != "text" or not isinstance(literal, Literal) or literal.kind != "string":
            raise FilterError(f"The function '{call.name}' needs a text property and a text.")
        text = str(literal.value)
        before = "%" if call.name in ("contains", "endswith") else ""
        after = "%" if call.name in ("contains", "startswith") else ""
        if not self.dialect.heeds_accents:
            escaped = text if self.dialect.wildcards else re.sub(r"[%_\[]", r"[\g<0>]", text)
            return f"matches({self.bind(before + without_accents(escaped) + after)}, plain({operand.sql}))"
        if _WILDCARDS.search(text):
            pattern = text if self.dialect.wildcards else re.sub(r"[%_\[]", r"[\g<0>]", text)
            return f"matches({self.bind(before + pattern + after)}, {operand.sql})"
        if not text.isascii():
            return f"matches({self.bind(before + text + after)}, {operand.sql})"
        return f"{operand.sql} LIKE {self.bind(before + text + after)}"


def balanced(operator: str, parts: list[str]) -> str:
    """Joins conditions as a balanced tree: SQLite refuses expressions that nest a thousand deep."""
    if len(parts) <= 2:
        return "(" + operator.join(parts) + ")" if len(parts) == 2 else parts[0]
    middle = len(parts) // 2
    return f"({balanced(operator, parts[:middle])}{operator}{balanced(operator, parts[middle:])})"


def encode(operand: Operand, literal: Literal) -> Any:
    """The stored form of a literal that is compared with this operand. Raises `FilterError` when the types differ."""
    if operand.encode is not None:
        return operand.encode(literal)
    kind, value = literal.kind, literal.value
    match operand.kind:
        case "text" if kind == "string":
            return value
        case "guid" if kind == "guid" or (kind == "string" and is_guid(str(value))):
            return str(value).lower()
        case "boolean" if kind == "boolean":
            return 1 if value else 0
        case "integer" if kind in ("integer", "decimal"):
            return _number(Decimal(value), 0)  # type: ignore[arg-type]
        case "decimal" if kind in ("integer", "decimal"):
            return _number(Decimal(value), operand.scale)  # type: ignore[arg-type]
        case "real" if kind in ("integer", "decimal"):
            return float(value)  # type: ignore[arg-type]
        case "datetime" | "date" if kind in ("datetime", "date"):
            return value
    raise FilterError(
        "A binary operator with incompatible types was detected. Found operand types for"
        f" '{operand.name}' and a {kind}."
    )


def _number(value: Decimal, scale: int) -> int | float:
    try:
        number = value.scaleb(scale)
        whole = int(number)
    except ArithmeticError as error:
        raise FilterError(f"The number {value} is too large.") from error
    if whole == number and abs(whole) < 2**63:
        return whole
    return float(number)


_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None
