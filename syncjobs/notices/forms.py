"""Who is told of what."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import EmailValidator

from config.web.banners import DONE
from connector.choices import NoticeKind, Severity
from connector.errors import SettingsError
from connector.services.addresses import origin
from connector.services.encryption import NOTICE, WAY_OUT, can_keep_secrets
from coupling.choices import CouplingState
from coupling.views.base import QUEUED


def _often() -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label="How often",
        coerce=int,
        choices=[(0, "At once"), (60, "At most once an hour"), (1440, "At most once a day")],
        initial=0,
    )


class OwnNoticesForm(forms.Form):
    """What a person wants to be told by e-mail, at the address of the account."""

    wanted = forms.BooleanField(label="Send me notices by e-mail", required=False)
    severity = forms.ChoiceField(label="This grave and graver", choices=Severity.choices, initial=Severity.WARNING)
    every_minutes = _often()

    def __init__(self, data: Any = None, *, email: str, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        self._email = email
        self.fields["wanted"].help_text = f"They go to {email}." if email else "Your account has no e-mail address yet."

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("wanted") and not self._email:
            self.add_error("wanted", "Your account has no e-mail address; an administrator enters it.")
        elif values.get("wanted") and not settings.EMAIL_HOST:
            self.add_error("wanted", "The hub has no mail server: an administrator sets COUPLET_MAIL_URL.")
        return values


class PagesForm(forms.Form):
    """What a person wants pages to say at once; the rest is folded away, or goes without saying."""

    KINDS = (
        (CouplingState.BROKEN.value, "A record of the pair is gone"),
        (CouplingState.SKIPPED.value, "The pair is skipped after repeated failures"),
        (CouplingState.CONFLICT.value, "Both sides changed the same"),
        (CouplingState.FAILING.value, "The last attempt failed"),
        (CouplingState.OUTSIDE_FILTER.value, "A record left the mapping's filter"),
        (QUEUED, "Work was queued"),
        (DONE, "Something was saved or done"),
    )
    shown = forms.MultipleChoiceField(
        label="Say at once", required=False, choices=KINDS, widget=forms.CheckboxSelectMultiple
    )


class TargetForm(forms.Form):
    """An e-mail address or a chat's incoming webhook; the latter is shown to nobody again."""

    kind = forms.ChoiceField(label="Send", choices=NoticeKind.choices)
    address = forms.CharField(
        label="To",
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="An e-mail address, or the address of an incoming webhook (in Teams: Workflows > Post to a channel "
        "when a webhook request is received).",
    )
    severity = forms.ChoiceField(label="This grave and graver", choices=Severity.choices, initial=Severity.WARNING)
    every_minutes = _often()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        address = str(values.get("address") or "").strip()
        if values.get("kind") == NoticeKind.EMAIL:
            if not settings.EMAIL_HOST:
                self.add_error("kind", "The hub has no mail server: set COUPLET_MAIL_URL and start it again.")
            try:
                EmailValidator("Enter an e-mail address, for example operations@contoso.com.")(address)
            except forms.ValidationError as error:
                self.add_error("address", error)
        elif address and not can_keep_secrets():
            self.add_error("address", f"{NOTICE} {WAY_OUT}")
        elif address:
            try:
                origin(address, setting="address")
            except SettingsError as error:
                self.add_error("address", str(error))
            if "://" not in address:
                self.add_error("address", "Enter the whole address, with https://.")
        values["address"] = address
        return values
