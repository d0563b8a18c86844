"""Forms of Connection Setup. They check shapes; what the settings mean is the service's business."""

from typing import Any

from django import forms

from config.web import edits
from connector.choices import CredentialKind, OwnershipModel, SalesOrderIntegration, WriteInProductType
from connector.errors import SettingsError
from connector.models import DEFAULT_AUTHORITY_URL, DEFAULT_BUSINESS_CENTRAL_URL, Connection
from connector.services.setup import WHILE_DISABLED

_NEVER_SHOWN = ("client_secret",)
_NO_SPELLING = {"spellcheck": "false", "autocomplete": "off"}


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


class AddressesForm(SettingsForm):
    """Where both systems are and how the hub signs in."""

    tenant_id = forms.CharField(
        label="Tenant",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=_NO_SPELLING),
        help_text="Directory (tenant) ID of the app registration, or a verified domain.",
    )
    client_id = forms.CharField(
        label="Client ID",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=_NO_SPELLING),
        help_text="Application (client) ID of the app registration.",
    )
    client_secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    sales_url = forms.CharField(
        label="Sales environment URL",
        required=False,
        widget=forms.TextInput(attrs={**_NO_SPELLING, "placeholder": "https://contoso.crm4.dynamics.com"}),
    )
    business_central_environment = forms.CharField(
        label="Business Central environment",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={**_NO_SPELLING, "placeholder": "production"}),
    )
    company = forms.CharField(
        label="Company",
        required=False,
        widget=forms.TextInput(attrs=_NO_SPELLING),
        help_text="Name or id. A name is looked up in Business Central when you save.",
    )
    authority_url = forms.CharField(
        label="Identity service", help_text=f"For the worldwide cloud {DEFAULT_AUTHORITY_URL}.", widget=forms.TextInput
    )
    business_central_url = forms.CharField(
        label="Business Central service",
        help_text=f"For the worldwide cloud {DEFAULT_BUSINESS_CENTRAL_URL}.",
        widget=forms.TextInput,
    )

    def __init__(self, data: Any = None, *, connection: Connection, may_change: bool, auto_id: str) -> None:
        super().__init__(data, connection=connection, may_change=may_change, auto_id=auto_id)
        credential = getattr(connection, "credential", None)
        secret = self.fields["client_secret"]
        if credential is None:
            secret.help_text = "The secret's Value, not its Secret ID. It is stored encrypted and never shown again."
        else:
            kind = CredentialKind(credential.kind).label.lower()
            secret.help_text = f"A {kind} is stored since {credential.updated_at:%d %B %Y}. Leave empty to keep it."

    def values_of(self, connection: Connection) -> dict[str, Any]:
        company = connection.company_name or (str(connection.company_id) if connection.company_id else "")
        return {**super().values_of(connection), "company": company, "client_secret": ""}


class SynchronisationForm(SettingsForm):
    """What is synchronised and how; the switches that decide which mappings exist among them."""

    automatic_jobs = forms.BooleanField(
        label="Synchronise automatically",
        required=False,
        help_text="Off: nothing runs unless somebody starts it.",
    )
    ownership_model = forms.ChoiceField(
        label="Owner of new rows in Sales",
        choices=OwnershipModel.choices,
        help_text="Person: salespeople are coupled with Sales users.",
    )
    unit_group_mapping = forms.BooleanField(
        label="Couple unit groups", required=False, help_text="Off: units of measure become unit groups of their own."
    )
    extended_pricing = forms.BooleanField(
        label="Use price lists", required=False, help_text="Off: customer price groups and classic sales prices."
    )
    sales_order_integration = forms.ChoiceField(label="Sales orders", choices=SalesOrderIntegration.choices)
    automatically_create_sales_orders = forms.BooleanField(
        label="Create Business Central orders automatically", required=False
    )
    automatically_process_quotes = forms.BooleanField(label="Process quotes automatically", required=False)
    synchronize_item_availability = forms.BooleanField(label="Show item availability on products", required=False)
    fulfil_shipped_orders = forms.BooleanField(label="Fulfil orders in Sales once they are shipped", required=False)
    archive_quotes_in_business_central = forms.BooleanField(
        label="Archive replaced quotes in Business Central", required=False
    )
    write_in_product_type = forms.ChoiceField(label="Write-in products are", choices=WriteInProductType.choices)
    write_in_product_no = forms.CharField(
        label="Write-in product number", required=False, max_length=20, help_text="Empty: Business Central's own setup."
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


class NewConnectionForm(forms.Form):
    """Another pair of a company and an organisation."""

    name = forms.CharField(label="Name", max_length=100)
    slug = forms.SlugField(
        label="Short name",
        max_length=50,
        help_text="Part of addresses: letters, digits, hyphens. For example north.",
    )
