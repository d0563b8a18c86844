"""Sales Orders of Dynamics 365 for Sales: the list, and what both kinds of documents' lists share."""

from typing import Any

import django_filters
import django_tables2 as tables
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from config.roles import Capability
from config.web import parts
from config.web.columns import CheckBoxColumn, NameColumn, TimeColumn
from config.web.filters import FilterSet
from config.web.lists import BulkAction, ListView
from config.web.request import PageRequest
from config.web.tables import Table
from connector.choices import SalesOrderIntegration
from connector.models import Connection
from coupling.services.words import fold
from coupling.views.base import back_of, says_errors
from syncjobs.choices import JobTrigger
from syncjobs.documents import links
from syncjobs.documents.choices import UNFINISHED, DocumentKind, OrderState, TransferState
from syncjobs.documents.models import SalesDocument
from syncjobs.documents.presentation import readiness_badge, readiness_words
from syncjobs.documents.reading import ask_for_reading, is_reading
from syncjobs.documents.records import eligible
from syncjobs.documents.requests import create_orders

READ_AGAIN_SECONDS = 60
ATTENTION = (
    Q(transfer_state__in=[TransferState.PROBLEMS, TransferState.FAILED, TransferState.INCOMPLETE])
    | Q(transfer_state=TransferState.UNCERTAIN)
    | ~Q(attention=[])
)


class NamedColumn(tables.Column):
    """A choice or lookup of Sales by its name there."""

    def __init__(self, column: str, **kwargs: Any) -> None:
        super().__init__(accessor="values", orderable=False, empty_values=(), **kwargs)
        self.column = column

    def render(self, record: SalesDocument) -> str | SafeString:
        return self.value(record) or parts.NOTHING

    def value(self, record: SalesDocument) -> str:
        values = record.values
        shown = values.get("names", {}).get(self.column, values.get(self.column))
        if isinstance(shown, bool):
            return "yes" if shown else "no"
        text = str(shown or "")
        return text[:10] if text[10:11] == "T" else text


class AddressColumn(tables.Column):
    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(accessor="values", orderable=False, empty_values=(), **kwargs)
        self.prefix = prefix

    def render(self, record: SalesDocument) -> str | SafeString:
        return self.value(record) or parts.NOTHING

    def value(self, record: SalesDocument) -> str:
        names = ("name", "line1", "line2", "postalcode", "city", "stateorprovince", "country")
        return ", ".join(
            str(record.values[self.prefix + name]) for name in names if record.values.get(self.prefix + name)
        )


