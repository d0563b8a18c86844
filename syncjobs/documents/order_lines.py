"""Lines of orders that are kept in step both ways: what changed on which side since both agreed. Pure.

A link joins a line of the Sales order with its line in Business Central and holds what each said when they last
agreed. Only lines of items and resources are linked; comment and account lines stay in Business Central.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.choices import System
from coupling.choices import UpdateConflict
from syncjobs.documents.amounts import ZERO, amount, header_discount, line_discount, plain
from syncjobs.documents.models import SalesDocument

PRODUCT_LINES = ("Item", "Resource")
LINKS = "lines"
"""Where a document's marks hold its links."""
_LINKS_OF = "lines_of"
APART = "apart"
"""Where they hold lines of Business Central that were deleted in Sales and had to stay: nothing of them is carried."""
DISCOUNT, FREIGHT_AGREED = "discount", "freight"
"""Where they hold the amounts of the whole document that were agreed on."""

DELIVERY = "delivery"
ATTRIBUTES = {"productid": "product", "quantity": "quantity", "priceperunit": "price", "requestdeliveryby": DELIVERY}
"""What of a line field mappings switch and direct, by their attribute. Discounts and texts have none."""

Link = dict[str, Any]
View = dict[str, str]
Ways = Mapping[str, Collection[System]]
"""The systems that a value of a line goes to; both where nothing is said."""
_BOTH = (System.BUSINESS_CENTRAL, System.SALES)
NO_DAY = "0001-01-01"


@dataclass(slots=True)
class LinePlan:
    """What is to be done. `to_bc` and `to_sales` are links with the names of what differs."""

    to_bc: list[tuple[Link, list[str]]] = field(default_factory=list)
    to_sales: list[tuple[Link, list[str]]] = field(default_factory=list)
    new_in_bc: list[dict[str, Any]] = field(default_factory=list)
    new_in_sales: list[dict[str, Any]] = field(default_factory=list)
    delete_in_bc: list[Link] = field(default_factory=list)
    delete_in_sales: list[Link] = field(default_factory=list)
    clashes: list[tuple[Link, list[str]]] = field(default_factory=list)
    ended: list[Link] = field(default_factory=list)
    """Links with neither line left."""
    joined: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    """New lines of Sales and of Business Central that say the same: one line, whose answer got lost on its way."""

    @property
    def changes_bc(self) -> bool:
        return bool(self.to_bc or self.new_in_bc or self.delete_in_bc)

    @property
    def changes_sales(self) -> bool:
        return bool(self.to_sales or self.new_in_sales or self.delete_in_sales)


def sales_view(line: Mapping[str, Any]) -> View:
    """What counts of a line in Sales; the text where it is written in."""
    view = {
        "product": str(line["_productid_value"] or "").lower(),
        "quantity": _number(line["quantity"]),
        "price": _number(line["priceperunit"]),
        "discount": _number(line_discount(line)),
        DELIVERY: str(line.get("requestdeliveryby") or "")[:10],
    }
    if not view["product"]:
        view["text"] = str(line["description"] or line["productdescription"] or "")[:100]
    return view


def bc_view(line: Mapping[str, Any], *, with_text: bool) -> View:
    """The same of a line in Business Central; its date where somebody tells it."""
    view = {
        "product": f"{line['lineType']} {line['lineObjectNumber']}",
        "quantity": _number(line["quantity"]),
        "price": _number(line["unitPrice"]),
        "discount": _number(line["discountAmount"]),
    }
    if "requestedDeliveryDate" in line:
        day = str(line["requestedDeliveryDate"] or "")[:10]
        view[DELIVERY] = "" if day == NO_DAY else day
    if with_text:
        view["text"] = str(line["description"] or "")
    return view


