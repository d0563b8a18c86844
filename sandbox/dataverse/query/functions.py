"""Dataverse's query functions, ``Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=['a'])`` and its kin."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from sandbox.odata.ast import Call, Literal
from sandbox.odata.sql import Compiler, FilterError, Operand, balanced, encode

PREFIX = "Microsoft.Dynamics.CRM."


@dataclass(frozen=True, slots=True)
class Moments:
    """What relative functions refer to: the time of the request and the caller."""

    now: datetime
    user_id: str
    business_unit_id: str | None


@dataclass(frozen=True, slots=True)
class _Arguments:
    operand: Operand
    literals: tuple[Literal, ...]
    moments: Moments
    compiler: Compiler

    def bind(self, literal: Literal) -> str:
        return self.compiler.bind(encode(self.operand, _fitting(self.operand, literal)))

    def single(self) -> Literal:
        if len(self.literals) != 1:
            raise FilterError("The function needs exactly one PropertyValue.")
        return self.literals[0]

    def number(self) -> int:
        literal = self.single()
        text = str(literal.value)
        if not text.isdigit() or not 1 <= int(text) <= 100_000:
            raise FilterError(f"The value '{text}' must be a positive whole number.")
        return int(text)


def compile_call(
    call: Call, compiler: Compiler, operand: Callable[[tuple[str, ...]], Operand], moments: Moments
) -> str:
    """SQL of a query function. Raises FilterError for unknown functions and arguments."""
    name = call.name.removeprefix(PREFIX)
    function = _FUNCTIONS.get(name) if call.name.startswith(PREFIX) else None
    if function is None:
        raise FilterError(f"An unknown function with name '{call.name}' was found.")
    named = dict(call.named)
    property_name = named.pop("PropertyName", None)
    value = named.pop("PropertyValues", named.pop("PropertyValue", None))
    if call.arguments or named or not isinstance(property_name, Literal) or property_name.kind != "string":
        raise FilterError(f"The parameters of the function '{call.name}' are not valid.")
    literals: tuple[Literal, ...] = ()
    if isinstance(value, Literal):
        literals = (
            tuple(item for item in value.value if isinstance(item, Literal))
            if isinstance(value.value, tuple)
            else (value,)
        )
    path = tuple(str(property_name.value).split("/"))
    return function(_Arguments(_operand(operand, path), literals, moments, compiler))


def _operand(operand: Callable[[tuple[str, ...]], Operand], path: tuple[str, ...]) -> Operand:
    """Query functions name lookups by their column, without the underscores of the property."""
    try:
        return operand(path)
    except FilterError:
        try:
            return operand((*path[:-1], f"_{path[-1]}_value"))
        except FilterError:
            pass
        raise


def _fitting(operand: Operand, literal: Literal) -> Literal:
    """Values of query functions are often texts whatever the column's type is."""
    if literal.kind != "string":
        return literal
    text = str(literal.value)
    if operand.kind in ("integer", "decimal", "real"):
        try:
            return Literal("decimal", Decimal(text))
        except InvalidOperation as error:
            raise FilterError(f"The value '{text}' is not a number.") from error
    if operand.kind in ("datetime", "date"):
        return Literal("date" if len(text) == 10 else "datetime", text)
    if operand.kind == "boolean" and text.lower() in ("true", "false", "0", "1"):
        return Literal("boolean", text.lower() in ("true", "1"))
    return literal


def _in(arguments: _Arguments) -> str:
    literals = [_fitting(arguments.operand, literal) for literal in arguments.literals]
    return arguments.compiler.membership(arguments.operand, literals)


def _not_in(arguments: _Arguments) -> str:
    return f"NOT coalesce({_in(arguments)}, 0)"


def _between(arguments: _Arguments) -> str:
    if len(arguments.literals) != 2:
        raise FilterError("The function needs exactly two PropertyValues.")
    low, high = arguments.literals
    return f"{arguments.operand.sql} BETWEEN {arguments.bind(low)} AND {arguments.bind(high)}"


def _not_between(arguments: _Arguments) -> str:
    return f"NOT ({_between(arguments)})"


def _contain_values(arguments: _Arguments) -> str:
    column = f"(',' || {arguments.operand.sql} || ',')"
    parts = []
    for literal in arguments.literals:
        parts.append(f"instr({column}, {arguments.compiler.bind(f',{literal.value},')}) > 0")
    if not parts:
        raise FilterError("The function needs PropertyValues.")
    return balanced(" OR ", parts)


def _does_not_contain_values(arguments: _Arguments) -> str:
    return f"NOT coalesce({_contain_values(arguments)}, 0)"


