"""The three-way merge: what one side changed travels, what both changed differently waits, nothing gets lost."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.choices import System
from syncjobs.engine.lookups import Lookups
from syncjobs.engine.merge import Preference, Sides, Verdict, merge_record
from tests.engine.builders import blueprint, line, lookups

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
BOTH = frozenset(System)
NAMES = ("displayName", "phoneNumber", "city")
ATTRIBUTES = ("name", "telephone1", "address1_city")
# Vendors: a mapping of customers has the account's state beside its field mappings.
TWO_WAY = blueprint(
    *(line(bc, sales) for bc, sales in zip(NAMES, ATTRIBUTES, strict=True)), business_central_table="vendors"
)
STRICT = replace(TWO_WAY, merge_fields=False)
NOTHING = Lookups()
NO_PREFERENCE = Preference()


def bc_values(*values):
    return dict(zip(NAMES, values, strict=True))


def sales_values(*values):
    return dict(zip(ATTRIBUTES, [value or None for value in values], strict=True))


def merge(base, bc, sales, *, mapping=TWO_WAY, targets=BOTH, preference=NO_PREFERENCE, **state):
    sides = Sides(bc_values(*bc), sales_values(*sales), bc_values(*base), sales_values(*base), **state)
    return merge_record(mapping, sides, lookups=NOTHING, targets=targets, preference=preference, everything=True)


def verdicts(merged):
    return [field.verdict for field in merged.fields]


def after(merged):
    """What both sides hold once the merge is carried out."""
    return (
        [field.bc_after if field.writes_bc else field.bc_now for field in merged.fields],
        [field.sales_after if field.writes_sales else field.sales_now for field in merged.fields],
    )


def test_merge_without_a_change():
    assert verdicts(merge("abc", "abc", "abc")) == [Verdict.UNCHANGED] * 3


def test_merge_takes_each_side_of_its_own_field():
    merged = merge("abc", "Xbc", "aYc")
    assert verdicts(merged) == [Verdict.TAKE_BC, Verdict.TAKE_SALES, Verdict.UNCHANGED]
    assert after(merged) == (["X", "Y", "c"], ["X", "Y", "c"])


def test_merge_same_change_on_both_sides_agrees():
    assert verdicts(merge("abc", "Xbc", "Xbc"))[0] == Verdict.AGREE


def test_merge_different_change_clashes():
    assert verdicts(merge("abc", "Xbc", "Ybc")) == [Verdict.CLASH, Verdict.UNCHANGED, Verdict.UNCHANGED]


@pytest.mark.parametrize(("winner", "verdict"), [(BC, Verdict.TAKE_BC), (SALES, Verdict.TAKE_SALES)])
def test_merge_winner_takes_the_clash_only(winner, verdict):
    merged = merge("abc", ("X", "b", "c"), ("Y", "Z", "c"), preference=Preference(winner=winner))
    assert verdicts(merged) == [verdict, Verdict.TAKE_SALES, Verdict.UNCHANGED]


def test_merge_forced_side_wins_everywhere():
    merged = merge("abc", "abc", ("a", "Y", "Z"), preference=Preference(force=BC))
    assert after(merged) == (["a", "b", "c"], ["a", "b", "c"])


def test_merge_choices_by_field():
    preference = Preference(choices={"displayName": "sales", "phoneNumber": "new"})
    merged = merge("abc", ("X", "P", "c"), ("Y", "Q", "c"), preference=preference)
    assert after(merged) == (["Y", "new", "c"], ["Y", "new", "c"])


def test_merge_never_synchronised_clashes_unless_equal():
    merged = merge(("", "", ""), "abc", "aYc", never=True)
    assert verdicts(merged) == [Verdict.AGREE, Verdict.CLASH, Verdict.AGREE]


def test_merge_field_mapped_later_starts_from_blank():
    sides = Sides(bc_values("a", "1", "c"), sales_values("a", "", "C"), {"displayName": "a"}, {"name": "a"})
    merged = merge_record(TWO_WAY, sides, lookups=NOTHING, targets=BOTH, everything=True)
    assert verdicts(merged) == [Verdict.UNCHANGED, Verdict.TAKE_BC, Verdict.CLASH]


def test_merge_value_never_read_is_left_alone():
    sides = Sides({"displayName": "X"}, sales_values("a", "b", "c"), bc_values(*"abc"), sales_values(*"abc"))
    merged = merge_record(TWO_WAY, sides, lookups=NOTHING, targets=BOTH)
    assert [field.spec.name for field in merged.fields] == ["displayName"]


def test_merge_direction_not_run_waits():
    merged = merge("abc", "Xbc", "aYc", targets=frozenset({SALES}))
    assert verdicts(merged) == [Verdict.TAKE_BC, Verdict.WAITING, Verdict.UNCHANGED]


def test_strict_different_fields_clash():
    assert Verdict.CLASH in verdicts(merge("abc", "Xbc", "aYc", mapping=STRICT))


def test_strict_one_sided_change_travels():
    assert verdicts(merge("abc", ("X", "Y", "c"), "abc", mapping=STRICT)) == [
        Verdict.TAKE_BC,
        Verdict.TAKE_BC,
        Verdict.UNCHANGED,
    ]


def test_strict_winner_overwrites_the_whole_record():
    merged = merge("abc", "Xbc", "aYc", mapping=STRICT, preference=Preference(winner=BC))
    assert after(merged) == (["X", "b", "c"], ["X", "b", "c"])


def test_strict_equal_change_agrees():
    assert verdicts(merge("abc", "Xbc", "Xbc", mapping=STRICT))[0] == Verdict.AGREE


ONE_WAY = blueprint(
    line("creditLimit", "creditlimit", "to_sales"), line("displayName", "name"), business_central_table="vendors"
)


def one_way(bc, sales, **state):
    sides = Sides(
        {"creditLimit": bc, "displayName": "a"},
        {"creditlimit": sales, "name": "a"},
        {"creditLimit": 1, "displayName": "a"},
        {"creditlimit": 1, "name": "a"},
        **state,
    )
    return merge_record(ONE_WAY, sides, lookups=NOTHING, targets=BOTH, everything=True).fields[0]


def test_one_way_edit_of_the_target_is_no_conflict_and_gets_overwritten():
    field = one_way(2, 9)
    assert (field.verdict, field.sales_after) == (Verdict.TAKE_BC, 2)


def test_one_way_edit_of_the_target_alone_changes_nothing():
    assert one_way(1, 9, bc_touched=False, sales_touched=True).verdict == Verdict.UNCHANGED


def test_one_way_target_is_put_right_when_the_source_record_was_touched():
    assert one_way(1, 9, bc_touched=True).verdict == Verdict.TAKE_BC


def test_one_way_field_is_left_alone_when_its_target_is_forced():
    sides = Sides({"creditLimit": 1, "displayName": "a"}, {"creditlimit": 9, "name": "b"}, never=True)
    merged = merge_record(
        ONE_WAY, sides, lookups=NOTHING, targets=BOTH, preference=Preference(force=SALES), everything=True
    )
    assert verdicts(merged) == [Verdict.UNCHANGED, Verdict.TAKE_SALES]


def test_problem_of_an_unchanged_field_does_not_matter():
    mapping = blueprint()
    row = {"currencyCode": "GBP"}
    sides = Sides(row, {"_transactioncurrencyid_value": None}, row, {"_transactioncurrencyid_value": None})
    assert not merge_record(mapping, sides, lookups=lookups(), targets=BOTH).fields


def test_problem_of_a_changed_field():
    mapping = blueprint()
    base = ({"currencyCode": "EUR"}, {"_transactioncurrencyid_value": None})
    sides = Sides({"currencyCode": "GBP"}, {"_transactioncurrencyid_value": None}, *base)
    assert (
        merge_record(mapping, sides, lookups=lookups(), targets=BOTH).problems[0].problem.code == "engine.not_coupled"
    )


values = st.sampled_from(["", "a", "b", "c"])
records = st.tuples(values, values, values)


def swapped(merged):
    mirror = {Verdict.TAKE_BC: Verdict.TAKE_SALES, Verdict.TAKE_SALES: Verdict.TAKE_BC}
    return [mirror.get(verdict, verdict) for verdict in verdicts(merged)]


@settings(max_examples=300)
@given(records, records, records)
def test_merge_commutes(base, bc, sales):
    assert verdicts(merge(base, bc, sales)) == swapped(merge(base, sales, bc))


@settings(max_examples=300)
@given(records, records, records)
def test_merge_never_loses_a_one_sided_edit(base, bc, sales):
    bc_after, sales_after = after(merge(base, bc, sales))
    for position in range(3):
        if bc[position] != base[position] and sales[position] == base[position]:
            assert (sales_after[position] or "") == bc[position]
        if sales[position] != base[position] and bc[position] == base[position]:
            assert (bc_after[position] or "") == sales[position]


@settings(max_examples=300)
@given(records, records, records, st.sampled_from(list(System)))
def test_merge_carried_out_leaves_nothing_to_do(base, bc, sales, winner):
    first = merge(base, bc, sales, preference=Preference(winner=winner))
    bc_after, sales_after = after(first)
    assert [value or "" for value in sales_after] == [value or "" for value in bc_after]
    again = Sides(
        dict(zip(NAMES, bc_after, strict=True)),
        dict(zip(ATTRIBUTES, sales_after, strict=True)),
        dict(zip(NAMES, bc_after, strict=True)),
        dict(zip(ATTRIBUTES, sales_after, strict=True)),
    )
    assert not merge_record(TWO_WAY, again, lookups=NOTHING, targets=BOTH).fields


@settings(max_examples=300)
@given(records, records, records)
def test_merge_without_a_clash_is_the_same_whoever_wins(base, bc, sales):
    plain = merge(base, bc, sales)
    if not plain.clashes:
        for winner in System:
            assert verdicts(merge(base, bc, sales, preference=Preference(winner=winner))) == verdicts(plain)
