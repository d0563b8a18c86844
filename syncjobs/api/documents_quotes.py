"""Endpoints of Sales quotes and of their earlier versions."""

import logging
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from connector.clients import INTERACTIVE, business_central_client
from connector.errors import HubError
from syncjobs.api.documents import (
    COMMON,
    REFRESH,
    TRANSFER_ANSWERS,
    DocumentFilterSet,
    Documents,
    DocumentSerializer,
    Transfer,
)
from syncjobs.documents.choices import QuoteState
from syncjobs.documents.models import QuoteVersion, SalesDocument
from syncjobs.documents.records import ACTIVE_OR_WON, QUOTES
from syncjobs.documents.requests import process_quote
from syncjobs.documents.versions import archives_of

log = logging.getLogger(__name__)


class SalesQuoteSerializer(DocumentSerializer):
    quoteid = serializers.UUIDField(source="sales_key", read_only=True)
    quotenumber = serializers.CharField(source="number", read_only=True)
    business_central_order_number = serializers.CharField(source="order_number", read_only=True)

    class Meta:
        model = SalesDocument
        fields = ("quoteid", "quotenumber", "revision", "business_central_order_number", *COMMON)


class VersionSerializer(serializers.Serializer[Any]):
    """One version of a quote; `archived_at` is null for the present one."""

    revision = serializers.IntegerField(allow_null=True)
    quoteid = serializers.UUIDField(allow_null=True)
    number = serializers.CharField()
    archived_at = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(choices=["hub", "business_central"])  # type: ignore[assignment]
    lines = serializers.ListField(child=serializers.DictField())


class QuoteFilterSet(DocumentFilterSet):
    state = django_filters.ChoiceFilter(
        method="in_state", label="State", choices=[(state.name.lower(), state.label) for state in QuoteState]
    )

    def in_state(self, rows: QuerySet[SalesDocument], name: str, value: str) -> QuerySet[SalesDocument]:
        return rows.filter(sales_state=QuoteState[value.upper()])


class SalesQuoteList(Documents):
    serializer_class = SalesQuoteSerializer
    filterset_class = QuoteFilterSet
    shape, condition = QUOTES, ACTIVE_OR_WON

    @extend_schema(
        summary="Sales quotes that are active, won or coupled",
        parameters=[REFRESH],
        responses=SalesQuoteSerializer(many=True),
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.listed(request)


class ProcessInBusinessCentral(Transfer):
    requests = staticmethod(process_quote)

    @extend_schema(summary="Process the quote in Business Central", request=None, responses=TRANSFER_ANSWERS)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return self.transfer()


class SalesQuoteVersions(Documents):
    serializer_class = VersionSerializer
    pagination_class = None
    shape, condition = QUOTES, ACTIVE_OR_WON

    @extend_schema(summary="All versions of the quote, the present one first", responses=VersionSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        document = get_object_or_404(self.get_queryset(), sales_key=self.kwargs["key"])
        return Response(VersionSerializer(self._versions(document), many=True).data)

    def _versions(self, document: SalesDocument) -> list[dict[str, Any]]:
        same = self.get_queryset().filter(number=document.number)
        versions = [
            _version(each.revision, each.sales_key, each.bc_number, None, "hub", each.bc_lines)
            for each in same.filter(coupling__isnull=False).order_by("-revision")
        ]
        kept = list(QuoteVersion.objects.filter(connection=document.connection, quote_number=document.number))
        versions += [
            _version(each.revision, each.sales_key, each.bc_number, each.archived_at.isoformat(), "hub", each.lines)
            for each in kept
        ]
        numbers = [each["number"] for each in versions if each["number"]]
        return versions + self._theirs(document, numbers)

    def _theirs(self, document: SalesDocument, numbers: list[str]) -> list[dict[str, Any]]:
        """What Business Central has kept itself; nothing where it offers no archive or cannot be asked."""
        connection = document.connection
        if not connection.enabled or "salesQuoteArchives" not in (connection.capabilities or {}).get("api", ()):
            return []
        try:
            rows = archives_of(business_central_client(connection, patience=INTERACTIVE), numbers)
        except HubError as error:
            log.info("Archives of quotes cannot be read: %s", error)
            return []
        return [
            _version(None, None, row["number"], row["dateArchived"], "business_central", row["salesQuoteArchiveLines"])
            for row in rows
        ]


def _version(
    revision: int | None, key: UUID | None, number: str, at: str | None, source: str, lines: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "revision": revision, "quoteid": key, "number": number, "archived_at": at, "source": source, "lines": lines,
    }  # fmt: skip
