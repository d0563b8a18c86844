"""``$filter``, ``$select`` and ``$expand`` over metadata, which lives in memory and not in tables."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.dataverse import errors
from sandbox.odata.ast import Call, Comparison, Expression, Literal, Logical, Not, Path
from sandbox.odata.options import Expand

Row = dict[str, Any]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}


def matches(row: Mapping[str, Any], expression: Expression) -> bool:
    """Whether a definition satisfies a filter. Raises 400 for properties it does not have."""
    match expression:
        case Logical("and", operands):
            return all(matches(row, operand) for operand in operands)
        case Logical("or", operands):
            return any(matches(row, operand) for operand in operands)
        case Not(operand):
            return not matches(row, operand)
        case Comparison(operator, left, right):
            return _compare(operator, _value(row, left), _value(row, right))
        case Call(name, arguments, ()) if name in ("contains", "startswith", "endswith") and len(arguments) == 2:
            text, part = (str(_value(row, argument) or "").lower() for argument in arguments)
            return {"contains": part in text, "startswith": text.startswith(part), "endswith": text.endswith(part)}[
                name
            ]
        case Path():
            return bool(_value(row, expression))
        case Literal("boolean", value):
            return bool(value)
    raise errors.bad_query("This kind of filter is not supported on metadata.")


def _compare(operator: str, left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.lower(), right.lower()
    if operator == "eq":
        return bool(left == right)
    if operator == "ne":
        return bool(left != right)
    if operator in _COMPARE and left is not None and right is not None:
        try:
            return _COMPARE[operator](left, right)
        except TypeError as error:
            raise errors.bad_query("A binary operator with incompatible types was detected.") from error
    if operator in _COMPARE:
        return False
    raise errors.bad_query(f"The operator '{operator}' is not supported on metadata.")


def _value(row: Mapping[str, Any], expression: Expression) -> Any:
    if isinstance(expression, Literal):
        return expression.value
    if isinstance(expression, Path):
        value: Any = row
        for part in expression.parts:
            if not isinstance(value, Mapping) or part not in value:
                raise errors.bad_query(f"Could not find a property named '{part}' on the metadata type.")
            value = value[part]
        return value
    raise errors.bad_query("This kind of expression is not supported on metadata.")


def select(row: Row, names: tuple[str, ...] | None) -> Row:
    """The row reduced to the chosen properties; MetadataId and annotations always stay. Properties that only other
    types of attributes have are left out."""
    if names is None:
        return row
    kept = {name: value for name, value in row.items() if name.startswith("@") or name == "MetadataId"}
    for name in names:
        if name in row:
            kept[name] = row[name]
    return kept


def check_select(row: Row, names: tuple[str, ...] | None) -> None:
    """Raises 400 for names that no definition has."""
    for name in names or ():
        if name not in row:
            raise errors.bad_query(f"Could not find a property named '{name}' on the metadata type.")


def expand(row: Row, requests: tuple[Expand, ...], load: Callable[[str, Expand], list[Row] | Row | None]) -> Row:
    """The row with expanded collections or objects; ``load`` raises 400 for unknown ones."""
    for request in requests:
        loaded = load(request.navigation, request)
        if isinstance(loaded, list):
            row[request.navigation] = [select(item, request.select) for item in loaded]
        else:
            row[request.navigation] = None if loaded is None else select(loaded, request.select)
    return row
