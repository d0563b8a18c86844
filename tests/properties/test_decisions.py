"""Decisions about whole records, carried out by a model of both systems: they merge, agree, and are over."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.choices import System
from syncjobs.engine.decide import decide
from syncjobs.engine.decision import Decision, Outcome
from syncjobs.engine.options import RunOptions
from syncjobs.engine.views import PairView
from tests.engine.builders import (
    BC_VALUES,
    EUR,
    NET30,
    SALES_VALUES,
    USD,
    USER,
    account,
    blueprint,
    coupled,
    customer,
    lookups,
)

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
KNOWN = lookups()
PLAIN = blueprint()
BC_WINS = replace(PLAIN, update_policy="send_to_sales")
SALES_WINS = replace(PLAIN, update_policy="get_from_sales")

_bc_edits = st.fixed_dictionaries(
    {},
    optional={
        "displayName": st.sampled_from(["Adatum", "Contoso", "Fabrikam"]),
        "phoneNumber": st.sampled_from(["", "1", "2"]),
        "city": st.sampled_from(["", "Berlin", "Oslo"]),
        "currencyCode": st.sampled_from(["EUR", "USD"]),
        "creditLimit": st.sampled_from([0, 100, 250]),
        "salespersonCode": st.sampled_from(["JR", ""]),
        "paymentTermsId": st.just(NET30),
    },
)
_sales_edits = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Adatum", "Contoso", "Litware"]),
        "telephone1": st.sampled_from([None, "1", "3"]),
        "address1_city": st.sampled_from([None, "Berlin", "Graz"]),
        "_transactioncurrencyid_value": st.sampled_from([EUR, USD]),
        "creditlimit": st.sampled_from([None, 100, 900]),
        "_ownerid_value": st.just(USER),
    },
)
_TWO_WAY = {"displayName": "name", "phoneNumber": "telephone1", "city": "address1_city",
            "currencyCode": "_transactioncurrencyid_value"}  # fmt: skip


def edited(bc: dict[str, Any], sales: dict[str, Any]) -> PairView:
    return coupled(
        customer(token="bc2" if bc else "bc1", **bc),
        account(token="s2" if sales else "s1", **sales),
    )


def carried_out(pair: PairView, decision: Decision) -> PairView:
    """The pair after the decision's writes were done and settled."""
    assert pair.bc is not None
    assert pair.sales is not None
    assert pair.coupling is not None
    bc, sales, coupling = pair.bc, pair.sales, pair.coupling
    base = {"bc": dict(coupling.bc_base), "sales": dict(coupling.sales_base)}
    base["bc"].update(decision.bc_base)
    base["sales"].update(decision.sales_base)
    for write in decision.writes:
        base["bc"].update(write.bc_base)
        base["sales"].update(write.sales_base)
        if write.system == SALES:
            sales = replace(sales, token=f"{sales.token}+", values={**sales.values, **write.sales_base})
        else:
            bc = replace(bc, token=f"{bc.token}+", values={**bc.values, **write.bc_base})
    agreed = replace(coupling, bc_base=base["bc"], sales_base=base["sales"], bc_token=bc.token, sales_token=sales.token)
    return PairView(agreed, bc, sales)


def equal(pair: PairView, bc_name: str) -> bool:
    assert pair.bc is not None
    assert pair.sales is not None
    spec = next(spec for spec in PLAIN.fields if spec.bc_name == bc_name)
    bc, sales = pair.bc.values, pair.sales.values
    return spec.converter.equal(bc[bc_name], sales[spec.sales_name], bc, sales, KNOWN)


@given(_bc_edits, _sales_edits)
def test_decision_without_a_conflict_makes_both_sides_mean_the_same_and_is_over(
    bc: dict[str, Any], sales: dict[str, Any]
) -> None:
    pair = edited(bc, sales)
    decision = decide(PLAIN, pair, KNOWN, RunOptions())
    if decision.outcome in (Outcome.CONFLICT, Outcome.FAILED):
        return
    after = carried_out(pair, decision)
    for name in _TWO_WAY:
        assert equal(after, name)
    again = decide(PLAIN, after, KNOWN, RunOptions())
    assert (again.outcome, again.writes) == (Outcome.UNCHANGED, ())


@given(_bc_edits, _sales_edits)
def test_one_sided_edit_is_on_both_sides_afterwards(bc: dict[str, Any], sales: dict[str, Any]) -> None:
    for mapping in (PLAIN, BC_WINS, SALES_WINS):
        pair = edited(bc, sales)
        decision = decide(mapping, pair, KNOWN, RunOptions())
        if decision.outcome in (Outcome.CONFLICT, Outcome.FAILED):
            continue
        after = carried_out(pair, decision)
        assert after.bc is not None
        assert after.sales is not None
        for bc_name, sales_name in _TWO_WAY.items():
            bc_changed = bc_name in bc and bc[bc_name] != BC_VALUES[bc_name]
            sales_changed = sales_name in sales and sales[sales_name] != SALES_VALUES[sales_name]
            if bc_changed and not sales_changed:
                assert after.bc.values[bc_name] == bc[bc_name]
                assert equal(after, bc_name)
            if sales_changed and not bc_changed:
                assert after.sales.values[sales_name] == sales[sales_name]
                assert equal(after, bc_name)


@given(_bc_edits, _sales_edits)
def test_policies_differ_in_the_fields_that_both_sides_edited_only(bc: dict[str, Any], sales: dict[str, Any]) -> None:
    both = {name for name, other in _TWO_WAY.items() if name in bc and other in sales}
    ends = []
    for mapping in (BC_WINS, SALES_WINS):
        pair = edited(bc, sales)
        decision = decide(mapping, pair, KNOWN, RunOptions())
        assert decision.outcome not in (Outcome.CONFLICT, Outcome.FAILED)
        ends.append(carried_out(pair, decision))
    first, second = ends
    assert first.bc is not None
    assert second.bc is not None
    for name in _TWO_WAY.keys() - both:
        assert first.bc.values[name] == second.bc.values[name]


@given(_bc_edits)
def test_our_own_write_is_no_change_of_the_other_side(bc: dict[str, Any]) -> None:
    pair = edited(bc, {})
    after = carried_out(pair, decide(PLAIN, pair, KNOWN, RunOptions()))
    assert after.sales is not None
    # The row is read back under a token that nobody noted, as after an answer that got lost.
    echo = replace(after, sales=replace(after.sales, token="unknown"))
    assert decide(PLAIN, echo, KNOWN, RunOptions()).writes == ()
