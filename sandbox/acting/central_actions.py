"""What an order processor can do with a document besides editing it; the control API does the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.acting.client import RefusedError
from sandbox.acting.model import ActionView, FieldView, Outcome, humanize
from sandbox.business_central import processor
from sandbox.http import ServiceError
from sandbox.state import Sandbox


def actions_for(area: str, row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> list[ActionView]:
    """What an order processor can do with the record that a page shows; ``lines`` are those of an order."""
    if area == "salesOrders":
        state = ActionView("release", "Release") if row["status"] == "Draft" else ActionView("reopen", "Reopen")
        shipping = _quantities("ship", lines, "quantity", "shippedQuantity")
        invoicing = _quantities("invoice", lines, "shippedQuantity", "invoicedQuantity")
        actions = [state]
        if shipping:
            actions.append(ActionView("ship", "Post shipment", shipping))
        if invoicing:
            actions.append(ActionView("invoice", "Post invoice", invoicing))
        return actions
    if area == "salesInvoices" and row["status"] in ("Open", "Paid"):
        amount = FieldView("amount", "Amount (empty: all)", "text")
        actions = [ActionView("unapplyPayment", "Unapply payments")]
        if row["status"] == "Open":
            actions.insert(0, ActionView("payment", "Register payment", (amount,)))
        return actions
    return []


_POSTED_STATES = ("Open", "Paid", "Canceled", "Corrective")
_CANCELLABLE = {"salesInvoices": "Open", "salesCreditMemos": "Corrective"}
_OF_DRAFTS = ("post", "postAndSend")
_OF_POSTED = ("cancel", "cancelAndSend", "makeCorrectiveCreditMemo")


_STATES = {"Draft": "open", "Open": "released", "In_x0020_Review": "waiting for approval"}


def _quantities(action: str, lines: Sequence[Mapping[str, Any]], due: str, done: str) -> tuple[FieldView, ...]:
    """An input for each line of which something is due, filled in with all of it."""
    found = []
    for line in lines:
        rest = line[due] - line[done]
        if rest > 0:
            name = f"{action}_{line['sequence']}"
            found.append(FieldView(name, f"{line['description']} (of {humanize(rest)})", "number", humanize(rest)))
    return tuple(found)


def is_closed(area: str, row: Mapping[str, Any]) -> bool:
    """Posted documents and released orders cannot be edited."""
    if area in _CANCELLABLE:
        return row["status"] in _POSTED_STATES
    return bool(area == "salesOrders" and row["status"] != "Draft")


def is_offered(area: str, row: Mapping[str, Any], action: str) -> bool:
    """Whether an action of the API makes sense for a document in this state."""
    if action in _OF_POSTED:
        return bool(row.get("status") == _CANCELLABLE.get(area))
    return action not in _OF_DRAFTS or not is_closed(area, row)


def perform(sandbox: Sandbox, area: str, key: str, action: str, form: Mapping[str, str]) -> Outcome | None:
    """Runs an action of `actions_for` and tells what came of it; None for actions that the API has itself.

    Raises RefusedError.
    """
    try:
        if area == "salesOrders" and action in processor.ORDER_ACTIONS:
            return _told(processor.order_action(sandbox, key.lower(), action, {"quantities": _typed(action, form)}))
        if area == "salesInvoices" and action in ("payment", "unapplyPayment"):
            body = {"amount": form.get("amount") or None}
            name = "payment" if action == "payment" else "unapply-payment"
            invoice = processor.invoice_action(sandbox, key.lower(), name, body)["invoice"]
            return Outcome(f"Invoice {invoice['number']} is now {invoice['status'].lower()}.")
    except (ServiceError, processor.ProcessorRequestError) as error:
        raise RefusedError(getattr(error, "message", str(error))) from error
    return None


def _typed(action: str, form: Mapping[str, str]) -> dict[str, str] | None:
    """Quantities by line; None, everything that is due, for a form without any."""
    given = {name.removeprefix(f"{action}_"): text.strip() for name, text in form.items() if f"{action}_" in name}
    return {line: quantity for line, quantity in given.items() if quantity not in ("", "0")} if given else None


def _told(result: Mapping[str, Any]) -> Outcome:
    parts = []
    if result["shipment"]:
        parts.append(f"Shipment {result['shipment']['number']} posted.")
    if result["invoice"]:
        parts.append(f"Invoice {result['invoice']['number']} posted.")
    if result["order"] is None:
        parts.append("The order is complete and was archived.")
    if result["order"] is None and result["invoice"]:
        return Outcome(" ".join(parts), "salesInvoices", result["invoice"]["id"])
    return Outcome(" ".join(parts) or f"Order {result['order']['number']}: {_STATES[result['order']['status']]}.")
