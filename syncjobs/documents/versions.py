"""Earlier versions of quotes: kept as a whole before a quote is rewritten, removed or made an order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.business_central import BusinessCentralClient
from connector.choices import System
from connector.odata import literal, options
from syncjobs.documents.amounts import amount, plain
from syncjobs.documents.choices import EventKind
from syncjobs.documents.events import note
from syncjobs.documents.following import read_with_lines
from syncjobs.documents.models import QuoteVersion, SalesDocument
from syncjobs.documents.records import QUOTES
from syncjobs.engine.context import JobRun

_HEADER = {
    "externalDocumentNumber": "External Document No.", "validUntilDate": "Quote Valid Until Date",
    "currencyCode": "Currency", "shipToName": "Ship-to name", "shipToAddressLine1": "Ship-to address",
    "shipToAddressLine2": "Ship-to address 2", "shipToPostCode": "Ship-to post code", "shipToCity": "Ship-to city",
    "shipToCountry": "Ship-to country", "salesperson": "Salesperson", "discountAmount": "Discount",
    "totalAmountExcludingTax": "Total without tax", "totalAmountIncludingTax": "Total with tax",
}  # fmt: skip


def keep_version(run: JobRun, document: SalesDocument, *, reason: str) -> QuoteVersion | None:
    """Stores the quote as it is in Business Central now; None where it is gone. Once per revision and reason."""
    client = run.client(System.BUSINESS_CENTRAL)
    assert isinstance(client, BusinessCentralClient)  # noqa: S101 - narrows the type
    known = QuoteVersion.objects.filter(connection=document.connection, sales_key=document.sales_key, reason=reason)
    if (version := known.first()) is not None or document.bc_key is None:
        return version
    row = read_with_lines(client, QUOTES, [document.bc_key]).get(document.bc_key)
    if row is None:
        return None
    header = {name: value for name, value in row.items() if "@" not in name}
    lines = header.pop(QUOTES.bc_lines)
    version, created = QuoteVersion.objects.get_or_create(
        connection=document.connection, sales_key=document.sales_key, reason=reason,
        defaults={
            "quote_number": document.number, "revision": document.revision, "name": document.name,
            "customer_name": str(header.get("customerName") or "")[:200], "bc_key": document.bc_key,
            "bc_number": document.bc_number, "total": amount(header.get("totalAmountExcludingTax")), "header": header,
            "lines": lines,
        },
    )  # fmt: skip
    if created:
        text = f"Revision {document.revision} of quote {document.bc_number} was archived."
        note(document, EventKind.ARCHIVED, text, key=f"archived:{reason}", job=run.job)
    return version


def archives_of(client: BusinessCentralClient, numbers: Sequence[str]) -> list[dict[str, Any]]:
    """Versions that Business Central itself has kept of quotes with these numbers, with lines. Raises RemoteError."""
    found: list[dict[str, Any]] = []
    for number in dict.fromkeys(numbers):
        address = client.addresses.table("salesQuoteArchives") + options(
            filter=f"number eq {literal(number)}", expand="salesQuoteArchiveLines"
        )
        found += client.session.get(address).data["value"]
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """`place` names a header field or a line."""

    place: str
    before: Any
    after: Any


def differences(
    before: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]],
    after: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]],
) -> list[Difference]:
    """What changed between two versions, each as (header, lines)."""
    found = [
        Difference(label, before[0].get(name), after[0].get(name))
        for name, label in _HEADER.items()
        if str(before[0].get(name) or "") != str(after[0].get(name) or "")
    ]
    old, new = ({int(line["sequence"]): line for line in lines} for lines in (before[1], after[1]))
    for sequence in sorted(old.keys() | new.keys()):
        was, now = _words(old.get(sequence)), _words(new.get(sequence))
        if was != now:
            found.append(Difference(f"Line {sequence}", was, now))
    return found


def _words(line: Mapping[str, Any] | None) -> str:
    if line is None:
        return ""
    what = " ".join(str(line.get(name) or "") for name in ("lineObjectNumber", "description")).strip()
    if line.get("lineType") == "Comment":
        return what
    unit = line.get("unitOfMeasureCode") or ""
    words = f"{what}: {plain(amount(line.get('quantity')))} {unit} at {plain(amount(line.get('unitPrice')))}"
    discount = amount(line.get("discountAmount"))
    return f"{words}, discount {plain(discount)}" if discount else words


def version_of(document: SalesDocument) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """The present version in the form that `differences` takes."""
    return document.bc_values, document.bc_lines