def _day(literal: Literal) -> datetime:
    try:
        return datetime.strptime(str(literal.value)[:10], "%Y-%m-%d")
    except ValueError as error:
        raise FilterError(f"The value '{literal.value}' is not a date.") from error


def _stamp(operand: Operand, moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if operand.kind == "date" else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _range(arguments: _Arguments, start: datetime | None, end: datetime | None) -> str:
    """From ``start`` up to but not including ``end``."""
    operand = arguments.operand
    if operand.kind not in ("datetime", "date"):
        raise FilterError(f"The property '{operand.name}' is not a date.")
    parts = []
    if start is not None:
        parts.append(f"{operand.sql} >= {arguments.compiler.bind(_stamp(operand, start))}")
    if end is not None:
        parts.append(f"{operand.sql} < {arguments.compiler.bind(_stamp(operand, end))}")
    return "(" + " AND ".join(parts) + ")"


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _month_start(moment: datetime) -> datetime:
    return _midnight(moment).replace(day=1)


def _months_before(moment: datetime, months: int) -> datetime:
    total = moment.year * 12 + moment.month - 1 - months
    year, month = divmod(total, 12)
    if year < 1:
        raise FilterError("The value is outside of the supported range of dates.")
    days_in_month = (datetime(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, days_in_month))


_SECOND = timedelta(seconds=1)
_ONE_DAY = timedelta(days=1)


def _on(a: _Arguments) -> str:
    return _range(a, _day(a.single()), _day(a.single()) + _ONE_DAY)


def _on_or_after(a: _Arguments) -> str:
    return _range(a, _day(a.single()), None)


def _on_or_before(a: _Arguments) -> str:
    return _range(a, None, _day(a.single()) + _ONE_DAY)


def _days_from_today(start: int, end: int) -> Callable[[_Arguments], str]:
    def build(a: _Arguments) -> str:
        today = _midnight(a.moments.now)
        return _range(a, today + timedelta(days=start), today + timedelta(days=end))

    return build


def _last(unit: str) -> Callable[[_Arguments], str]:
    """The last n units up to now; days, weeks and months begin at midnight."""

    def build(a: _Arguments) -> str:
        number, now = a.number(), a.moments.now
        try:
            start = {
                "hours": lambda: now - timedelta(hours=number),
                "days": lambda: _midnight(now) - timedelta(days=number),
                "weeks": lambda: _midnight(now) - timedelta(weeks=number),
                "months": lambda: _midnight(_months_before(now, number)),
            }[unit]()
        except OverflowError as error:
            raise FilterError("The value is outside of the supported range of dates.") from error
        return _range(a, start, now + _SECOND)

    return build


def _older_than(hours: int) -> Callable[[_Arguments], str]:
    def build(a: _Arguments) -> str:
        try:
            return _range(a, None, a.moments.now - timedelta(hours=hours * a.number()))
        except OverflowError as error:
            raise FilterError("The value is outside of the supported range of dates.") from error

    return build


def _this_month(a: _Arguments) -> str:
    start = _month_start(a.moments.now)
    return _range(a, start, _month_start(start + timedelta(days=32)))


def _this_year(a: _Arguments) -> str:
    start = _month_start(a.moments.now).replace(month=1)
    return _range(a, start, start.replace(year=start.year + 1))


def _equals(value: Callable[[Moments], str | None]) -> Callable[[_Arguments], str]:
    def build(a: _Arguments) -> str:
        if a.operand.kind != "guid":
            raise FilterError(f"The property '{a.operand.name}' is not a lookup.")
        return f"{a.operand.sql} = {a.compiler.bind(value(a.moments))}"

    return build


_FUNCTIONS: dict[str, Callable[[_Arguments], str]] = {
    "In": _in,
    "NotIn": _not_in,
    "Between": _between,
    "NotBetween": _not_between,
    "On": _on,
    "OnOrAfter": _on_or_after,
    "OnOrBefore": _on_or_before,
    "Today": _days_from_today(0, 1),
    "Yesterday": _days_from_today(-1, 0),
    "Last7Days": _days_from_today(-7, 1),
    "LastXHours": _last("hours"),
    "LastXDays": _last("days"),
    "LastXWeeks": _last("weeks"),
    "LastXMonths": _last("months"),
    "ThisMonth": _this_month,
    "ThisYear": _this_year,
    "OlderThanXDays": _older_than(24),
    "OlderThanXHours": _older_than(1),
    "ContainValues": _contain_values,
    "DoesNotContainValues": _does_not_contain_values,
    "EqualUserId": _equals(lambda moments: moments.user_id),
    "EqualBusinessId": _equals(lambda moments: moments.business_unit_id),
}
