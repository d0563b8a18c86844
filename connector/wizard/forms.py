"""The forms of assisted setup's steps. They check shapes; whether the values work is what the steps' checks say.

A form is filled from the draft's answers as they were typed, from the connection where the draft has none. Settings
that an enabled connection holds on to are shown and locked.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django import forms

from connector.choices import CredentialKind, OwnershipModel, SalesOrderIntegration, WriteInProductType
from connector.errors import SettingsError
from connector.models import DEFAULT_AUTHORITY_URL, DEFAULT_BUSINESS_CENTRAL_URL, Connection, SetupDraft
from connector.services.addresses import origin
from connector.services.setup import WHILE_DISABLED

_PLAIN = {"spellcheck": "false", "autocomplete": "off", "autocapitalize": "off"}
_DOMAIN = re.compile(r"(?=.{4,100}\Z)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}", re.IGNORECASE)
WORLDWIDE, OTHER = "worldwide", "other"


class StepForm(forms.Form):
    """Base. `advanced` names fields that only the advanced view shows; `secrets` are kept apart from the answers."""

    advanced: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: Any = None, *, draft: SetupDraft, connection: Connection
    ) -> None:
        self.draft, self.connection = draft, connection
        super().__init__(data, files, auto_id="setup_%s", initial=self.first_values())
        for name, field in self.fields.items():
            field.disabled = connection.enabled and (name in WHILE_DISABLED or name == "company")

    def first_values(self) -> dict[str, Any]:
        """The connection's values, for a step that nobody has answered yet."""
        return {name: getattr(self.connection, name) for name in self.base_fields if getattr(self.connection, name, "")}

    def settings(self) -> dict[str, Any]:
        """The connection's settings that a valid form means, by model field."""
        return {name: value for name, value in self.cleaned_data.items() if hasattr(Connection, name)}


class WelcomeForm(StepForm):
    consent = forms.BooleanField(
        label="I am allowed to let this hub move data between the two systems",
        error_messages={"required": "Nothing is set up without this consent."},
    )

    def first_values(self) -> dict[str, Any]:
        return {"consent": self.connection.setup_completed_at is not None}


