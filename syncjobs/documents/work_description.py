"""The Work Description of orders, which only the order page has; its rows are found by number, not by id."""

from collections.abc import Iterator, Sequence

from connector.choices import System
from syncjobs.choices import OperationKind
from syncjobs.documents import journal
from syncjobs.documents.journal import Change
from syncjobs.documents.models import SalesDocument
from syncjobs.engine.context import JobRun

BC = System.BUSINESS_CENTRAL
_PAGE = "SalesOrder"


def write_work_descriptions(run: JobRun, documents: Sequence[SalesDocument]) -> Iterator[tuple[SalesDocument, str]]:
    """(document, problem) of each that has its answer; a blank problem means done."""
    for document in documents:
        change = Change(
            document, BC, _PAGE, OperationKind.UPDATE, {"WorkDescription": document.plan["work_description"]}
        )
        error = journal.write_at(run, change, f"(Document_Type='Order',No='{document.bc_number}')")
        if error is None:
            yield document, ""
        elif not journal.is_passing(error) and not error.outcome_unknown:
            yield document, str(error)