def new_link(sales: Mapping[str, Any], bc: Mapping[str, Any]) -> Link:
    """A link of two lines that agree as they are."""
    view = sales_view(sales)
    return {
        "sales": str(sales["id"]), "bc": str(bc["id"]), "agreed_sales": view,
        "agreed_bc": bc_view(bc, with_text="text" in view),
    }  # fmt: skip


def links_of(document: SalesDocument) -> list[Link] | None:
    """The links that are kept, or those that the two orders suggest; None where it is not clear what belongs together.

    The transfer's plan says which line came from which. Orders that somebody coupled have no plan: their lines belong
    together one by one, as long as there are equally many with the same quantities.
    """
    if document.marks.get(_LINKS_OF) == str(document.bc_key) and LINKS in document.marks:
        return list(document.marks[LINKS])
    sales = {str(line["id"]): line for line in document.lines}
    products = (line for line in document.bc_lines if line["lineType"] in PRODUCT_LINES)
    bc = sorted(products, key=lambda line: int(line["sequence"]))
    by_sequence = {int(line["sequence"]): line for line in bc}
    pairs = [
        (sales[source], by_sequence[int(body["sequence"])])
        for body, source in zip(document.plan.get("lines", ()), document.plan.get("sources", ()), strict=False)
        if body["lineType"] in PRODUCT_LINES and int(body["sequence"]) in by_sequence and source in sales
    ]
    if not document.plan.get("lines"):
        ours = sorted(sales.values(), key=lambda line: line.get("sequencenumber") or 0)
        if len(ours) != len(bc):
            return None
        pairs = list(zip(ours, bc, strict=True))
    if any(amount(ours["quantity"]) != amount(theirs["quantity"]) for ours, theirs in pairs):
        return None
    return [new_link(ours, theirs) for ours, theirs in pairs]


def keep_links(document: SalesDocument, links: Sequence[Link]) -> dict[str, Any]:
    """The document's marks with these links: they count for this Business Central order only."""
    return {**document.marks, LINKS: list(links), _LINKS_OF: str(document.bc_key)}


def plan_lines(
    links: Sequence[Link],
    sales_lines: Iterable[Mapping[str, Any]],
    bc_lines: Iterable[Mapping[str, Any]],
    *,
    policy: UpdateConflict,
    ways: Ways | None = None,
    apart: Collection[str] = (),
) -> LinePlan:
    """Three-way, line by line; what one side changed goes to the other, what both changed is for the policy.

    `apart`: lines of Business Central that nothing is done about.
    """
    sales = {str(line["id"]): dict(line) for line in sales_lines}
    bc = {str(line["id"]): dict(line) for line in bc_lines if line["lineType"] in PRODUCT_LINES}
    plan = LinePlan()
    for link in links:
        ours, theirs = sales.get(link["sales"]), bc.get(link["bc"])
        if ours is None and theirs is None:
            plan.ended.append(link)
        elif ours is None:
            plan.delete_in_bc.append(link)
        elif theirs is None:
            plan.delete_in_sales.append(link)
        else:
            _compare(plan, link, ours, theirs, policy, ways or {})
    known_sales, known_bc = {link["sales"] for link in links}, {*apart, *(link["bc"] for link in links)}
    plan.new_in_sales = [line for key, line in bc.items() if key not in known_bc]
    for line in (line for key, line in sales.items() if key not in known_sales):
        same = next((other for other in plan.new_in_sales if _say_the_same(line, other)), None)
        if same is None:
            plan.new_in_bc.append(line)
        else:
            plan.new_in_sales.remove(same)
            plan.joined.append((line, same))
    return plan


