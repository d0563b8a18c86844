"""The fields of a connection's settings, once for both places that ask for them: Connection Setup and Assisted Setup.

They check shapes. Whether values work is what the checks say; what a change means is the service's business.
"""

import re
from typing import Any

from django import forms

from connector.choices import OwnershipModel, SalesOrderIntegration, WriteInProductType
from connector.errors import SettingsError
from connector.models import DEFAULT_AUTHORITY_URL, DEFAULT_BUSINESS_CENTRAL_URL
from connector.services.addresses import origin

PLAIN = {"spellcheck": "false", "autocomplete": "off", "autocapitalize": "off"}
MASK = "••••••••••••"
_DOMAIN = re.compile(r"(?=.{4,100}\Z)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class IdentityFields(forms.Form):
    """The app registration and where it signs in."""

    tenant_id = forms.CharField(
        label="Directory (tenant) ID",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=PLAIN),
        help_text="The GUID on the app registration's overview, or a verified domain such as contoso.com.",
    )
    client_id = forms.CharField(
        label="Application (client) ID",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=PLAIN),
        help_text="The other GUID on that page; not the Object ID.",
    )
    client_secret = forms.CharField(
        label="Client secret",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="The secret's Value, which the portal shows once; not its Secret ID. Stored encrypted.",
    )
    valid_until = forms.DateField(
        label="Secret is valid until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The column Expires beside the secret. The hub reminds you 30, 14 and 3 days before.",
    )
    authority_url = forms.CharField(
        label="Identity service",
        required=False,
        widget=forms.TextInput(attrs=PLAIN),
        help_text=f"For the worldwide cloud {DEFAULT_AUTHORITY_URL}.",
    )

    def clean_tenant_id(self) -> str:
        value = str(self.cleaned_data["tenant_id"]).strip()
        if value and not (is_guid(value) or _DOMAIN.fullmatch(value)):
            raise forms.ValidationError("Enter a GUID or a domain, for example contoso.onmicrosoft.com.")
        return value

    def clean_client_id(self) -> str:
        value = str(self.cleaned_data["client_id"]).strip()
        if value and not is_guid(value):
            raise forms.ValidationError("A client id is a GUID, for example 2f6c0d1e-1111-4222-8333-444455556666.")
        return value.lower()

    def says_a_secret_is_stored(self, words: str) -> None:
        """The mask of a stored secret; left empty it stays."""
        self.fields["client_secret"].widget.attrs["placeholder"] = MASK
        self.fields["client_secret"].help_text = f"{words} Leave empty to keep it."


class SalesFields(forms.Form):
    """Where Sales is."""

    sales_url = forms.CharField(
        label="Sales environment URL",
        required=False,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "https://contoso.crm4.dynamics.com", "inputmode": "url"}),
        help_text="Power Platform admin center > Environments > the environment > Environment URL.",
    )
    over_privileged_reason = forms.CharField(
        label="Why may the application user stay System Administrator?",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="For a sandbox only; in production take the role away. What you write is kept in the log of changes.",
    )


class BusinessCentralFields(forms.Form):
    """Where Business Central is; how the company is chosen differs between the two places."""

    business_central_environment = forms.CharField(
        label="Business Central environment",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "production"}),
        help_text="Business Central admin center > Environments lists the names.",
    )
    business_central_url = forms.CharField(
        label="Business Central service",
        required=False,
        widget=forms.TextInput(attrs=PLAIN),
        help_text=f"For the worldwide cloud {DEFAULT_BUSINESS_CENTRAL_URL}.",
    )

    def clean_business_central_environment(self) -> str:
        value = str(self.cleaned_data["business_central_environment"]).strip()
        if value and not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
            raise forms.ValidationError("An environment's name has no blanks and no slashes.")
        return value


class MappingSwitches(forms.Form):
    """The switches that decide which mappings and jobs there are."""

    sales_order_integration = forms.ChoiceField(label="Sales orders", choices=SalesOrderIntegration.choices)
    automatically_create_sales_orders = forms.BooleanField(
        label="Create Business Central orders automatically",
        required=False,
        help_text="Only where submitted orders become Business Central orders.",
    )
    automatically_process_quotes = forms.BooleanField(
        label="Process activated and won quotes automatically", required=False
    )
    synchronize_item_availability = forms.BooleanField(label="Show item availability on products", required=False)
    unit_group_mapping = forms.BooleanField(
        label="Couple unit groups", required=False, help_text="Off: each unit of measure becomes a unit group."
    )
    extended_pricing = forms.BooleanField(
        label="Use price lists", required=False, help_text="Off: customer price groups and classic sales prices."
    )
    write_in_product_type = forms.ChoiceField(label="Write-in products are", choices=WriteInProductType.choices)
    write_in_product_no = forms.CharField(
        label="Write-in product number",
        required=False,
        max_length=20,
        help_text="An item of type service or non-inventory, or a resource. Empty: Business Central's own setup; "
        "without either, orders with write-in lines are refused.",
    )


class OwnershipFields(forms.Form):
    """Who owns what the hub makes in Sales."""

    ownership_model = forms.ChoiceField(
        label="Owner of new rows in Sales",
        choices=[
            (OwnershipModel.TEAM, "A team of the company (recommended)"),
            (OwnershipModel.PERSON, "The salesperson of the record, as a Sales user"),
        ],
        widget=forms.RadioSelect,
    )


def address_in(form: forms.Form, name: str, text: str) -> str:
    """The address that was typed, brought into its form; empty, with the error on the field, where it is none."""
    try:
        return origin(text, setting=name)
    except SettingsError as error:
        form.add_error(name, str(error))
        return ""


def is_guid(text: Any) -> bool:
    return bool(_GUID.fullmatch(str(text)))
