"""What a salesperson asks of a coupled customer at a glance: its open opportunities, quotes and cases in Sales.

Read live, when the page's panel or one of its lists asks for it. An organisation without a table, or an application
user who may not read it, leaves that number out.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.clients import INTERACTIVE, sales_client
from connector.errors import ErrorKind, RemoteError
from connector.models import Connection
from coupling.services.links import sales_url
from syncjobs.documents.choices import QuoteState

_MOST = 200
_FORMATTED = "@OData.Community.Display.V1.FormattedValue"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record: where it lies in Sales, and which of a customer's count."""

    name: str
    label: str
    table: str
    entity: str
    title: str
    number: str
    condition: str

    def of(self, account: UUID) -> str:
        return self.condition.format(account=account)


_CUSTOMER = "_customerid_value eq {account}"
_OPPORTUNITY = "(_customerid_value eq {account} or _parentaccountid_value eq {account}) and statecode eq 0"
KINDS = {
    kind.name: kind
    for kind in (
        Kind("opportunities", "Open opportunities", "opportunities", "opportunity", "name", "", _OPPORTUNITY),
        Kind(
            "quotes", "Active and won quotes", "quotes", "quote", "name", "quotenumber",
            f"{_CUSTOMER} and (statecode eq {QuoteState.ACTIVE.value} or statecode eq {QuoteState.WON.value})",
        ),
        Kind("cases", "Active cases", "incidents", "incident", "title", "", f"{_CUSTOMER} and statecode eq 0"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list."""

    number: str
    title: str
    state: str
    modified_at: str
    url: str


def counts(connection: Connection, account: UUID) -> list[tuple[Kind, int | None]]:
    """How many there are of each kind; kinds that cannot be read are left out. Raises RemoteError."""
    client = sales_client(connection, patience=INTERACTIVE)
    found: list[tuple[Kind, int | None]] = []
    for kind in KINDS.values():
        try:
            found.append((kind, client.count(kind.table, filter=kind.of(account))))
        except RemoteError as error:
            if error.kind in (ErrorKind.TRANSIENT, ErrorKind.THROTTLED):
                raise
    return found


def rows(connection: Connection, kind: Kind, account: UUID) -> list[Listed]:
    """The newest of a customer's records. Raises RemoteError."""
    client = sales_client(connection, patience=INTERACTIVE)
    names = [name for name in (kind.title, kind.number, "statuscode", "modifiedon") if name]
    asked = [*names, f"statuscode{_FORMATTED}"]
    found = client.query(
        kind.table, properties=asked, filter=kind.of(account), orderby="modifiedon desc", top=_MOST
    )  # fmt: skip
    return [_listed(connection, kind, record.key, record.values) for record in found]


def _listed(connection: Connection, kind: Kind, key: UUID, values: Any) -> Listed:
    return Listed(
        number=str(values.get(kind.number) or "") if kind.number else "",
        title=str(values.get(kind.title) or "(without a name)"),
        state=str(values.get(f"statuscode{_FORMATTED}") or values.get("statuscode") or ""),
        modified_at=str(values.get("modifiedon") or ""),
        url=sales_url(connection, kind.entity, key),
    )
