"""Notes of Sales documents as text attachments of their Business Central documents.

Business Central offers its own notes over no public API. An attachment's name carries the note's id, so one whose
answer got lost is found again.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any
from uuid import UUID

from django.utils import timezone

from connector.bulk import WriteStatus
from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.odata import chunks
from connector.wire import parse_time
from syncjobs.choices import LogLevel, OperationKind
from syncjobs.documents import journal
from syncjobs.documents.agreeing import is_both_ways
from syncjobs.documents.choices import DocumentKind, EventKind, TransferState
from syncjobs.documents.events import note
from syncjobs.documents.journal import Change
from syncjobs.documents.models import DocumentEvent, DocumentNote, SalesDocument
from syncjobs.engine.context import JobRun
from syncjobs.engine.keys import derived_key

BC, SALES = System.BUSINESS_CENTRAL, System.SALES
ATTACHMENTS = "documentAttachments"
_PARENT = {DocumentKind.ORDER: "Sales_x0020_Order", DocumentKind.QUOTE: "Sales_x0020_Quote"}
_COLUMNS = ("subject", "notetext", "createdon", "_objectid_value", "isdocument", "filesize")
_KEYS_PER_QUERY = 200
_PARAGRAPH_END = re.compile(r"</p\s*>|</div\s*>|<br\s*/?>|</li\s*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")


def plain_text(text: str) -> str:
    """HTML as text: paragraphs become lines, tags go, entities are decoded, ends are trimmed."""
    if "<" not in text and "&" not in text:
        return text.strip()
    return unescape(_TAG.sub("", _PARAGRAPH_END.sub("\n", text))).strip()


def read_annotations(run: JobRun, documents: Sequence[SalesDocument]) -> dict[UUID, list[dict[str, Any]]]:
    """Text notes by the document's key; attached files are left out."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    # What the hub itself told in notes, and what came from Business Central.
    own = set(DocumentEvent.objects.filter(document__in=documents).values_list("post_key", flat=True))
    own |= set(
        DocumentNote.objects.filter(document__in=documents, from_sales=False).values_list("annotation_key", flat=True)
    )
    for chunk in chunks([document.sales_key for document in documents], _KEYS_PER_QUERY):
        values = ",".join(f'"{key}"' for key in chunk)
        condition = f"Microsoft.Dynamics.CRM.In(PropertyName='objectid',PropertyValues=[{values}])"
        for record in run.client(SALES).query(
            "annotations", properties=_COLUMNS, filter=condition, orderby="createdon asc"
        ):
            if record.values["isdocument"] or record.values["filesize"] or record.key in own:
                continue
            found[UUID(str(record.values["_objectid_value"]))].append({"key": record.key, **record.values})
    return found


def transfer_notes(run: JobRun, documents: Sequence[SalesDocument]) -> list[SalesDocument]:
    """Carries new and changed notes over; returns the documents whose notes are all there."""
    return _carry(run, documents, read_annotations(run, documents)) if documents else []


def _carry(
    run: JobRun, documents: Sequence[SalesDocument], annotations: Mapping[UUID, Sequence[dict[str, Any]]]
) -> list[SalesDocument]:
    done = []
    for document in documents:
        wanted = annotations.get(document.sales_key, [])
        if not wanted or _transfer(run, document, wanted):
            done.append(document)
    return done


def drop_notes(run: JobRun, document: SalesDocument) -> None:
    """Takes the attachments of a quote's former revision away: each revision brings its own notes."""
    carried = document.notes.filter(attachment_key__isnull=False)
    by_key = {each.attachment_key: each for each in carried}
    changes = [
        Change(document, BC, ATTACHMENTS, OperationKind.DELETE, key=key, sales_key=each.annotation_key)
        for key, each in by_key.items()
    ]
    for change, result in journal.write(run, changes):
        if result.status in (WriteStatus.DONE, WriteStatus.MISSING):
            DocumentNote.objects.filter(pk=by_key[change.key].pk).update(attachment_key=None)
        else:
            run.progress.log(f"{document}: an old note was not taken away. {result.error}", LogLevel.WARNING)


def follow_notes(run: JobRun, keys: Sequence[UUID] = ()) -> None:
    """Notes of transferred orders, both ways: new and changed ones of Sales, new attachments of the other side."""
    documents = SalesDocument.objects.filter(
        connection=run.connection, kind=DocumentKind.ORDER, coupling__isnull=False, sales_gone=False,
        transfer_state=TransferState.TRANSFERRED,
    ).select_related("connection", "coupling")  # fmt: skip
    if keys:
        documents = documents.filter(sales_key__in=keys)
    for chunk in chunks(documents, _KEYS_PER_QUERY):
        if run.progress.should_stop():
            return
        annotations = read_annotations(run, chunk)
        _carry(run, chunk, annotations)
        if is_both_ways(run):
            _drop_deleted(run, chunk, annotations)
        _bring_back(run, chunk)


def _drop_deleted(
    run: JobRun, documents: Sequence[SalesDocument], annotations: Mapping[UUID, Sequence[dict[str, Any]]]
) -> None:
    """Notes of bidirectional orders that were deleted in Sales go in Business Central, too."""
    there = {each["key"] for rows in annotations.values() for each in rows}
    carried = DocumentNote.objects.filter(document__in=documents, from_sales=True, attachment_key__isnull=False)
    gone = {each.attachment_key: each for each in carried if each.annotation_key not in there}
    by_pk = {document.pk: document for document in documents}
    changes = [
        Change(
            by_pk[each.document_id], BC, ATTACHMENTS, OperationKind.DELETE, key=key, sales_key=each.annotation_key
        )
        for key, each in gone.items()
    ]  # fmt: skip
    for change, result in journal.write(run, changes):
        if result.status not in (WriteStatus.DONE, WriteStatus.MISSING):
            run.progress.log(f"{change.document}: a note was not taken away. {result.error}", LogLevel.WARNING)
            continue
        deleted = gone[change.key]
        text = f"The note “{deleted}” was deleted in Sales, and so in Business Central."
        note(change.document, EventKind.NOTE, text, job=run.job)
        DocumentNote.objects.filter(pk=deleted.pk).delete()


