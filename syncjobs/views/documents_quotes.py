"""Sales Quotes of Dynamics 365 Sales, one quote's page, and Sales Quote Archives."""

from typing import Any
from uuid import UUID

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from config.roles import Capability
from config.web.columns import NameColumn, TimeColumn
from config.web.filters import FilterSet
from config.web.lists import BulkAction, ListView
from config.web.request import PageRequest
from config.web.tables import Table
from connector.models import Connection
from coupling.services.words import fold
from coupling.views.base import says_errors
from syncjobs.choices import JobTrigger
from syncjobs.documents.choices import DocumentKind, TransferState
from syncjobs.documents.models import QuoteVersion, SalesDocument
from syncjobs.documents.reading import ask_for_reading, is_reading
from syncjobs.documents.records import eligible
from syncjobs.documents.requests import process_quote, process_quotes
from syncjobs.documents.versions import differences, version_of
from syncjobs.views.documents import READ_AGAIN_SECONDS, DocumentTable, NamedColumn, OrderPageFilterSet, SalesOrderList
from syncjobs.views.documents_detail import act, context_of, document_of, page_of, tell

VIEWS = (("coupled", "Coupled"), ("attention", "Needs attention"), ("all", "All"))


class QuoteTable(DocumentTable):
    number = NameColumn(lambda record: record.get_absolute_url(), verbose_name="Quote number")
    revision = tables.Column(verbose_name="Revision", attrs={"td": {"class": "col-number"}})
    effective_from = NamedColumn("effectivefrom", verbose_name="Effective from")
    effective_to = NamedColumn("effectiveto", verbose_name="Effective to")
    closed_on = NamedColumn("closedon", verbose_name="Closed on")
    order_number = tables.Column(verbose_name="Order in Business Central")

    class Meta(Table.Meta):
        fields = ()
        order_by = ("-sales_modified_at", "id")
        caption = "Sales quotes"
        default_columns = [
            "selection", "number", "revision", "name", "customer_name", "sales_state", "total", "readiness",
            "bc_number",
        ]  # fmt: skip
        empty_title = "No quotes"
        empty_hint = "Quotes appear here once they are activated in Sales."


class QuotePageFilterSet(OrderPageFilterSet):
    view = django_filters.ChoiceFilter(method="unchanged", label="View", choices=VIEWS, empty_label="Active and won")

    def in_view(self, rows: QuerySet[SalesDocument], view: str) -> QuerySet[SalesDocument]:
        return rows.filter(eligible(DocumentKind.QUOTE)) if not view else super().in_view(rows, view)


