"""Reading options of one request, checked and compiled to SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox.business_central import codec
from sandbox.business_central.bindings import Binding, binding
from sandbox.business_central.errors import BusinessCentralError, bad_request, not_implemented
from sandbox.business_central.schema import BLANK_DATE, Page, Property
from sandbox.business_central.variants import UNSUPPORTED_OPTION
from sandbox.odata.ast import Call, Comparison, Expression, Lambda, Literal, Logical, Not, Path
from sandbox.odata.filters import FilterSyntaxError, parse_filter
from sandbox.odata.options import (
    Expand,
    OptionError,
    parse_count,
    parse_expand,
    parse_number,
    parse_orderby,
    parse_select,
)
from sandbox.odata.sql import Compiler, Dialect, FilterError, Operand, encode

KNOWN_OPTIONS = {
    "$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$skiptoken", "$schemaversion",
    "tenant", "company", "aid", "$format",
}  # fmt: skip
UNSUPPORTED_OPTIONS = {"$search", "$apply", "$compute", "$deltatoken", "$index", "$levels"}
MAX_PAGE = 20_000
_TEXT_FUNCTIONS = {"contains", "startswith", "endswith", "tolower", "toupper", "substring"}


@dataclass(slots=True)
class Query:
    """A compiled read. ``order`` holds (SQL expression, descending) without the closing key."""

    select: list[Property]
    expand: tuple[Expand, ...] = ()
    where: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    top: int | None = None
    skip: int = 0
    count: bool = False
    skiptoken: str | None = None


class Resolver:
    """Business Central's half of filter compilation."""

    def __init__(self, page: Page, today: str, profile: Mapping[str, Any]) -> None:
        self.page = page
        self.today = today
        self.profile = profile

    def path(self, path: Path) -> Operand:
        prop = find_property(self.page, path.parts)
        if not prop.filterable and not self.profile["computed_filters"]:
            raise FilterError(f"The property '{prop.name}' cannot be used in a filter.")
        bound = binding(self.page, prop, self.today)
        return Operand(bound.sql, bound.kind, bound.scale, prop.name, partial(self._encode, prop, bound))

    def _encode(self, prop: Property, bound: Binding, literal: Literal) -> Any:
        if prop.kind in ("enum", "option"):
            member = codec.member_of(prop, str(literal.value), api=self.page.is_api)
            refused = member == "" and not self.profile["blank_enum_filter"]
            if literal.kind not in ("string", "enum") or member is None or refused:
                raise FilterError(
                    f"'{literal.value}' is not a value of '{prop.name}'.", "Application_FilterErrorException"
                )
            return member
        if literal.kind == "string" and prop.kind == "text":
            text = str(literal.value)
            if prop.length is not None and len(text) > prop.length:
                raise FilterError(
                    f"The filter value '{text}' is longer than {prop.length} characters.",
                    "Application_FilterErrorException",
                )
            return codec.normalise_code(text) if prop.is_code else text
        if prop.kind == "datetime" and literal.kind in ("datetime", "date"):
            text = str(literal.value)
            try:
                return codec.parse_stamp(text if literal.kind == "datetime" else f"{text}T00:00:00Z")
            except ValueError:
                raise FilterError(f"'{text}' is not a date-time.", "Application_FilterErrorException") from None
        if prop.kind == "date" and literal.kind == "datetime":
            return str(literal.value)[:10]
        return encode(Operand(bound.sql, bound.kind, bound.scale, prop.name), literal)

    def function(self, call: Call, compiler: Compiler) -> str:
        raise not_implemented(f"The function '{call.name}'")

    def quantified(self, expression: Lambda, compiler: Compiler) -> str:
        return "1"  # The service ignores lambdas, so the filter matches too much.


def find_property(page: Page, parts: tuple[str, ...]) -> Property:
    prop = page.properties.get(parts[0]) if len(parts) == 1 else None
    if prop is None:
        raise bad_request(f"Could not find a property named '{'/'.join(parts)}' on type 'Microsoft.NAV.{page.entity}'.")
    return prop


def _paths(expression: Expression) -> set[str]:
    match expression:
        case Path():
            return {str(expression)}
        case Comparison(_, left, right):
            return _paths(left) | _paths(right)
        case Logical(_, operands):
            return set().union(*map(_paths, operands))
        case Not(operand):
            return _paths(operand)
        case Call(_, arguments, _):
            return set().union(*map(_paths, arguments)) if arguments else set()
    return set()


