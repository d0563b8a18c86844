"""Sales & Receivables Setup: write-in product, freight account, archiving; Business Central's values beside."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from config.roles import Capability, capabilities_of
from config.web.request import PageRequest, wants_partial
from connector.choices import WriteInProductType
from connector.clients import INTERACTIVE, business_central_client
from connector.errors import HubError, SettingsError
from connector.models import Connection
from connector.services.setup import update_connection
from syncjobs.documents.setup import in_force, theirs_of
from syncjobs.documents.setup_checks import check_values, write_in_offers

_NAMES = (
    "write_in_product_type",
    "write_in_product_no",
    "freight_account_no",
    "fulfil_shipped_orders",
    "archive_quotes_in_business_central",
    "cancel_deleted_orders",
    "tell_accounts",
)


class SetupForm(forms.Form):
    """The hub's own values; an empty number means Business Central's."""

    write_in_product_type = forms.ChoiceField(label="Write-in Product Type", choices=WriteInProductType.choices)
    write_in_product_no = forms.CharField(
        label="Write-in Product No.", required=False, max_length=20,
        widget=forms.TextInput(attrs={"list": "write-in-offers", "autocomplete": "off"}),
        help_text="Item or resource that lines without a product are sold under. Empty: Business Central's own.",
    )  # fmt: skip
    freight_account_no = forms.CharField(
        label="Freight G/L Acc. No.", required=False, max_length=20,
        help_text="Account of the line that freight becomes. Empty: the one of Business Central's own setup.",
    )  # fmt: skip
    fulfil_shipped_orders = forms.BooleanField(
        label="Fulfil orders in Sales once they are shipped completely", required=False
    )
    archive_quotes_in_business_central = forms.BooleanField(
        label="Archive replaced quotes in Business Central", required=False,
        help_text="A revised quote is deleted there, which archives it, and made anew. Off: the hub keeps versions.",
    )  # fmt: skip
    cancel_deleted_orders = forms.BooleanField(
        label="Cancel orders in Sales that were deleted in Business Central", required=False,
        help_text="Off: the salesperson gets the order back, can correct it and submit it again.",
    )  # fmt: skip
    tell_accounts = forms.BooleanField(
        label="Tell posted orders on the account's wall", required=False,
        help_text="Beside the order's own timeline, which is always told.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def sales_setup(request: PageRequest, connection: str) -> HttpResponse:
    hub = request.connection
    if request.method != "POST" and wants_partial(request):
        return render(request, "syncjobs/documents/_setup_theirs.html", _theirs(hub))
    may_change = Capability.CHANGE_SETTINGS in capabilities_of(request.user)
    form = SetupForm(request.POST or None, initial={name: getattr(hub, name) for name in _NAMES})
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    if request.method == "POST" and form.is_valid():
        warnings = _save(request, hub, form)
        if not form.errors:
            messages.success(request, "The setup is saved.")
            for warning in warnings:
                messages.warning(request, warning)
            return redirect(request.path)
    context: dict[str, Any] = {"title": "Sales & Receivables Setup", "form": form, "may_change": may_change}
    if "read" in request.GET:
        context |= _theirs(hub)
    return render(request, "syncjobs/documents/setup.html", context, status=422 if form.errors else 200)


def _save(request: PageRequest, connection: Connection, form: SetupForm) -> list[str]:
    """Stores what changed, after the numbers were looked at in Business Central; refusals go to their fields."""
    changes = {name: form.cleaned_data[name] for name in form.changed_data}
    warnings: list[str] = []
    try:
        if (
            connection.enabled
            and {"write_in_product_no", "write_in_product_type", "freight_account_no"} & changes.keys()
        ):
            checked = check_values(connection, form.cleaned_data)
            warnings = checked.warnings
            for name, sentence in checked.errors.items():
                form.add_error(name, sentence)
        if not form.errors and changes:
            update_connection(connection=connection, changes=changes, user=request.user)
    except SettingsError as error:
        for name, sentences in (error.fields or {"": [str(error)]}).items():
            form.add_error(name if name in form.fields else None, sentences)
    except HubError as error:
        form.add_error(None, f"Business Central cannot be asked whether the numbers exist: {error}")
    return warnings


def _theirs(connection: Connection) -> dict[str, Any]:
    """Business Central's own values, read live because somebody looks at them."""
    if not connection.enabled:
        return {"read": True, "unreadable": "The connection is disabled."}
    try:
        client = business_central_client(connection, patience=INTERACTIVE)
        theirs, offers = theirs_of(client, connection), write_in_offers(client, connection)
    except HubError as error:
        return {"read": True, "unreadable": str(error)}
    return {"read": True, "theirs": theirs, "in_force": in_force(connection, theirs), "offers": offers}
