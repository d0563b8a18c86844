"""The forms of the steps that say who the hub is and where the two systems are."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django import forms

from connector.choices import CredentialKind
from connector.models import DEFAULT_AUTHORITY_URL, DEFAULT_BUSINESS_CENTRAL_URL
from connector.setting_fields import BusinessCentralFields, IdentityFields, SalesFields, address_in, is_guid
from connector.wizard.step_form import StepForm

WORLDWIDE, OTHER = "worldwide", "other"


class IdentityForm(StepForm, IdentityFields):
    """The app registration. Secret and key go into the draft's encrypted columns and never come back."""

    advanced = ("cloud", "authority_url")
    secrets = ("client_secret", "certificate_file", "certificate_password")
    field_order = (
        "tenant_id",
        "client_id",
        "credential_kind",
        "client_secret",
        "valid_until",
        "certificate_file",
        "certificate_password",
        "cloud",
        "authority_url",
    )

    credential_kind = forms.ChoiceField(
        label="The hub proves itself with",
        choices=[("secret", "a client secret"), ("certificate", "a certificate (recommended for production)")],
        widget=forms.RadioSelect,
        initial="secret",
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
    cloud = forms.ChoiceField(
        label="Cloud",
        choices=[(WORLDWIDE, "Worldwide"), (OTHER, "Another one, or a sandbox: the addresses below")],
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.draft.secret:
            self.says_a_secret_is_stored("A secret is stored.")
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

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("cloud") == OTHER or self.fields["authority_url"].disabled:
            values["authority_url"] = address_in(self, "authority_url", values.get("authority_url", ""))
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


class SalesForm(StepForm, SalesFields):
    """The environment URL. A path that was pasted along is cut, after it was said."""

    use_address = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        typed = str(values.get("sales_url") or "").strip()
        if not typed:
            self.add_error("sales_url", "Enter the environment's URL.")
            return values
        address = address_in(self, "sales_url", typed)
        if address and _says_more(typed, address) and values.get("use_address") != address:
            self.shortened = address
            self.add_error("sales_url", f"We will use {address} instead of {typed}. Is that right?")
        values["sales_url"] = address
        return values

    shortened = ""

    def settings(self) -> dict[str, Any]:
        reason = {"over_privileged_reason": self.cleaned_data["over_privileged_reason"]}
        return {"sales_url": self.cleaned_data["sales_url"], **reason}


class BusinessCentralForm(StepForm, BusinessCentralFields):
    """Environment, then the company from the list that the environment gives."""

    advanced = ("business_central_url",)
    field_order = ("business_central_environment", "company", "business_central_url")

    company = forms.ChoiceField(label="Company", required=False)

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
        if not values.get("business_central_environment") and "business_central_environment" not in self.errors:
            self.add_error("business_central_environment", "Enter the environment's name, for example production.")
            values["business_central_environment"] = ""
        url = values.get("business_central_url") or DEFAULT_BUSINESS_CENTRAL_URL
        values["business_central_url"] = address_in(self, "business_central_url", url)
        return values

    def require_company(self) -> None:
        if not self.cleaned_data.get("company") and "company" not in self.errors:
            self.add_error("company", "Choose the company; Find companies reads the list.")

    def settings(self) -> dict[str, Any]:
        names = {row["id"]: row["name"] for row in self.draft.found.get("companies", [])}
        company = self.cleaned_data.get("company") or ""
        known = is_guid(company)
        return {
            "business_central_environment": self.cleaned_data["business_central_environment"],
            "business_central_url": self.cleaned_data["business_central_url"],
            "company_id": UUID(company) if known else None,
            "company_name": names.get(company, self.connection.company_name if known else ""),
        }


def _says_more(typed: str, address: str) -> bool:
    """Whether something that was typed is not in the address; scheme, capitals and a final slash are not much."""
    text = typed if "://" in typed else f"https://{typed}"
    parts = urlsplit(text)
    return bool(parts.path.strip("/") or parts.query or parts.fragment) or (
        f"{parts.scheme}://{parts.netloc}".casefold() != address.casefold()
    )
