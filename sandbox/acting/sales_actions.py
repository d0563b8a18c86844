"""What a salesperson can do with a record besides editing it: states and the messages that change them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.acting.client import RefusedError, ServiceClient
from sandbox.acting.model import ActionView, FieldView, Outcome
from sandbox.definitions.dataverse import Table


@dataclass(frozen=True, slots=True)
class Action:
    """``states`` are the state codes in which it is offered."""

    name: str
    label: str
    states: tuple[int, ...]
    run: Callable[[ServiceClient, str, str, str], Outcome] = field(repr=False)

    def offered(self, row: Mapping[str, Any]) -> bool:
        return row.get("statecode") in self.states

    def view(self) -> ActionView:
        return ActionView(self.name, self.label)


def _state(statecode: int, statuscode: int, done: str) -> Callable[[ServiceClient, str, str, str], Outcome]:
    def run(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
        body = {"statecode": statecode, "statuscode": statuscode}
        client.call("PATCH", f"{api}/{entity_set}({key})", body=body)
        return Outcome(done)

    return run


def _publish(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    client.call("PATCH", f"{api}/products({key})", body={"statecode": 0, "statuscode": 1})
    return Outcome("Product published.")


def _revise(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    if client.get(f"{api}/quotes({key})", {"$select": "statecode"})["statecode"] == 1:
        closing = {"QuoteClose": {"quoteid@odata.bind": f"/quotes({key})", "subject": "Revised"}, "Status": 7}
        client.call("POST", f"{api}/CloseQuote", body=closing)
    revised = client.call("POST", f"{api}/ReviseQuote", body={"QuoteId": key, "ColumnSet": {"AllColumns": True}})
    return Outcome("This is the new revision, a draft.", "quotes", revised.body["quoteid"])


def _win(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    closing = {"QuoteClose": {"quoteid@odata.bind": f"/quotes({key})", "subject": "Won"}, "Status": 4}
    client.call("POST", f"{api}/WinQuote", body=closing)
    return Outcome("Quote won.")


def _lose(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    closing = {"QuoteClose": {"quoteid@odata.bind": f"/quotes({key})", "subject": "Lost"}, "Status": 5}
    client.call("POST", f"{api}/CloseQuote", body=closing)
    return Outcome("Quote closed as lost.")


def _cancel(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    closing = {"OrderClose": {"salesorderid@odata.bind": f"/salesorders({key})", "subject": "Cancelled"}, "Status": 4}
    client.call("POST", f"{api}/CancelSalesOrder", body=closing)
    return Outcome("Order cancelled.")


def _order_from_quote(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    body = {"QuoteId": key, "ColumnSet": {"AllColumns": True}}
    order = client.call("POST", f"{api}/ConvertQuoteToSalesOrder", body=body)
    return Outcome("Order created.", "salesorders", order.body["salesorderid"])


def _win_opportunity(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    return _close_opportunity(client, api, key, "WinOpportunity", "Won", 3)


def _lose_opportunity(client: ServiceClient, api: str, entity_set: str, key: str) -> Outcome:
    return _close_opportunity(client, api, key, "LoseOpportunity", "Lost", 4)


def _close_opportunity(client: ServiceClient, api: str, key: str, message: str, subject: str, status: int) -> Outcome:
    closing = {"opportunityid@odata.bind": f"/opportunities({key})", "subject": subject}
    client.call("POST", f"{api}/{message}", body={"OpportunityClose": closing, "Status": status})
    return Outcome(f"Opportunity {subject.lower()}.")


ACTIONS: dict[str, tuple[Action, ...]] = {
    "accounts": (
        Action("deactivate", "Deactivate", (0,), _state(1, 2, "Account deactivated.")),
        Action("activate", "Activate", (1,), _state(0, 1, "Account activated.")),
    ),
    "contacts": (
        Action("deactivate", "Deactivate", (0,), _state(1, 2, "Contact deactivated.")),
        Action("activate", "Activate", (1,), _state(0, 1, "Contact activated.")),
    ),
    "products": (Action("publish", "Publish", (2, 3), _publish),),
    "opportunities": (
        Action("win", "Win", (0,), _win_opportunity),
        Action("lose", "Close as lost", (0,), _lose_opportunity),
    ),
    "quotes": (
        Action("activate", "Activate quote", (0,), _state(1, 2, "Quote activated.")),
        Action("revise", "Revise", (1, 3), _revise),
        Action("win", "Win", (1,), _win),
        Action("lose", "Close as lost", (1,), _lose),
        Action("order", "Create order", (2,), _order_from_quote),
    ),
    "salesorders": (
        Action("submit", "Submit order", (0,), _state(1, 3, "Order submitted.")),
        Action("cancel", "Cancel order", (0, 1), _cancel),
    ),
}


NOTED = {
    "account": "accounts",
    "contact": "contacts",
    "opportunity": "opportunities",
    "quote": "quotes",
    "salesorder": "salesorders",
    "invoice": "invoices",
}
"""Tables whose records have a timeline, with their entity sets."""


def note_action(table: Table) -> list[ActionView]:
    """Writing a note into the timeline, where there is one."""
    if table.logical_name not in NOTED:
        return []
    return [ActionView("note", "Add note", (FieldView("text", "Note", "text", max_length=500),))]


def _add_note(client: ServiceClient, api: str, entity_set: str, key: str, text: str) -> Outcome:
    table = next(name for name, found in NOTED.items() if found == entity_set)
    if not text.strip():
        raise RefusedError("The note is empty.")
    body = {"notetext": text.strip(), f"objectid_{table}@odata.bind": f"/{entity_set}({key})"}
    client.call("POST", f"{api}/annotations", body=body)
    return Outcome("Note added.")


def run_action(
    client: ServiceClient, api: str, entity_set: str, key: str, name: str, form: Mapping[str, str]
) -> Outcome:
    """Runs an action and tells what came of it. Raises RefusedError."""
    if name == "note" and entity_set in NOTED.values():
        return _add_note(client, api, entity_set, key, form.get("text", ""))
    for action in ACTIONS.get(entity_set, ()):
        if action.name == name:
            return action.run(client, api, entity_set, key)
    raise RefusedError("There is no such action.")
