"""Expressions of transformation rules: a small language over one value, without any way out of it.

Python's own parser reads the text; only the few node kinds and functions below are ever evaluated, numbers are decimal
and short, texts are short, and there are no loops, so that an expression can neither reach anything nor take long.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, InvalidOperation
from typing import Any

LONGEST_EXPRESSION = 500
LONGEST_TEXT = 4000
_MOST_NODES = 120
_NUMBERS = Context(prec=28, Emax=30, Emin=-30)


class ExpressionError(ValueError):
    """The expression cannot be read or not be worked out; the text is a sentence for people."""


def check_expression(text: str) -> None:
    """Raises ExpressionError where something in the text is not part of the language."""
    _parse(text)


def evaluate(text: str, value: Any) -> Any:
    """The expression's value, with `value` for what the rule was given."""
    result = _Evaluation(value).of(_parse(text))
    return str(result).lower() if isinstance(result, bool) else result


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(f"An expression has at most {LONGEST_EXPRESSION} characters.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError("The expression cannot be read.") from error
    nodes = list(ast.walk(tree))
    if len(nodes) > _MOST_NODES:
        raise ExpressionError("The expression is too long.")
    for node in nodes:
        _check(node)
    return tree


def _check(node: ast.AST) -> None:
    if not isinstance(node, _ALLOWED):
        raise ExpressionError(f"“{type(node).__name__}” is not part of the language.")
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS:
            raise ExpressionError(f"There is no such function; there are {', '.join(sorted(_FUNCTIONS))}.")
        least, most, _ = _FUNCTIONS[node.func.id]
        if node.keywords or not least <= len(node.args) <= most:
            raise ExpressionError(f"{node.func.id} takes {least if least == most else f'{least} to {most}'} values.")
    if isinstance(node, ast.Name) and node.id not in ("value", *_FUNCTIONS):
        raise ExpressionError(f"“{node.id}” is not known; what the rule is given is called “value”.")
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | None):
        raise ExpressionError("Only texts, numbers, True, False and None can be written.")


class _Evaluation:
    """One evaluation of a checked tree."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def of(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=bool() | None as constant):
                return constant
            case ast.Constant(value=str() as constant):
                return constant
            case ast.Constant(value=constant):
                return _number(constant)
            case ast.Name(id="value"):
                return self.value
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return self.of(body if self.of(test) else otherwise)
            case ast.BoolOp(op=ast.And(), values=parts):
                return all(self.of(part) for part in parts)
            case ast.BoolOp(values=parts):
                return any(self.of(part) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.of(operand)
            case ast.UnaryOp(operand=operand):
                return -_number(self.of(operand))
            case ast.BinOp(left=left, op=sign, right=right):
                return self._joined(self.of(left), sign, self.of(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                return _compared(self.of(left), sign, self.of(right))
            case ast.Call(func=ast.Name(id=name), args=args):
                return _short(_FUNCTIONS[name][2](*[self.of(arg) for arg in args]))
        raise ExpressionError("Comparisons cannot be chained, and functions are not values.")

    def _joined(self, left: Any, sign: ast.operator, right: Any) -> Any:
        if isinstance(sign, ast.Add) and (isinstance(left, str) or isinstance(right, str)):
            return _short(_text(left) + _text(right))
        try:
            return _CALCULATIONS[type(sign)](_number(left), _number(right))
        except DecimalException as error:
            raise ExpressionError("The numbers cannot be calculated with each other.") from error


def _compared(left: Any, sign: ast.cmpop, right: Any) -> bool:
    if isinstance(sign, ast.In):
        return _text(left) in _text(right)
    if isinstance(left, Decimal | int | float) or isinstance(right, Decimal | int | float):
        return bool(_COMPARISONS[type(sign)](_number(left), _number(right)))
    return bool(_COMPARISONS[type(sign)](_text(left), _text(right)))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ExpressionError("The text becomes too long.")
    return value


def _number(value: Any) -> Decimal:
    if value is None or value == "":
        return Decimal(0)
    try:
        number = _NUMBERS.create_decimal(str(value))
    except InvalidOperation as error:
        raise ExpressionError(f"“{value}” is not a number.") from error
    except DecimalException as error:
        raise ExpressionError(f"“{value}” is too large a number.") from error
    if not number.is_finite():
        raise ExpressionError(f"“{value}” is not a number.")
    return number


def _round(value: Any, places: Any = 0) -> Decimal:
    return _number(value).quantize(Decimal(1).scaleb(-min(max(int(_number(places)), 0), 10)), context=_NUMBERS)


def _count(value: Any) -> int:
    return max(int(_number(value)), 0)


def _right(value: Any, length: Any) -> str:
    text = _text(value)
    return text[max(len(text) - _count(length), 0) :]


_CALCULATIONS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: _NUMBERS.add,
    ast.Sub: _NUMBERS.subtract,
    ast.Mult: _NUMBERS.multiply,
    ast.Div: _NUMBERS.divide,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Any]]] = {
    "upper": (1, 1, lambda value: _text(value).upper()),
    "lower": (1, 1, lambda value: _text(value).lower()),
    "trim": (1, 1, lambda value: _text(value).strip()),
    "left": (2, 2, lambda value, length: _text(value)[: _count(length)]),
    "right": (2, 2, _right),
    "middle": (3, 3, lambda value, start, length: _text(value)[max(_count(start) - 1, 0) :][: _count(length)]),
    "length": (1, 1, lambda value: Decimal(len(_text(value)))),
    "replace": (3, 3, lambda value, find, by: _text(value).replace(_text(find), _text(by)) if _text(find) else value),
    "number": (1, 1, _number),
    "text": (1, 1, _text),
    "round": (1, 2, _round),
}
"""Function → fewest and most values, and what it does."""

FUNCTIONS = tuple(_FUNCTIONS)

_ALLOWED = (
    ast.Constant, ast.Name, ast.Load, ast.IfExp, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub,
    ast.BinOp, *_CALCULATIONS, ast.Compare, *_COMPARISONS, ast.In, ast.Call,
)  # fmt: skip
