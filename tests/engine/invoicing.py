"""Posted invoices and their payments, as tests of invoices make them."""

from typing import Any
from uuid import UUID

from coupling.models import Coupling
from syncjobs.choices import OperationState
from syncjobs.models import Operation, SynchJob
from tests.engine.live import Hub

INVOICES = "POSTEDSALESINV-INV"


def open_shop(hub: Hub) -> None:
    """A coupled customer and a coupled item at 100 apiece."""
    hub.switch(unit_group_mapping=False, extended_pricing=False, ownership_model="team")
    hub.bc.create("customers", displayName="Adatum")
    hub.bc.create("items", number="1000", displayName="Lamp", baseUnitOfMeasureCode="PCS", unitPrice=100)
    for name in ("CURRENCY", "PAYMENT TERMS", "UNIT OF MEASURE", "CUSTOMER", "ITEM-PRODUCT"):
        assert hub.run_full(name).failed == 0


def post_invoice(hub: Hub, quantity: float = 2, *, header: dict[str, Any] | None = None, **line: Any) -> UUID:
    """An invoice of the customer over the item and a comment."""
    customer = Coupling.objects.get(mapping__name="CUSTOMER").bc_key
    return invoice_for(hub, customer, quantity, header=header, **line)


def invoice_for(
    hub: Hub, customer: UUID, quantity: float = 2, *, header: dict[str, Any] | None = None, **line: Any
) -> UUID:
    invoice = hub.bc.create("salesInvoices", customerId=str(customer), **(header or {}))
    path = f"{hub.bc.client.addresses.table('salesInvoices')}({invoice})"
    send = hub.bc.client.session.send
    body = {"lineType": "Item", "lineObjectNumber": "1000", "quantity": quantity, **line}
    send("POST", f"{path}/salesInvoiceLines", body=body)
    send("POST", f"{path}/salesInvoiceLines", body={"lineType": "Comment", "description": "With thanks"})
    send("POST", f"{path}/Microsoft.NAV.post", body={})
    return invoice


def pay(hub: Hub, invoice: UUID, **body: Any) -> None:
    hub.sandbox.control("POST", f"/business-central/sales-invoices/{invoice}/payment", body)


def shown(hub: Hub, invoice: UUID, *names: str) -> tuple[Any, ...]:
    """Values of the invoice's row in Sales."""
    row = hub.sales.row("invoices", hub.coupling(INVOICES, bc_key=invoice).sales_key, *names)
    return tuple(row[name] for name in names)


def failure(job: SynchJob) -> str:
    return str(Operation.objects.get(job=job, state=OperationState.FAILED).error_code)
