"""A person says which Business Central document belongs to a Sales document: candidates, and the choice."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connector.clients import INTERACTIVE, business_central_client
from connector.errors import ErrorKind, HubError
from connector.odata import literal, options
from coupling.choices import CouplingOrigin
from coupling.models import Coupling
from syncjobs.choices import JobTrigger, OperationState
from syncjobs.documents.choices import DocumentKind, EventKind, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.preflight import EXTERNAL_NUMBER_LENGTH
from syncjobs.documents.processes import CREATE_ORDERS, mapping_of, start_process
from syncjobs.documents.records import SHAPES
from syncjobs.models import Operation
from syncjobs.services.jobs import check_connection

_SHOWN = ("id", "number", "customerName", "externalDocumentNumber", "totalAmountExcludingTax")


def find_candidates(document: SalesDocument) -> list[dict[str, Any]]:
    """Uncoupled documents that may be this one's, by Your Reference, else by External Document No.; stored too."""
    check_connection(document.connection)
    shape = SHAPES[DocumentKind(document.kind)]
    client = business_central_client(document.connection, patience=INTERACTIVE)
    keys: list[UUID] = []
    if document.number and "salesDocuments" in (document.connection.capabilities or {}).get("pages", ()):
        kind = "Order" if shape.kind == DocumentKind.ORDER else "Quote"
        condition = f"documentType eq '{kind}' and yourReference eq {literal(document.number)}"
        keys = [row.key for row in client.query("salesDocuments", properties=["yourReference"], filter=condition)]
    number = document.name.strip()[:EXTERNAL_NUMBER_LENGTH].strip().upper()
    conditions = [f"id eq {key}" for key in keys] or (
        [f"externalDocumentNumber eq {literal(number)}"] if number else []
    )
    if not conditions:
        return []
    address = client.addresses.table(shape.bc_table) + options(filter=" or ".join(conditions), select=",".join(_SHOWN))
    rows = client.session.get(address).data["value"]
    taken = set(
        Coupling.objects.filter(
            connection=document.connection, bc_table=shape.bc_table, bc_key__in=[UUID(row["id"]) for row in rows]
        ).values_list("bc_key", flat=True)
    )
    found = [
        {
            "id": row["id"],
            "number": row["number"],
            "customer": row["customerName"],
            "total": str(row["totalAmountExcludingTax"]),
        }
        for row in rows
        if UUID(row["id"]) not in taken
    ]
    document.marks = {**document.marks, "candidates": found}
    document.save(update_fields=["marks"])
    return found


def adopt(*, document: SalesDocument, bc_key: UUID, user: User | None) -> SalesDocument:
    """Couples the document with a candidate; what its transfer still had to do is done by a job.

    Raises HubError where it is no candidate, or one of the two is coupled meanwhile.
    """
    check_connection(document.connection)
    candidate = next((each for each in document.marks.get("candidates", ()) if each["id"] == str(bc_key)), None)
    if candidate is None:
        raise HubError("This document is no candidate.", kind=ErrorKind.DATA, code="document.no_candidate")
    shape = SHAPES[DocumentKind(document.kind)]
    try:
        with transaction.atomic():
            coupling = Coupling.objects.create(
                connection=document.connection, mapping=mapping_of(document.connection, shape.mapping),
                bc_table=shape.bc_table, bc_key=bc_key, sales_table=shape.table, sales_key=document.sales_key,
                origin=CouplingOrigin.ADOPTED, created_by=user, last_synchronised_at=timezone.now(),
            )  # fmt: skip
            Operation.objects.filter(
                connection=document.connection, table=shape.bc_table, sales_key=document.sales_key,
                state=OperationState.SENT,
            ).update(
                state=OperationState.SETTLED, record_id=bc_key, bc_key=bc_key, settled_at=timezone.now()
            )  # fmt: skip
            unfinished = document.transfer_state == TransferState.UNCERTAIN
            SalesDocument.objects.filter(pk=document.pk).update(
                coupling=coupling, bc_key=bc_key, bc_number=candidate["number"], problems=[], attention=[],
                transfer_state=TransferState.CREATED if unfinished else TransferState.TRANSFERRED,
                marks={name: value for name, value in document.marks.items() if name != "candidates"},
            )  # fmt: skip
            note(
                document,
                EventKind.ADOPTED,
                f"Coupled with {shape.kind} {candidate['number']} by hand.",
                key=f"created:{bc_key}",
            )
    except IntegrityError as error:
        raise HubError(
            "One of the two is coupled already.", kind=ErrorKind.CONFLICT, code="document.coupled",
        ) from error  # fmt: skip
    if unfinished and shape.kind == DocumentKind.ORDER:
        start_process(
            connection=document.connection, name=CREATE_ORDERS, trigger=JobTrigger.USER,
            documents=[document.sales_key], user=user,
        )  # fmt: skip
    document.refresh_from_db()
    return document


def close(*, document: SalesDocument, user: User | None) -> None:
    """Nothing more is to be done about the document; its coupling stays as history."""
    SalesDocument.objects.filter(pk=document.pk).update(
        transfer_state=TransferState.CLOSED, attention=[], problems=[], error_code="", error_message="", error_hint=""
    )
    note(document, EventKind.STEP, f"Marked as closed by {user.username if user else 'a program'}.")