def _without_nulls(expression: Expression, page: Page) -> Expression:
    """``eq null`` asks for the blank value: the product has no nulls."""
    match expression:
        case Comparison(operator, Path() as path, Literal("null", _)):
            prop = find_property(page, path.parts)
            blank: Literal = {
                "guid": Literal("guid", "00000000-0000-0000-0000-000000000000"),
                "date": Literal("date", BLANK_DATE),
                "datetime": Literal("datetime", "0001-01-01T00:00:00Z"),
                "decimal": Literal("integer", 0),
                "integer": Literal("integer", 0),
                "boolean": Literal("boolean", False),
            }.get(prop.kind, Literal("string", ""))
            return Comparison(operator, path, blank)
        case Logical(operator, operands):
            return Logical(operator, tuple(_without_nulls(operand, page) for operand in operands))
        case Not(operand):
            return Not(_without_nulls(operand, page))
    return expression


def _refuse_unsupported(expression: Expression, *, extended: bool) -> None:
    match expression:
        case Logical(operator, operands):
            if operator == "or" and len(_paths(expression)) > 1:
                raise not_implemented("The operator 'or' over distinct fields")
            for operand in operands:
                _refuse_unsupported(operand, extended=extended)
        case Not(operand):
            _refuse_unsupported(operand, extended=extended)
        case Comparison(operator, left, right):
            if operator == "in" and not extended:
                raise not_implemented("The operator 'in' without $schemaversion=2.1")
            _refuse_unsupported(left, extended=extended)
            _refuse_unsupported(right, extended=extended)
        case Call(name, arguments, _):
            if name not in _TEXT_FUNCTIONS:
                raise not_implemented(f"The function '{name}'")
            for argument in arguments:
                if isinstance(argument, Call) and not extended:
                    raise not_implemented("A function inside a function without $schemaversion=2.1")
                _refuse_unsupported(argument, extended=extended)


def compile_filter(
    page: Page, text: str, today: str, profile: Mapping[str, Any], *, extended: bool = False
) -> tuple[str, list[Any]]:
    """SQL condition and parameters. Raises BusinessCentralError for syntax, unknown names and refused constructs."""
    try:
        expression = parse_filter(text)
    except FilterSyntaxError as error:
        raise bad_request(error.message) from error
    _refuse_unsupported(expression, extended=extended)
    dialect = Dialect(heeds_accents=profile["heeds_accents"])
    compiler = Compiler(Resolver(page, today, profile), dialect)
    try:
        sql = compiler.compile(_without_nulls(expression, page))
    except FilterError as error:
        raise BusinessCentralError(400, error.code or "BadRequest", error.message) from error
    return sql, compiler.params


def parse_query(page: Page, options: Mapping[str, str], today: str, profile: Mapping[str, Any]) -> Query:
    """Everything of a collection read but the key."""
    check_options(options)
    try:
        query = Query(
            select=selected(page, options),
            expand=parse_expand(options["$expand"]) if options.get("$expand") else (),
            top=parse_number("$top", options["$top"]) if "$top" in options else None,
            skip=parse_number("$skip", options["$skip"]) if "$skip" in options else 0,
            count=parse_count(options["$count"]) if "$count" in options else False,
            skiptoken=options.get("$skiptoken"),
        )
        terms = parse_orderby(options["$orderby"]) if options.get("$orderby") else ()
    except OptionError as error:
        raise bad_request(str(error)) from error
    for term in terms:
        prop = find_property(page, term.path)
        if not prop.filterable and not profile["computed_filters"]:
            raise bad_request(f"The property '{prop.name}' cannot be used in the $orderby query option.")
        query.order.append((binding(page, prop, today).sql, term.descending))
    if options.get("$filter"):
        extended = options.get("$schemaversion") == "2.1"
        sql, params = compile_filter(page, options["$filter"], today, profile, extended=extended)
        query.where.append(sql)
        query.params.extend(params)
    return query


def check_options(options: Mapping[str, str]) -> None:
    for name in options:
        if name in UNSUPPORTED_OPTIONS:
            raise not_implemented(f"{UNSUPPORTED_OPTION} '{name}'")
        if name.startswith("$") and name not in KNOWN_OPTIONS:
            raise bad_request(f"The query parameter '{name}' is not supported.", "BadRequest_InvalidRequestUrl")


def selected(page: Page, options: Mapping[str, str]) -> list[Property]:
    text = options.get("$select")
    if not text or text.strip() == "*":
        return [prop for prop in page.properties.values() if prop.kind != "stream"]
    try:
        names = parse_select(text)
    except OptionError as error:
        raise bad_request(str(error)) from error
    chosen = []
    for name in names:
        if name in page.navigation:
            break  # Observed: a navigation property in $select drops what follows it.
        chosen.append(find_property(page, (name,)))
    wanted = {prop.name for prop in chosen}
    return [prop for prop in page.properties.values() if prop.name in wanted and prop.kind != "stream"]
