"""What an order processor can do with a document besides editing it; the control API does the same."""

from collections.abc import Mapping
from typing import Any

from sandbox.acting.client import RefusedError
from sandbox.acting.model import ActionView, FieldView
from sandbox.business_central import processor
from sandbox.http import ServiceError
from sandbox.state import Sandbox


def actions_for(area: str, row: Mapping[str, Any]) -> list[ActionView]:
    """What an order processor can do with the record that a page shows."""
    if area == "salesOrders":
        quantities = FieldView("quantities", "Quantities (10000=2, …; empty: all)", "text")
        state = ActionView("release", "Release") if row["status"] == "Draft" else ActionView("reopen", "Reopen")
        return [
            state,
            ActionView("ship", "Post shipment", (quantities,)),
            ActionView("invoice", "Post invoice", (quantities,)),
        ]
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


def perform(sandbox: Sandbox, area: str, key: str, action: str, form: Mapping[str, str]) -> str | None:
    """Runs an action of `actions_for` and tells what came of it; None for actions that the API has itself.

    Raises RefusedError.
    """
    try:
        if area == "salesOrders" and action in processor.ORDER_ACTIONS:
            return _told(processor.order_action(sandbox, key.lower(), action, {"quantities": _typed(form)}))
        if area == "salesInvoices" and action in ("payment", "unapplyPayment"):
            body = {"amount": form.get("amount") or None}
            name = "payment" if action == "payment" else "unapply-payment"
            invoice = processor.invoice_action(sandbox, key.lower(), name, body)["invoice"]
            return f"Invoice {invoice['number']} is now {invoice['status'].lower()}."
    except (ServiceError, processor.ProcessorRequestError) as error:
        raise RefusedError(getattr(error, "message", str(error))) from error
    return None


def _typed(form: Mapping[str, str]) -> dict[str, str] | None:
    """``10000=2, 20000=1`` as quantities by line."""
    text = form.get("quantities", "").strip()
    if not text:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    return {line.strip(): quantity.strip() for line, _, quantity in pairs}


def _told(result: Mapping[str, Any]) -> str:
    parts = []
    if result["shipment"]:
        parts.append(f"Shipment {result['shipment']['number']} posted.")
    if result["invoice"]:
        parts.append(f"Invoice {result['invoice']['number']} posted.")
    if result["order"] is None:
        parts.append("The order is complete and was archived.")
    return " ".join(parts) or f"Order {result['order']['number']} updated."