class ReadinessColumn(tables.Column):
    """The state of the transfer; what is missing unfolds with the way to each fix."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(accessor="transfer_state", attrs={"td": {"class": "col-problem"}}, **kwargs)

    def render(self, record: SalesDocument) -> SafeString:
        shown = parts.badge(readiness_badge(record), readiness_words(record))
        problems = links.with_urls(record.connection, record.problems)
        if len(problems) == 1:
            return format_html("{}<br>{}{}", shown, problems[0]["message"], _fix(problems[0]))
        if problems:
            items = format_html_join("", "<li>{}{}</li>", ((each["message"], _fix(each)) for each in problems))
            return format_html("<details><summary>{}</summary><ul class='missing'>{}</ul></details>", shown, items)
        told = record.error_message or next((each["message"] for each in record.attention), "")
        return format_html("{}<br><span class='muted'>{}</span>", shown, told) if told else shown

    def value(self, record: SalesDocument) -> str:
        told = "; ".join([each["message"] for each in record.problems] or [record.error_message])
        return f"{readiness_words(record)}: {told}" if told else readiness_words(record)


def _fix(problem: dict[str, Any]) -> SafeString | str:
    fix = problem["fix"]
    return (
        format_html(' <a class="btn btn-sm" href="{}">{}</a>', fix["url"], fix["label"]) if fix and fix["url"] else ""
    )


class DocumentTable(Table):
    """Columns of both kinds."""

    selection = CheckBoxColumn()
    number = NameColumn(lambda record: record.get_absolute_url(), verbose_name="Number")
    name = tables.Column()
    customer_name = tables.Column(verbose_name="Customer")
    currency = tables.Column(verbose_name="Transaction currency")
    total = tables.Column(
        verbose_name="Total amount", attrs={"td": {"class": "col-number"}, "th": {"class": "col-number"}}
    )
    sales_state = tables.Column(verbose_name="Status")
    status_reason = NamedColumn("statuscode", verbose_name="Status reason")
    readiness = ReadinessColumn(verbose_name="Readiness")
    bc_number = tables.Column(verbose_name="Business Central no.", attrs={"td": {"class": "col-code"}})
    coupled = tables.Column(accessor="bc_key", verbose_name="Coupled", orderable=False, empty_values=())
    attempted_at = TimeColumn(verbose_name="Last attempt")
    attempted_by = tables.Column(verbose_name="Tried by")
    sales_modified_at = TimeColumn(verbose_name="Changed in Sales")

    def render_total(self, value: Any) -> str:
        return f"{value:,.2f}".replace(",", "\N{NARROW NO-BREAK SPACE}")

    def value_total(self, value: Any) -> Any:
        return value

    def render_sales_state(self, record: SalesDocument) -> str:
        return str(record.state_choice.label)

    def render_bc_number(self, record: SalesDocument) -> SafeString | str:
        url = links.in_business_central(record)
        if not url:
            return record.bc_number or parts.NOTHING
        shown = format_html('<a href="{}" target="_blank" rel="noopener">{}</a>', url, record.bc_number)
        return format_html("{}<br>→ {}", shown, record.order_number) if record.order_number else shown

    def value_bc_number(self, record: SalesDocument) -> str:
        return record.bc_number

    def render_coupled(self, record: SalesDocument) -> str:
        return "Yes" if record.coupling_id else "No"


class OrderTable(DocumentTable):
    number = NameColumn(lambda record: record.get_absolute_url(), verbose_name="Order ID")
    price_list = NamedColumn("_pricelevelid_value", verbose_name="Price list")
    prices_locked = NamedColumn("ispricelocked", verbose_name="Prices locked")
    requested = NamedColumn("requestdeliveryby", verbose_name="Requested delivery date")
    fulfilled = NamedColumn("datefulfilled", verbose_name="Date fulfilled")
    shipping_method = NamedColumn("shippingmethodcode", verbose_name="Shipping method")
    payment_terms = NamedColumn("paymenttermscode", verbose_name="Payment terms")
    freight_terms = NamedColumn("freighttermscode", verbose_name="Freight terms")
    bill_to = AddressColumn("billto_", verbose_name="Bill-to address")
    will_call = NamedColumn("willcall", verbose_name="Will call")
    ship_to = AddressColumn("shipto_", verbose_name="Ship-to address")
    opportunity = NamedColumn("_opportunityid_value", verbose_name="Opportunity")
    quote = NamedColumn("_quoteid_value", verbose_name="Quote")

    class Meta(Table.Meta):
        fields = ()
        order_by = ("-sales_modified_at", "id")
        caption = "Sales orders"
        default_columns = [
            "selection", "number", "name", "customer_name", "currency", "total", "sales_state", "readiness",
            "bc_number",
        ]  # fmt: skip
        empty_title = "No orders to process"
        empty_hint = (
            "Submitted orders appear here until they are in Business Central. The filter View shows the others."
        )


VIEWS = (
    ("coupled", "Coupled"),
    ("attention", "Needs attention"),
    ("submitted", "All submitted"),
    ("all", "All"),
)


class OrderPageFilterSet(FilterSet):
    """Without a view the list shows what is to be processed."""

    search = django_filters.CharFilter(method="find", label="Search")
    view = django_filters.ChoiceFilter(method="unchanged", label="View", choices=VIEWS, empty_label="To process")
    transfer_state = django_filters.MultipleChoiceFilter(choices=TransferState.choices, label="Readiness")
    currency = django_filters.CharFilter(lookup_expr="icontains", label="Currency")

    class Meta:
        model = SalesDocument
        fields = ("search", "view", "transfer_state", "currency")

    def find(self, rows: QuerySet[SalesDocument], name: str, value: str) -> QuerySet[SalesDocument]:
        return rows.filter(Q(search_text__contains=fold(value)) | Q(bc_number__icontains=value))

    def unchanged(self, rows: QuerySet[SalesDocument], name: str, value: str) -> QuerySet[SalesDocument]:
        return rows

    def filter_queryset(self, queryset: QuerySet[SalesDocument]) -> QuerySet[SalesDocument]:
        rows = super().filter_queryset(queryset)
        return self.in_view(rows, self.form.cleaned_data.get("view") or "")

    def in_view(self, rows: QuerySet[SalesDocument], view: str) -> QuerySet[SalesDocument]:
        if view == "coupled":
            return rows.filter(coupling__isnull=False)
        if view == "attention":
            return rows.filter(ATTENTION)
        if view == "submitted":
            return rows.filter(sales_state=OrderState.SUBMITTED, sales_gone=False)
        if view == "all":
            return rows
        return rows.filter(eligible(DocumentKind.ORDER))


class SalesOrderList(ListView):
    title = "Sales Orders \N{EN DASH} Dynamics 365 for Sales"
    lead = "Orders that salespeople submitted, on their way to Business Central."
    icon = "shopping-cart"
    list_name = "sales-orders"
    table_class = OrderTable
    filterset_class = OrderPageFilterSet
    template_name = "syncjobs/documents/order_list.html"
    actions = (
        BulkAction(
            "create", "Create in Business Central", "send", Capability.PROCESS_DOCUMENTS,
            "Create {n} orders in Business Central? Orders with problems are left out and say why.",
        ),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[SalesDocument]:
        return SalesDocument.objects.filter(connection=self.request.connection, kind=DocumentKind.ORDER).select_related(
            "connection"
        )

    def get_context(self) -> dict[str, Any]:
        connection = self.request.connection
        ask_for_reading(connection, at_most_every=READ_AGAIN_SECONDS)
        return {"notices": notices(connection), "reading": is_reading(connection)}

    def is_living(self, table: Table) -> bool:
        rows = table.page.object_list.data
        return is_reading(self.request.connection) or any(row.transfer_state in UNFINISHED for row in rows)

    def run_action(self, action: BulkAction, records: QuerySet[SalesDocument]) -> str:
        keys = list(records.values_list("sales_key", flat=True))
        job = create_orders(
            connection=self.request.connection, keys=keys, user=self.request.user, trigger=JobTrigger.USER
        )
        return f"Job {job.pk} creates {len(keys)} order{'' if len(keys) == 1 else 's'}; the list follows it."


def notices(connection: Connection) -> list[str]:
    """Why the list may be empty or short."""
    found = []
    if not connection.enabled:
        found.append("The connection is disabled, so nothing is read or created.")
    if connection.sales_order_integration == SalesOrderIntegration.NONE:
        found.append(
            "Sales order integration is switched off: submitted orders stay in Sales. Switch it on in Connection Setup."
        )
    elif connection.sales_order_integration == SalesOrderIntegration.BIDIRECTIONAL:
        found.append(
            "Orders are kept in step both ways. New ones are made where somebody asks for it: choose some and press"
            " Create in Business Central, or let the mapping SALESORDER-ORDER make them."
        )
    elif not connection.automatically_create_sales_orders:
        found.append("Orders are not created automatically; choose some and press Create in Business Central.")
    if Connection.objects.filter(sales_url=connection.sales_url, enabled=True).exclude(pk=connection.pk).exists():
        found.append(
            "Several companies share this Sales organisation: only this company's orders and unassigned ones count."
        )
    return found


@require_POST
@says_errors
def refresh_orders(request: PageRequest, connection: str) -> HttpResponse:
    """Has Sales read again; the list follows."""
    if ask_for_reading(request.connection):
        messages.success(request, "Sales is being read; the list follows.")
    else:
        messages.warning(request, "The connection is disabled.")
    return redirect(back_of(request, reverse("sales-order-list", kwargs={"connection": connection})))
