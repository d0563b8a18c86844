"""What a line's change on either side comes to: pure."""

from typing import Any

import pytest

from connector.choices import System
from coupling.choices import UpdateConflict
from syncjobs.documents.order_lines import LinePlan, agree_on, bc_view, new_link, plan_lines, sales_view

NONE, BC_WINS, SALES_WINS = UpdateConflict.NONE, UpdateConflict.SEND_TO_SALES, UpdateConflict.GET_FROM_SALES


def ours(**values: Any) -> dict[str, Any]:
    line = {
        "id": "s1", "_productid_value": "P", "quantity": 2, "priceperunit": 10, "volumediscountamount": 0,
        "manualdiscountamount": 0, "description": None, "productdescription": None,
    }  # fmt: skip
    return line | values


def theirs(**values: Any) -> dict[str, Any]:
    line = {
        "id": "b1", "sequence": 10000, "lineType": "Item", "lineObjectNumber": "LAMP", "quantity": 2, "unitPrice": 10,
        "discountAmount": 0, "description": "Lamp",
    }  # fmt: skip
    return line | values


def plan(sales: list[dict[str, Any]], bc: list[dict[str, Any]], policy: UpdateConflict = NONE) -> LinePlan:
    return plan_lines([new_link(ours(), theirs())], sales, bc, policy=policy)


def names(found: list[tuple[dict[str, Any], list[str]]]) -> list[list[str]]:
    return [each for _, each in found]


def test_each_side_gets_what_the_other_one_changed() -> None:
    found = plan([ours(quantity=5)], [theirs(unitPrice=12)])
    assert (names(found.to_bc), names(found.to_sales), found.clashes) == ([["quantity"]], [["price"]], [])


def test_same_change_on_both_sides_is_none() -> None:
    found = plan([ours(quantity=5)], [theirs(quantity=5)])
    assert (found.changes_bc, found.changes_sales, found.clashes) == (False, False, [])


@pytest.mark.parametrize(
    ("policy", "to_bc", "to_sales", "clashes"),
    [
        (NONE, [], [], [["quantity"]]),
        (BC_WINS, [], [["quantity"]], []),
        (SALES_WINS, [["quantity"]], [], []),
    ],
)
def test_different_changes_of_the_same_value_are_for_the_policy(
    policy: UpdateConflict, to_bc: list[list[str]], to_sales: list[list[str]], clashes: list[list[str]]
) -> None:
    found = plan([ours(quantity=5)], [theirs(quantity=7)], policy)
    assert (names(found.to_bc), names(found.to_sales), names(found.clashes)) == (to_bc, to_sales, clashes)


def test_deleted_lines_go_on_the_other_side_and_new_ones_come() -> None:
    assert [link["bc"] for link in plan([], [theirs()]).delete_in_bc] == ["b1"]
    assert [link["sales"] for link in plan([ours()], []).delete_in_sales] == ["s1"]
    found = plan([ours(), ours(id="s2", quantity=1)], [theirs(), theirs(id="b2", quantity=9)])
    assert [line["id"] for line in (*found.new_in_bc, *found.new_in_sales)] == ["s2", "b2"]
    assert plan([], []).ended != []


def test_values_go_only_where_their_field_mapping_lets_them() -> None:
    ways = {"quantity": {System.SALES}, "price": set()}
    changed = ([ours(quantity=5, priceperunit=11)], [theirs(quantity=6, unitPrice=12)])
    found = plan_lines([new_link(ours(), theirs())], *changed, policy=NONE, ways=ways)
    assert (names(found.to_bc), names(found.to_sales), found.clashes) == ([], [["quantity"]], [])


def test_date_of_a_new_line_goes_across_and_then_whoever_changes_it_counts() -> None:
    link = new_link(ours(requestdeliveryby="2027-01-02"), theirs())
    dated = [ours(requestdeliveryby="2027-01-02")], [theirs(requestedDeliveryDate="0001-01-01")]
    assert names(plan_lines([link], *dated, policy=NONE).to_bc) == [["delivery"]]
    link = new_link(ours(), theirs(requestedDeliveryDate="2027-01-02"))
    moved = [ours()], [theirs(requestedDeliveryDate="2027-01-03")]
    assert names(plan_lines([link], *moved, policy=NONE).to_sales) == [["delivery"]]
    assert plan_lines([link], [ours(requestdeliveryby="2027-01-02")], [theirs()], policy=NONE).to_bc == []


def test_line_that_had_to_stay_does_not_come_back() -> None:
    assert plan_lines([], [], [theirs()], policy=NONE, apart=["b1"]).new_in_sales == []


def test_new_lines_that_say_the_same_are_one() -> None:
    """The answer to an insert got lost: it is not made a second time."""
    found = plan([ours(), ours(id="s2", quantity=4)], [theirs(), theirs(id="b2", quantity=4)])
    assert [(here["id"], there["id"]) for here, there in found.joined] == [("s2", "b2")]
    assert (found.new_in_bc, found.new_in_sales) == ([], [])


def test_comments_and_accounts_stay_where_they_are() -> None:
    others = [theirs(id="b2", lineType="Comment"), theirs(id="b3", lineType="Account")]
    assert plan([ours()], [theirs(), *others]).new_in_sales == []


def test_what_waits_is_not_agreed_on_with_the_rest() -> None:
    link = new_link(ours(), theirs())
    now = sales_view(ours(quantity=5, priceperunit=12))
    agree_on(link, ["price"], sales=now, bc=bc_view(theirs(), with_text=False))
    assert (link["agreed_sales"]["price"], link["agreed_sales"]["quantity"]) == ("12", "2")
