"""Binary contents: attachments of records and printed documents."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sandbox.business_central.documents.totals import lines_of
from sandbox.business_central.errors import bad_request
from sandbox.business_central.schema import Page
from sandbox.business_central.session import Session
from sandbox.storage import Row

PARENT_TYPES = {"Order": "Sales_x0020_Order", "Quote": "Sales_x0020_Quote", "Invoice": "Sales_x0020_Invoice"}


def links(page: Page, location: str) -> dict[str, Any]:
    """What JSON carries of stream properties: where to read and write them."""
    found: dict[str, Any] = {}
    for prop in page.properties.values():
        if prop.kind == "stream":
            if not prop.read_only:
                found[f"{prop.name}@odata.mediaEditLink"] = f"{location}/{prop.name}"
            found[f"{prop.name}@odata.mediaReadLink"] = f"{location}/{prop.name}"
    return found


def read_content(row: Row) -> bytes:
    try:
        return base64.b64decode(row.get("content", ""), validate=True)
    except binascii.Error:
        return b""


def write_content(session: Session, row: Row, body: Any) -> None:
    """Replaces the content of an attachment; ``body`` is the request's raw bytes."""
    if not isinstance(body, bytes):
        raise bad_request("The content must be sent as bytes.")
    changed = {**row, "content": base64.b64encode(body).decode(), "size": len(body)}
    session.update("Document Attachment", changed, row)


def pdf_description(header: Row, location: str) -> Mapping[str, Any]:
    return {
        "id": header["system_id"],
        "parentId": header["system_id"],
        "parentType": PARENT_TYPES[header["document_type"]],
        "pdfDocumentContent@odata.mediaReadLink": f"{location}/pdfDocument/pdfDocumentContent",
    }


def pdf(session: Session, header: Row) -> bytes:
    """The document as a one-page PDF: number, customer, lines and totals."""
    texts = [f"Sales {header['document_type']} {header['no']}", header["sell_to_customer_name"], ""]
    texts += [
        f"{line['quantity'].normalize():f} x {line['description']}: {line['amount']:.2f}"
        for line in lines_of(session, header)
    ]
    texts += [
        "",
        f"Total excluding tax {header['amount']:.2f}",
        f"Total including tax {header['amount_including_vat']:.2f}",
    ]
    return _one_page(texts)


def _one_page(texts: list[str]) -> bytes:
    escaped = [text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for text in texts]
    content = "BT /F1 11 Tf 14 TL 50 800 Td " + " ".join(f"({text}) Tj T*" for text in escaped) + " ET"
    stream = content.encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    result = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(result))
        result += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(result)
    size = len(objects) + 1
    return result + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, start)
    )
