"""Forms of Connection Setup: shared fields, and what two people who save at once are told."""

from typing import Any

from django import forms

from config.web import edits
from connector.choices import CredentialKind
from connector.errors import SettingsError
from connector.models import DEFAULT_AUTHORITY_URL, DEFAULT_BUSINESS_CENTRAL_URL, Connection
from connector.services.report import failed_for
from connector.services.sales_checks import OVER_PRIVILEGED
from connector.services.setup import WHILE_DISABLED
from connector.setting_fields import (
    PLAIN,
    BusinessCentralFields,
    IdentityFields,
    MappingSwitches,
    OwnershipFields,
    SalesFields,
)

_NEVER_SHOWN = ("client_secret",)


class SettingsForm(forms.Form):
    """Base: starts with the connection's values, gives the changed ones, takes the service's refusals."""

    def __init__(self, data: Any = None, *, connection: Connection, may_change: bool, auto_id: str) -> None:
        super().__init__(data, auto_id=auto_id, initial=self.values_of(connection))
        for name, field in self.fields.items():
            held = connection.enabled and (name in WHILE_DISABLED or name == "company")
            field.disabled = held or not may_change

    def values_of(self, connection: Connection) -> dict[str, Any]:
        return {name: getattr(connection, name) for name in self.base_fields if hasattr(connection, name)}

    @property
    def seen(self) -> str:
        """What the page shows, for the form to carry."""
        return edits.shown({name: self.initial.get(name) for name in self.fields if name not in _NEVER_SHOWN})

    def changes(self, who: str) -> dict[str, Any]:
        """Changed settings under the service's names; what `who` changed meanwhile becomes an error of its field."""
        typed = {name: self.cleaned_data[name] for name in self.changed_data if name in _NEVER_SHOWN}
        shown = {name: self.cleaned_data[name] for name in self.fields if name not in _NEVER_SHOWN}
        stored = {name: self.initial.get(name) for name in shown}
        changes, clashes = edits.merged(str(self.data.get(edits.SEEN, "")), shown, stored)
        for name in clashes:
            self.add_error(name, edits.clash_words(who, stored[name]))
        return changes | typed

    def take_refusal(self, error: SettingsError) -> None:
        """Shows the sentences at their fields; those of settings that are not here at the top."""
        for name, sentences in (error.fields or {"": [str(error)]}).items():
            self.add_error(name if name in self.fields else None, sentences)


class AddressesForm(SettingsForm, IdentityFields, SalesFields, BusinessCentralFields):
    """Where both systems are and how the hub signs in."""

    company = forms.CharField(
        label="Company",
        required=False,
        widget=forms.TextInput(attrs=PLAIN),
        help_text="Name or id. A name is looked up in Business Central when you save.",
    )

    field_order = (
        "tenant_id",
        "client_id",
        "client_secret",
        "valid_until",
        "sales_url",
        "over_privileged_reason",
        "business_central_environment",
        "company",
        "authority_url",
        "business_central_url",
    )

    def __init__(self, data: Any = None, *, connection: Connection, may_change: bool, auto_id: str) -> None:
        super().__init__(data, connection=connection, may_change=may_change, auto_id=auto_id)
        if not (connection.over_privileged_reason or failed_for(connection, OVER_PRIVILEGED)):
            del self.fields["over_privileged_reason"]
        credential = getattr(connection, "credential", None)
        if credential is not None:
            kind = CredentialKind(credential.kind).label.lower()
            self.says_a_secret_is_stored(f"A {kind} is stored since {credential.updated_at:%-d %B %Y}.")
            # A certificate says itself when it ends.
            if credential.kind == CredentialKind.CERTIFICATE:
                self.fields["valid_until"].disabled = True

    def values_of(self, connection: Connection) -> dict[str, Any]:
        company = connection.company_name or (str(connection.company_id) if connection.company_id else "")
        credential = getattr(connection, "credential", None)
        return {
            **super().values_of(connection),
            "company": company,
            "client_secret": "",
            "valid_until": credential.valid_until if credential else None,
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name, usual in (
            ("authority_url", DEFAULT_AUTHORITY_URL),
            ("business_central_url", DEFAULT_BUSINESS_CENTRAL_URL),
        ):
            values[name] = values.get(name) or usual
        return values


class SynchronisationForm(SettingsForm, OwnershipFields, MappingSwitches):
    """What is synchronised and how; the switches that decide which mappings exist among them."""

    automatic_jobs = forms.BooleanField(
        label="Synchronise automatically",
        required=False,
        help_text="Off: nothing runs unless somebody starts it.",
    )
    fulfil_shipped_orders = forms.BooleanField(label="Fulfil orders in Sales once they are shipped", required=False)
    archive_quotes_in_business_central = forms.BooleanField(
        label="Archive replaced quotes in Business Central", required=False
    )
    freight_account_no = forms.CharField(
        label="Freight account number", required=False, max_length=20, help_text="Empty: Business Central's own setup."
    )
    keep_jobs_days = forms.IntegerField(
        label="Keep jobs and errors for days",
        min_value=1,
        max_value=3650,
        help_text="Older ones are deleted every night, except those that a skipped record refers to.",
    )

    web_client_url = forms.CharField(
        label="Business Central web client",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "url"}),
        help_text="Where links to Business Central lead. Empty: the address shown in the field.",
    )
    open_in_sales_hub = forms.BooleanField(label="Open records in Sales Hub", required=False)

    field_order = (
        "automatic_jobs",
        "ownership_model",
        "unit_group_mapping",
        "extended_pricing",
        "sales_order_integration",
        "automatically_create_sales_orders",
        "automatically_process_quotes",
        "synchronize_item_availability",
        "fulfil_shipped_orders",
        "archive_quotes_in_business_central",
        "write_in_product_type",
        "write_in_product_no",
        "freight_account_no",
        "keep_jobs_days",
        "web_client_url",
        "open_in_sales_hub",
    )

    def __init__(self, data: Any = None, *, connection: Connection, may_change: bool, auto_id: str) -> None:
        super().__init__(data, connection=connection, may_change=may_change, auto_id=auto_id)
        self.fields["web_client_url"].widget.attrs["placeholder"] = connection.derived_web_client_url
        if connection.enabled and connection.sales_hub_app_id is None:
            self.fields[
                "open_in_sales_hub"
            ].help_text = "Sales Hub was not found in Sales, so links open its default app."


class NewConnectionForm(forms.Form):
    """Another pair of a company and an organisation."""

    name = forms.CharField(label="Name", max_length=100)
    slug = forms.SlugField(
        label="Short name",
        max_length=50,
        help_text="Part of addresses: letters, digits, hyphens. For example north.",
    )