def _bring_back(run: JobRun, documents: Sequence[SalesDocument]) -> None:
    """Text attachments whose name begins with `note` become notes of the Sales order, once each."""
    client = run.client(BC)
    by_key = {document.bc_key: document for document in documents}
    known = set(DocumentNote.objects.filter(document__in=documents).values_list("attachment_key", flat=True))
    for chunk in chunks([key for key in by_key if key], 40):
        condition = " or ".join(f"parentId eq {key}" for key in chunk)
        for record in client.query(ATTACHMENTS, properties=["fileName", "parentId"], filter=condition):
            name = str(record.values["fileName"])
            document = by_key.get(UUID(str(record.values["parentId"])))
            if document is None or record.key in known or not name.lower().startswith("note"):
                continue
            _write_annotation(run, document, record.key, name)


def _write_annotation(run: JobRun, document: SalesDocument, attachment: UUID, name: str) -> None:
    client = run.client(BC)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    path = f"{client.addresses.table(ATTACHMENTS)}({attachment})/attachmentContent"
    content = client.session.get(path, headers={"Accept": "application/octet-stream"}).data
    text = content.decode("utf-8", errors="replace") if isinstance(content, bytes) else str(content or "")
    key = derived_key(document.connection.slug, "document-note", attachment, 0)
    title = name.rpartition(".")[0] or name
    body = {
        "annotationid": str(key), "subject": title, "notetext": text,
        "objectid_salesorder@odata.bind": f"/salesorders({document.sales_key})",
    }  # fmt: skip
    change = Change(document, SALES, "annotations", OperationKind.CREATE, body, key=key, sales_key=key)
    for _, result in journal.write(run, [change]):
        if result.status not in (WriteStatus.DONE, WriteStatus.EXISTS):
            run.progress.log(f"{document}: the note {name} was not transferred. {result.error}", LogLevel.WARNING)
            continue
        DocumentNote.objects.get_or_create(
            document=document, attachment_key=attachment,
            defaults={
                "annotation_key": key, "from_sales": False, "title": title, "text": plain_text(text),
                "at": timezone.now(),
            },
        )  # fmt: skip
        note(document, EventKind.NOTE, f"The note “{title}” came from Business Central.", job=run.job)


def _transfer(run: JobRun, document: SalesDocument, annotations: Sequence[dict[str, Any]]) -> bool:
    known = {each.annotation_key: each for each in document.notes.all()}
    complete = True
    for annotation in annotations:
        text = plain_text(str(annotation["notetext"] or ""))
        known_note = known.get(annotation["key"])
        if known_note is not None and known_note.attachment_key is not None and known_note.text == text:
            continue
        if known_note is None:
            known_note, _ = DocumentNote.objects.get_or_create(
                document=document, annotation_key=annotation["key"],
                defaults={
                    "title": str(annotation["subject"] or "")[:500], "at": parse_time(annotation["createdon"]),
                },
            )  # fmt: skip
        complete = _write(run, document, known_note, text) and complete
    return complete


def _write(run: JobRun, document: SalesDocument, known: DocumentNote, text: str) -> bool:
    if known.attachment_key is None:
        known.attachment_key = _attachment(run, document, known)
        if known.attachment_key is None:
            return False
        known.save(update_fields=["attachment_key"])
    body = f"{known.title}\n\n{text}" if known.title else text
    change = Change(
        document, BC, ATTACHMENTS, OperationKind.UPDATE, {"attachmentContent": body}, key=known.attachment_key,
        sales_key=known.annotation_key, before={"attachmentContent": known.text},
    )  # fmt: skip
    error = journal.write_at(run, change, f"({known.attachment_key})/attachmentContent", content=body.encode())
    if error is not None:
        run.progress.log(f"{document}: a note was not transferred. {error}", LogLevel.WARNING)
        return False
    new = not known.text
    known.text = text
    known.save(update_fields=["text"])
    words = "was transferred" if new else "was changed"
    note(document, EventKind.NOTE, f"The note “{known.title or text[:40]}” {words}.", job=run.job)
    return True


def _attachment(run: JobRun, document: SalesDocument, known: DocumentNote) -> UUID | None:
    """The attachment of a note: one made earlier whose answer got lost, or a new one."""
    name = f"note-{str(known.annotation_key)[:8]}.txt"
    condition = f"parentId eq {document.bc_key} and fileName eq '{name}'"
    for record in run.client(BC).query(ATTACHMENTS, properties=["fileName"], filter=condition):
        return record.key
    kind = DocumentKind(document.kind)
    body = {"fileName": name, "parentType": _PARENT[kind], "parentId": str(document.bc_key)}
    change = Change(document, BC, ATTACHMENTS, OperationKind.CREATE, body, sales_key=known.annotation_key)
    for _, result in journal.write(run, [change]):
        if result.status == WriteStatus.DONE:
            return result.key
        run.progress.log(f"{document}: a note was not transferred. {result.error}", LogLevel.WARNING)
    return None