def _say_the_same(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    names = ("quantity", "price", "discount")
    here, there = sales_view(ours), bc_view(theirs, with_text=False)
    return all(here[name] == there[name] for name in names)


def agree_on(link: Link, names: Iterable[str], *, sales: View | None = None, bc: View | None = None) -> None:
    """What the sides hold of these values counts as agreed on."""
    for name in names:
        if sales is not None and name in sales:
            link["agreed_sales"] = {**link["agreed_sales"], name: sales[name]}
        if bc is not None and name in bc:
            link["agreed_bc"] = {**link["agreed_bc"], name: bc[name]}


def _compare(
    plan: LinePlan, link: Link, ours: Mapping[str, Any], theirs: Mapping[str, Any], policy: UpdateConflict, ways: Ways
) -> None:
    view = sales_view(ours)
    there = bc_view(theirs, with_text="text" in view)
    _know_delivery(link, view, there)
    changed_here = _changed(link["agreed_sales"], view, System.BUSINESS_CENTRAL, ways)
    changed_there = _changed(link["agreed_bc"], there, System.SALES, ways)
    both = sorted(changed_here & changed_there)
    different = [name for name in both if name == "product" or view[name] != bc_view(theirs, with_text=True)[name]]
    if different and policy == UpdateConflict.NONE:
        plan.clashes.append((link, different))
        return
    if policy == UpdateConflict.SEND_TO_SALES:
        changed_here -= changed_there
    else:
        changed_there -= changed_here
    if here := sorted(changed_here - set(both) | set(different) & changed_here):
        plan.to_bc.append((link, here))
    if back := sorted(changed_there - set(both) | set(different) & changed_there):
        plan.to_sales.append((link, back))


def _know_delivery(link: Link, ours: View, theirs: View) -> None:
    """The first time that a line's date is seen on both sides: one that the salesperson gave goes across."""
    if DELIVERY not in theirs:
        ours.pop(DELIVERY)
    elif DELIVERY not in link["agreed_bc"]:
        asked = ours[DELIVERY] and ours[DELIVERY] != theirs[DELIVERY]
        link["agreed_sales"] = {**link["agreed_sales"], DELIVERY: "" if asked else ours[DELIVERY]}
        link["agreed_bc"] = {**link["agreed_bc"], DELIVERY: theirs[DELIVERY]}


def _changed(agreed: View, now: View, target: System, ways: Ways) -> set[str]:
    return {name for name in now if now[name] != agreed.get(name) and target in ways.get(name, _BOTH)}


def _number(value: Any) -> str:
    return str(plain(amount(value)))


def comments_after(bc_lines: Sequence[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """Comment lines that follow a line: they are its text and go with it."""
    ordered = sorted(bc_lines, key=lambda line: int(line["sequence"]))
    at = next((index for index, line in enumerate(ordered) if str(line["id"]) == key), None)
    found: list[Mapping[str, Any]] = []
    for line in ordered[at + 1 :] if at is not None else ():
        if line["lineType"] != "Comment":
            break
        found.append(line)
    return found


def agreed_amounts(document: SalesDocument) -> dict[str, Any]:
    """Marks that say: discount and freight are agreed on as they are."""
    return {DISCOUNT: amounts_of(document), FREIGHT_AGREED: str(plain(amount(document.values.get("freightamount"))))}


def amounts_of(document: SalesDocument) -> dict[str, str]:
    """What either side takes off the whole document."""
    return {
        "sales": str(plain(header_discount(document.values) or ZERO)),
        "bc": str(plain(amount(document.bc_values.get("discountAmount")))),
    }


def discount_of_sales(document: SalesDocument) -> bool:
    agreed = document.marks.get(DISCOUNT)
    return agreed is not None and agreed["sales"] != amounts_of(document)["sales"]


def discount_of_business_central(document: SalesDocument) -> bool:
    """Whether the discount was changed in Business Central alone."""
    agreed, now = document.marks.get(DISCOUNT), amounts_of(document)
    return agreed is not None and agreed["bc"] != now["bc"] and agreed["sales"] == now["sales"]


def freight_of_sales(document: SalesDocument) -> bool:
    agreed = document.marks.get(FREIGHT_AGREED)
    return agreed is not None and amount(agreed) != amount(document.values.get("freightamount"))
