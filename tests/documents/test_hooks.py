"""Rules of the house: a refusal is a problem of the document, a mistake in a rule is told, neither runs unasked."""

import pytest

from syncjobs.documents import hooks
from syncjobs.documents.hooks import HookContext, Refusal, Step, after, before, run_after, run_before
from syncjobs.documents.models import SalesDocument


@pytest.fixture(autouse=True)
def _own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_before", {})
    monkeypatch.setattr(hooks, "_after", {})


def context(step: Step = Step.CREATE_ORDER) -> HookContext:
    return HookContext(step, SalesDocument(kind="order", number="ORD-1"), header={"customerId": "1"})


def test_rule_changes_what_is_sent_and_runs_for_its_step_only() -> None:
    @before(Step.CREATE_ORDER)
    def warehouse(seen: HookContext) -> None:
        seen.header["shortcutDimension1Code"] = "SALES"

    seen, other = context(), context(Step.FULFIL)
    assert (run_before(seen), run_before(other)) == (None, None)
    assert seen.header == {"customerId": "1", "shortcutDimension1Code": "SALES"}
    assert other.header == {"customerId": "1"}


def test_refusal_is_a_problem_with_its_hint_and_stops_the_rules_behind_it() -> None:
    ran = []

    @before(Step.CREATE_ORDER)
    def credit(seen: HookContext) -> None:
        raise Refusal("Too much.", hint="Ask accounting.")

    @before(Step.CREATE_ORDER)
    def late(seen: HookContext) -> None:
        ran.append(seen)

    problem = run_before(context())
    assert problem is not None
    assert (problem.code, problem.message, problem.hint, ran) == ("hook.refused", "Too much.", "Ask accounting.", [])


def test_mistake_in_a_rule_names_the_rule() -> None:
    @before(Step.UPDATE_ORDER)
    def broken(seen: HookContext) -> None:
        raise KeyError("colour")

    problem = run_before(context(Step.UPDATE_ORDER))
    assert problem is not None
    assert "broken" in problem.message


def test_rule_after_a_step_cannot_stop_what_has_happened() -> None:
    @after(Step.INVOICE)
    def tell(seen: HookContext) -> None:
        raise ValueError("no mail server")

    assert [("tell" in warning) for warning in run_after(context(Step.INVOICE))] == [True]
