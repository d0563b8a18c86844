"""What a document still needs once it exists in Business Central, in the order in which it is done."""

from typing import Any

from syncjobs.documents.choices import DocumentKind

GROSS, DISCOUNT, FURTHER = "gross", "discount", "further"
WORK_DESCRIPTION, NOTES, WRITE_BACK = "work_description", "notes", "write_back"
TODO, DONE, FAILED, NOT_NEEDED = "todo", "done", "failed", "not_needed"

LABELS = {
    GROSS: "Prices without VAT",
    DISCOUNT: "Discount of the whole document",
    FURTHER: "Further fields",
    WORK_DESCRIPTION: "Work description",
    NOTES: "Notes",
    WRITE_BACK: "Hand-over in Sales",
}


def first_steps(prepared: Any) -> dict[str, str]:
    """The steps of a document that is about to be created (`Prepared`)."""
    order = prepared.document.kind == DocumentKind.ORDER
    wanted = {
        GROSS: bool(prepared.gross),
        DISCOUNT: bool(prepared.discount),
        FURTHER: bool(prepared.further),
        WORK_DESCRIPTION: bool(prepared.work_description),
        NOTES: True,
        WRITE_BACK: order,
    }
    return {name: TODO if todo else NOT_NEEDED for name, todo in wanted.items()}
