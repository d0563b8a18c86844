"""What a person has to look at although an order goes on: noted once, and taken back once it is settled."""

from syncjobs.documents.choices import EventKind
from syncjobs.documents.events import note
from syncjobs.documents.models import SalesDocument


def attend(document: SalesDocument, code: str, message: str) -> None:
    """Notes it; the same again with other words takes the place of the former."""
    known = next((each for each in document.attention if each["code"] == code), None)
    if known is not None and known["message"] == message:
        return
    others = [each for each in document.attention if each["code"] != code]
    document.attention = [*others, {"code": code, "message": message}]
    document.save(update_fields=["attention"])
    note(document, EventKind.WARNING, message)


def settle_attention(document: SalesDocument, code: str) -> None:
    if any(each["code"] == code for each in document.attention):
        document.attention = [each for each in document.attention if each["code"] != code]
        document.save(update_fields=["attention"])