class SalesQuoteList(SalesOrderList):
    title = "Sales Quotes \N{EN DASH} Dynamics 365 Sales"
    lead = "Quotes that were activated or won, and what became of them in Business Central."
    icon = "file-text"
    list_name = "sales-quotes"
    table_class = QuoteTable
    filterset_class = QuotePageFilterSet
    template_name = "syncjobs/documents/quote_list.html"
    actions = (
        BulkAction(
            "process", "Process in Business Central", "send", Capability.PROCESS_DOCUMENTS,
            "Process {n} quotes in Business Central? Quotes with problems are left out and say why.",
        ),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[SalesDocument]:
        return SalesDocument.objects.filter(connection=self.request.connection, kind=DocumentKind.QUOTE).select_related(
            "connection"
        )

    def get_context(self) -> dict[str, Any]:
        connection = self.request.connection
        ask_for_reading(connection, at_most_every=READ_AGAIN_SECONDS)
        return {"notices": _notices(connection), "reading": is_reading(connection)}

    def run_action(self, action: BulkAction, records: QuerySet[SalesDocument]) -> str:
        keys = list(records.values_list("sales_key", flat=True))
        job = process_quotes(
            connection=self.request.connection, keys=keys, user=self.request.user, trigger=JobTrigger.USER
        )
        return f"Job {job.pk} processes {len(keys)} quote{'' if len(keys) == 1 else 's'}; the list follows it."


def _notices(connection: Connection) -> list[str]:
    if not connection.enabled:
        return ["The connection is disabled, so nothing is read or processed."]
    if not connection.automatically_process_quotes:
        return ["Quotes are not processed automatically; choose some and press Process in Business Central."]
    return []


@require_safe
def quote_detail(request: PageRequest, connection: str, key: UUID) -> HttpResponse:
    document = document_of(request, DocumentKind.QUOTE, key)
    context = context_of(document)
    state = context["state"]
    waits = state == TransferState.TRANSFERRED and document.sales_state_word == "won" and not document.marks.get("won")
    context |= {
        "title": f"Quote {document.number or document.name} rev. {document.revision}",
        "crumbs": [("Sales Quotes", reverse("sales-quote-list", kwargs={"connection": connection}))],
        "can_create": context["can_create"] or waits,
        "create_label": "Process in Business Central",
        "sales_label": "Quote",
        "remove_label": "Archive and delete",
        "action_url": reverse("sales-quote-action", kwargs={"connection": connection, "key": key}),
        "versions": QuoteVersion.objects.filter(connection=request.connection, quote_number=document.number),
        "revisions": SalesDocument.objects.filter(
            connection=request.connection, kind=DocumentKind.QUOTE, number=document.number
        ).order_by("-revision"),
    }
    return page_of(request, context)


@require_POST
@says_errors
def quote_action(request: PageRequest, connection: str, key: UUID) -> HttpResponse:
    """What the button pressed says."""
    document = document_of(request, DocumentKind.QUOTE, key)
    if request.POST.get("action") == "create":
        tell(request, process_quote(
            connection=document.connection, key=key, user=request.user, trigger=JobTrigger.USER
        ))  # fmt: skip
    else:
        act(request, document, request.POST.get("action"))
    return redirect(document)


class VersionTable(Table):
    version = NameColumn(
        lambda record: reverse(
            "sales-quote-archive-detail", kwargs={"connection": record.connection.slug, "pk": record.pk}
        ),
        accessor="quote_number",
        verbose_name="Quote",
    )
    revision = tables.Column(attrs={"td": {"class": "col-number"}})
    name = tables.Column()
    customer_name = tables.Column(verbose_name="Customer")
    bc_number = tables.Column(verbose_name="Business Central no.", attrs={"td": {"class": "col-code"}})
    total = tables.Column(verbose_name="Total without tax", attrs={"td": {"class": "col-number"}})
    reason = tables.Column(verbose_name="Archived because")
    archived_at = TimeColumn(verbose_name="Archived")

    class Meta(Table.Meta):
        fields = ()
        order_by = ("-archived_at", "id")
        caption = "Earlier versions of quotes"
        default_columns = [
            "version",
            "revision",
            "name",
            "customer_name",
            "bc_number",
            "total",
            "reason",
            "archived_at",
        ]
        empty_title = "No versions yet"
        empty_hint = "A version is kept whenever a quote is revised or won, before Business Central's quote changes."


class VersionFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    reason = django_filters.ChoiceFilter(
        choices=[("revised", "Revised"), ("won", "Won"), ("removed", "Removed")], label="Archived because"
    )

    class Meta:
        model = QuoteVersion
        fields = ("search", "reason")

    def find(self, rows: QuerySet[QuoteVersion], name: str, value: str) -> QuerySet[QuoteVersion]:
        words = fold(value)
        return rows.filter(
            Q(quote_number__icontains=words) | Q(name__icontains=words) | Q(bc_number__icontains=words)
            | Q(customer_name__icontains=words)
        )  # fmt: skip


class SalesQuoteArchiveList(ListView):
    title = "Sales Quote Archives"
    lead = "Every version of a quote before its next revision took its place."
    icon = "history"
    list_name = "sales-quote-archives"
    table_class = VersionTable
    filterset_class = VersionFilterSet

    def get_queryset(self) -> QuerySet[QuoteVersion]:
        return QuoteVersion.objects.filter(connection=self.request.connection).select_related("connection")


@require_safe
def archive_detail(request: PageRequest, connection: str, pk: int) -> HttpResponse:
    """One version: its lines, and what the next version changed."""
    version = get_object_or_404(QuoteVersion, connection=request.connection, pk=pk)
    same = QuoteVersion.objects.filter(connection=request.connection, quote_number=version.quote_number)
    later = same.filter(revision__gt=version.revision).order_by("revision").first()
    present = SalesDocument.objects.filter(
        connection=request.connection, kind=DocumentKind.QUOTE, number=version.quote_number, coupling__isnull=False
    ).first()
    after = (later.header, later.lines) if later else version_of(present) if present else None
    context = {
        "title": str(version),
        "crumbs": [("Sales Quote Archives", reverse("sales-quote-archive-list", kwargs={"connection": connection}))],
        "kept": version,
        "versions": same.order_by("-revision", "-id"),
        "present": present,
        "later": later,
        "differences": differences((version.header, version.lines), after) if after else [],
    }
    return render(request, "syncjobs/documents/archive_detail.html", context)
