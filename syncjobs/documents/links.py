"""Addresses that pages and API show for documents: in the two systems, and where a problem is solved."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch, reverse

from connector.models import Connection
from coupling.services.links import business_central_url, sales_url
from syncjobs.documents.choices import DocumentKind, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.records import SHAPES


def in_sales(document: SalesDocument) -> str:
    return sales_url(document.connection, SHAPES[DocumentKind(document.kind)].entity, document.sales_key)


def in_business_central(document: SalesDocument) -> str:
    """Blank while there is no document in Business Central, or no longer."""
    if not document.bc_number or document.transfer_state == TransferState.CLOSED:
        return ""
    return business_central_url(document.connection, SHAPES[DocumentKind(document.kind)].bc_table, document.bc_number)


def fix_url(connection: Connection, fix: Mapping[str, Any] | None) -> str:
    """Where a problem is solved; blank where there is no such place."""
    if not fix:
        return ""
    arguments: Mapping[str, str] = fix.get("arguments") or {}
    if fix["page"] == "sales":
        return sales_url(connection, arguments["entity"], UUID(arguments["key"]))
    if fix["page"] == "business_central":
        return business_central_url(connection, arguments["table"], arguments["number"])
    try:
        return reverse(fix["page"], kwargs={"connection": connection.slug, **arguments})
    except NoReverseMatch:
        return ""


def with_urls(connection: Connection, problems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Problems whose fix carries its address."""
    return [
        {
            **problem,
            "fix": {"label": fix["label"], "url": fix_url(connection, fix)} if (fix := problem.get("fix")) else None,
        }
        for problem in problems
    ]
