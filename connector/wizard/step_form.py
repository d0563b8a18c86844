"""What the forms of assisted setup's steps share.

A form is filled from the draft's answers as they were typed, from the connection where the draft has none. Settings
that an enabled connection holds on to are shown and locked. Forms check shapes; whether the values work is what the
steps' checks say.
"""

from collections.abc import Mapping
from typing import Any

from django import forms

from connector.models import Connection, SetupDraft
from connector.services.setup import WHILE_DISABLED


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
