"""What somebody types for the record that Set Up Coupling is about to create; kept until the creation is queued.

What was typed comes with the request, or from the session after a refusal, so that nothing has to be typed twice.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorDict

from config.web.request import PageRequest
from coupling.definitions import ValueKind
from coupling.services.new_values import NewValue, ValuesError, checked

PREFIX = "new-"
"""Begins the names of the form's fields; the rest is the property's name."""
REASON, ANYWAY = "reason", "anyway"
_TYPED = "new-records"
_MOST_KEPT = 5
_ONE_LINE = 500


class NewValuesForm(forms.Form):
    """One field per value that is missing. Whether a value fits is the service's to say."""

    def __init__(self, wanted: list[NewValue], values: Mapping[str, str], *, judge: bool) -> None:
        super().__init__({f"{PREFIX}{name}": text for name, text in values.items()})
        for value in wanted:
            self.fields[f"{PREFIX}{value.name}"] = _field(value)
        self.judged, self.wanted, self.values = judge, wanted, values

    def full_clean(self) -> None:
        self._errors, self.cleaned_data = ErrorDict(), {}
        if not self.judged:
            return
        try:
            checked(self.wanted, {value.name: self.values.get(value.name, "") for value in self.wanted}, complete=True)
        except ValuesError as error:
            for name, problem in error.problems.items():
                self.add_error(f"{PREFIX}{name}", problem)


def _field(value: NewValue) -> forms.Field:
    attrs = {"data-typed": ""}
    if value.choices or value.kind is ValueKind.BOOLEAN:
        choices: list[tuple[Any, str]] = [*value.choices] or [("true", "Yes"), ("false", "No")]
        return forms.ChoiceField(
            label=value.label, choices=[("", "Choose"), *choices], widget=forms.Select(attrs=attrs)
        )
    if value.kind is ValueKind.LOOKUP:
        help_text = "Its name, its id, or its address in Sales."
        return forms.CharField(label=value.label, help_text=help_text, widget=forms.TextInput(attrs=attrs))
    types = {ValueKind.DATE: "date", ValueKind.DATETIME: "datetime-local"}
    modes = {ValueKind.INTEGER: "numeric", ValueKind.DECIMAL: "decimal"}
    if mode := modes.get(value.kind):
        attrs["inputmode"] = mode
    if value.kind is ValueKind.TEXT and (value.length or 0) > _ONE_LINE:
        return forms.CharField(label=value.label, widget=forms.Textarea(attrs={**attrs, "rows": "3"}))
    widget = forms.TextInput(attrs={**attrs, "type": types.get(value.kind, "text")})
    return forms.CharField(label=value.label, widget=widget)


class TypedRecord:
    """`place` names the record whose partner is created."""

    def __init__(self, request: PageRequest, place: str) -> None:
        self.session, self.place = request.session, place
        given = request.POST if request.method == "POST" else request.GET
        self.kept: dict[str, str] = self.session.get(_TYPED, {}).get(place, {})
        sent = {name: given.get(name, "") for name in given if name.startswith(PREFIX) or name == REASON}
        if request.method == "POST":
            # A box that is not ticked is not sent.
            sent[ANYWAY] = given.get(ANYWAY, "")
        self.fields = {**self.kept, **sent}

    @property
    def values(self) -> Mapping[str, str]:
        return {name.removeprefix(PREFIX): text for name, text in self.fields.items() if name.startswith(PREFIX)}

    @property
    def reason(self) -> str:
        return self.fields.get(REASON, "").strip()

    @property
    def anyway(self) -> bool:
        """Created although there are look-alikes."""
        return self.fields.get(ANYWAY) == "1"

    def keep(self) -> None:
        """For the page that follows a refusal."""
        others = {place: kept for place, kept in self.session.get(_TYPED, {}).items() if place != self.place}
        recent = dict(list(others.items())[-_MOST_KEPT + 1 :])
        self.session[_TYPED] = {**recent, self.place: self.fields}

    def forget(self) -> None:
        self.session[_TYPED] = {
            place: kept for place, kept in self.session.get(_TYPED, {}).items() if place != self.place
        }

    def form(self, wanted: list[NewValue]) -> NewValuesForm:
        """Fields for the values, with what is wrong once they were refused."""
        return NewValuesForm(wanted, self.values, judge=bool(self.kept))
