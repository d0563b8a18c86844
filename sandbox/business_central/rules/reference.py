"""Rules of code tables: codes must not be empty, and what depends on a row goes with it."""

from typing import Any

from sandbox.business_central.errors import dialog
from sandbox.business_central.rules.registry import after_insert, before_delete, validates
from sandbox.business_central.session import Session
from sandbox.storage import Row

_CODE_TABLES = (
    "Salesperson/Purchaser", "Currency", "Payment Terms", "Payment Method", "Shipment Method", "Country/Region",
    "Unit of Measure", "Item Category", "Location", "Tax Group", "Shipping Agent", "Customer Price Group",
)  # fmt: skip


def _code_not_empty(session: Session, row: Row, old: Any) -> None:
    if not row["code"]:
        raise dialog("Code must be filled in. Enter a value.")


for _table in _CODE_TABLES:
    validates(_table, "Code")(_code_not_empty)


@validates("Payment Terms", "Discount %")
def _discount_in_range(session: Session, row: Row, old: Any) -> None:
    if not 0 <= row["discount_percent"] <= 100:
        raise dialog("Discount % must be between 0 and 100.")


@after_insert("Currency")
def _currency_defaults(session: Session, row: Row) -> None:
    """The product fills rounding and decimal places of a new currency; the API shows them at once."""
    old = dict(row)
    row["amount_decimal_places"] = row["amount_decimal_places"] or "2:2"
    session.update("Currency", row, old)


@before_delete("Currency")
def _currency_in_use(session: Session, row: Row) -> None:
    if session.exists("Cust. Ledger Entry", currency_code=row["code"], open=True):
        raise dialog(f"You cannot delete the currency {row['code']} because there are open ledger entries in it.")
    for rate in session.all("Currency Exchange Rate", currency_code=row["code"]):
        session.delete("Currency Exchange Rate", rate)