class IdentityForm(StepForm):
    """The app registration. Secret and key go into the draft's encrypted columns and never come back."""

    advanced = ("cloud", "authority_url")
    secrets = ("client_secret", "certificate_file", "certificate_password")

    tenant_id = forms.CharField(
        label="Directory (tenant) ID",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="The GUID on the app registration's overview, or a verified domain such as contoso.com.",
    )
    client_id = forms.CharField(
        label="Application (client) ID",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="The other GUID on that page; not the Object ID.",
    )
    credential_kind = forms.ChoiceField(
        label="The hub proves itself with",
        choices=[("secret", "a client secret"), ("certificate", "a certificate (recommended for production)")],
        widget=forms.RadioSelect,
        initial="secret",
    )
    client_secret = forms.CharField(
        label="Client secret",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    certificate_file = forms.FileField(
        label="Certificate with its private key",
        required=False,
        help_text="A PFX file, or a PEM file with both parts. Or let the hub make a key pair, below.",
    )
    certificate_password = forms.CharField(
        label="Pass phrase of the file",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    valid_until = forms.DateField(
        label="Secret is valid until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The column Expires beside the secret. The hub reminds you 30, 14 and 3 days before.",
    )
    cloud = forms.ChoiceField(
        label="Cloud",
        choices=[(WORLDWIDE, "Worldwide"), (OTHER, "Another one, or a sandbox: the addresses below")],
        required=False,
    )
    authority_url = forms.CharField(
        label="Identity service",
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=f"For the worldwide cloud {DEFAULT_AUTHORITY_URL}.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.draft.secret:
            self.fields["client_secret"].widget.attrs["placeholder"] = "••••••••••••"
            self.fields["client_secret"].help_text = "A secret is stored. Leave empty to keep it."
        else:
            self.fields[
                "client_secret"
            ].help_text = "The secret's Value, which the portal shows once; not its Secret ID. Stored encrypted."
        if self.draft.certificate:
            self.fields["certificate_file"].help_text = "A certificate is stored. Choose a file to replace it."

    def first_values(self) -> dict[str, Any]:
        credential = getattr(self.connection, "credential", None)
        other = self.connection.authority_url.rstrip("/") != DEFAULT_AUTHORITY_URL
        return {
            **super().first_values(),
            "credential_kind": credential.kind if credential else CredentialKind.SECRET,
            "valid_until": credential.valid_until if credential else None,
            "cloud": OTHER if other else WORLDWIDE,
        }

    def clean_tenant_id(self) -> str:
        value = str(self.cleaned_data["tenant_id"]).strip()
        if value and not (_is_guid(value) or _DOMAIN.fullmatch(value)):
            raise forms.ValidationError("Enter a GUID or a domain, for example contoso.onmicrosoft.com.")
        return value

    def clean_client_id(self) -> str:
        value = str(self.cleaned_data["client_id"]).strip()
        if value and not _is_guid(value):
            raise forms.ValidationError("A client id is a GUID, for example 2f6c0d1e-1111-4222-8333-444455556666.")
        return value.lower()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("cloud") == OTHER or self.fields["authority_url"].disabled:
            values["authority_url"] = _address(self, "authority_url", values.get("authority_url", ""))
        else:
            values["authority_url"] = DEFAULT_AUTHORITY_URL
        certificate = values.get("credential_kind") == CredentialKind.CERTIFICATE
        missing = [
            label
            for label, there in (
                ("the tenant ID", values.get("tenant_id") or "tenant_id" in self.errors),
                ("the client ID", values.get("client_id") or "client_id" in self.errors),
                ("the certificate", self.draft.private_key or not certificate),
                ("the client secret", self.draft.secret or certificate),
            )
            if not there
        ]
        if missing:
            raise forms.ValidationError(f"Enter {' and '.join(missing)}.", code="missing")
        return values

    def settings(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("tenant_id", "client_id", "authority_url")}


class SalesForm(StepForm):
    """The environment URL. A path that was pasted along is cut, after it was said."""

    sales_url = forms.CharField(
        label="Environment URL",
        required=False,
        widget=forms.TextInput(
            attrs={**_PLAIN, "placeholder": "https://contoso.crm4.dynamics.com", "inputmode": "url"}
        ),
        help_text="Power Platform admin center > Environments > the environment > Environment URL.",
    )
    use_address = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        typed = str(values.get("sales_url") or "").strip()
        if not typed:
            self.add_error("sales_url", "Enter the environment's URL.")
            return values
        address = _address(self, "sales_url", typed)
        if address and _says_more(typed, address) and values.get("use_address") != address:
            self.shortened = address
            self.add_error("sales_url", f"We will use {address} instead of {typed}. Is that right?")
        values["sales_url"] = address
        return values

    shortened = ""

    def settings(self) -> dict[str, Any]:
        return {"sales_url": self.cleaned_data["sales_url"]}


class BusinessCentralForm(StepForm):
    """Environment, then the company from the list that the environment gives."""

    advanced = ("business_central_url",)

    business_central_environment = forms.CharField(
        label="Environment",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="Business Central admin center > Environments lists the names.",
    )
    company = forms.ChoiceField(label="Company", required=False)
    business_central_url = forms.CharField(
        label="Business Central service",
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=f"For the worldwide cloud {DEFAULT_BUSINESS_CENTRAL_URL}.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.companies()
        company = self.fields["company"]
        company.choices = [("", "Choose a company" if known else "Press Find companies first"), *known.items()]  # type: ignore[attr-defined]
        # A company that was chosen before the list was read again stays a choice, so that nothing typed gets lost.
        typed = str((self.data or {}).get("company") or "")
        if typed and typed not in known:
            company.choices.append((typed, f"{typed} (not in the list)"))  # type: ignore[attr-defined]

    def companies(self) -> dict[str, str]:
        """Id to caption of the companies that were found, the connection's own among them."""
        found = {row["id"]: f"{row['name']}  ({row['id']})" for row in self.draft.found.get("companies", [])}
        own = self.connection.company_id
        if own is not None and str(own) not in found:
            found[str(own)] = f"{self.connection.company_name}  ({own})"
        return found

    def first_values(self) -> dict[str, Any]:
        own = self.connection.company_id
        return {
            **super().first_values(),
            "business_central_environment": self.connection.business_central_environment or "production",
            "company": str(own) if own else "",
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        environment = str(values.get("business_central_environment") or "").strip()
        if not environment:
            self.add_error("business_central_environment", "Enter the environment's name, for example production.")
        elif not re.fullmatch(r"[A-Za-z0-9_.-]+", environment):
            self.add_error("business_central_environment", "An environment's name has no blanks and no slashes.")
        values["business_central_environment"] = environment
        url = values.get("business_central_url") or DEFAULT_BUSINESS_CENTRAL_URL
        values["business_central_url"] = _address(self, "business_central_url", url)
        return values

    def require_company(self) -> None:
        if not self.cleaned_data.get("company") and "company" not in self.errors:
            self.add_error("company", "Choose the company; Find companies reads the list.")

    def settings(self) -> dict[str, Any]:
        names = {row["id"]: row["name"] for row in self.draft.found.get("companies", [])}
        company = self.cleaned_data.get("company") or ""
        known = _is_guid(company)
        return {
            "business_central_environment": self.cleaned_data["business_central_environment"],
            "business_central_url": self.cleaned_data["business_central_url"],
            "company_id": UUID(company) if known else None,
            "company_name": names.get(company, self.connection.company_name if known else ""),
        }


class CompatibilityForm(StepForm):
    """Nothing to enter: the checks compare both systems."""


class SubjectsForm(StepForm):
    """The switches that decide which mappings there are; `connector.wizard.choices` reads the mappings themselves."""

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

    def first_values(self) -> dict[str, Any]:
        return {name: getattr(self.connection, name) for name in self.base_fields}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        legacy = values.get("sales_order_integration") == SalesOrderIntegration.LEGACY
        if values.get("automatically_create_sales_orders") and not legacy:
            self.add_error(
                "automatically_create_sales_orders",
                "Orders are created automatically only where submitted orders become Business Central orders.",
            )
        return values


class OwnershipForm(StepForm):
    """Who owns new rows in Sales. In the Person model every user gets a line with the salespeople to choose from."""

    ownership_model = forms.ChoiceField(
        label="Owner of new rows in Sales",
        choices=[
            (OwnershipModel.TEAM, "A team of the company (recommended)"),
            (OwnershipModel.PERSON, "The salesperson of the record, as a Sales user"),
        ],
        widget=forms.RadioSelect,
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: Any = None, *, draft: SetupDraft, connection: Connection
    ) -> None:
        people = draft.found.get("people", {})
        by_email = {row["email"].casefold(): row["id"] for row in people.get("salespeople", []) if row["email"]}
        suggested = {f"user-{row['id']}": by_email.get(row["email"].casefold(), "") for row in people.get("users", [])}
        # Users that were read after the answer was given come with the salesperson of the same address.
        super().__init__({**suggested, **data} if data is not None else None, files, draft=draft, connection=connection)
        salespeople = [(row["id"], f"{row['name']} {row['email']}".strip()) for row in people.get("salespeople", [])]
        for row in people.get("users", []):
            name = f"user-{row['id']}"
            self.fields[name] = forms.ChoiceField(
                label=f"{row['name']} {row['email']}".strip(),
                required=False,
                choices=[("", "None: a salesperson is made later"), *salespeople],
                initial=suggested[name],
            )

    def pairs(self) -> dict[str, str]:
        """User to salesperson, as chosen."""
        found = {
            name.removeprefix("user-"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("user-") and value
        }
        return found if self.cleaned_data.get("ownership_model") == OwnershipModel.PERSON else {}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        chosen = [value for name, value in values.items() if name.startswith("user-") and value]
        for value in {each for each in chosen if chosen.count(each) > 1}:
            names = [name for name, other in values.items() if name.startswith("user-") and other == value]
            for name in names[1:]:
                self.add_error(name, "This salesperson is chosen for another user already.")
        return values

    def settings(self) -> dict[str, Any]:
        return {"ownership_model": self.cleaned_data["ownership_model"]}


class FirstForm(StepForm):
    start = forms.ChoiceField(
        label="After Finish",
        choices=[
            ("plan", "Plan the first synchronisation now and let me start it"),
            ("none", "Finish without synchronising"),
        ],
        widget=forms.RadioSelect,
        initial="plan",
    )


class SummaryForm(StepForm):
    """Nothing to enter; the page lists what Finish will do."""


def _address(form: forms.Form, name: str, text: str) -> str:
    try:
        return origin(text, setting=name)
    except SettingsError as error:
        form.add_error(name, str(error))
        return ""


def _says_more(typed: str, address: str) -> bool:
    """Whether something that was typed is not in the address; scheme, capitals and a final slash are not much."""
    text = typed if "://" in typed else f"https://{typed}"
    parts = urlsplit(text)
    return bool(parts.path.strip("/") or parts.query or parts.fragment) or (
        f"{parts.scheme}://{parts.netloc}".casefold() != address.casefold()
    )


def _is_guid(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text, re.IGNORECASE))
