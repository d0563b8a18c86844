"""A field mapping whose values go through a transformation rule of one's own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connector.errors import ErrorKind
from coupling.transformations import RuleError, Step, transform
from syncjobs.engine.convert.values import Converter, Row
from syncjobs.engine.results import Problem

if TYPE_CHECKING:
    from syncjobs.engine.lookups import Lookups


class RuleConverter(Converter):
    """The rule first, then what the two properties need. A field that goes both ways applies it towards Sales only."""

    def __init__(self, inner: Converter, steps: Sequence[Step], *, towards_sales: bool) -> None:
        self.inner, self.steps, self.towards_sales = inner, tuple(steps), towards_sales
        self.bc_blank, self.sales_blank = inner.bc_blank, inner.sales_blank
        self.bc_form, self.sales_form = inner.bc_form, inner.sales_form  # type: ignore[method-assign]

    def to_sales(self, value: Any, source: Row, target: Any, lookups: "Lookups") -> Any:
        if self.towards_sales:
            value = self._transformed(value)
            if isinstance(value, Problem):
                return value
        return self.inner.to_sales(value, source, target, lookups)

    def to_bc(self, value: Any, source: Row, target: Any, lookups: "Lookups") -> Any:
        if not self.towards_sales:
            value = self._transformed(value)
            if isinstance(value, Problem):
                return value
        return self.inner.to_bc(value, source, target, lookups)

    def equal(self, bc_value: Any, sales_value: Any, bc_row: Row, sales_row: Row, lookups: "Lookups") -> bool:
        """Only the way that the rule goes is compared; the other way would undo what the rule did."""
        if self.towards_sales:
            sent = self.to_sales(bc_value, bc_row, sales_value, lookups)
            return not isinstance(sent, Problem) and self.sales_form(sent) == self.sales_form(sales_value)
        received = self.to_bc(sales_value, sales_row, bc_value, lookups)
        return not isinstance(received, Problem) and self.bc_form(received) == self.bc_form(bc_value)

    def _transformed(self, value: Any) -> Any:
        try:
            return transform(self.steps, value)
        except RuleError as error:
            return Problem(
                kind=ErrorKind.DATA,
                code="engine.rule",
                message=str(error),
                hint="Correct the value, or the transformation rule of the field mapping.",
                value="" if value is None else str(value),
            )
