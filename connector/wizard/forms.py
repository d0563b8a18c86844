"""The forms of the steps that need no address: consent, what is synchronised, who owns it, how it begins."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms

from connector.choices import OwnershipModel, SalesOrderIntegration
from connector.models import Connection, SetupDraft
from connector.services.teams import USUAL_TEAM
from connector.setting_fields import MappingSwitches, OwnershipFields
from connector.wizard.step_form import StepForm
from connector.wizard.subjects import PeopleChoice

NEW = "new"


class WelcomeForm(StepForm):
    consent = forms.BooleanField(
        label="I am allowed to let this hub move data between the two systems",
        error_messages={"required": "Nothing is set up without this consent."},
    )

    def first_values(self) -> dict[str, Any]:
        return {"consent": self.connection.setup_completed_at is not None}


class CompatibilityForm(StepForm):
    """Nothing to enter: the checks compare both systems."""


class SubjectsForm(StepForm, MappingSwitches):
    """The switches that decide which mappings there are; `connector.wizard.choices` reads the mappings themselves."""

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


class OwnershipForm(StepForm, OwnershipFields):
    """Who owns new rows in Sales. In the Person model every user gets a line with the salespeople to choose from."""

    chosen_team_id = forms.ChoiceField(
        label="Owning team",
        required=False,
        help_text="Reading below fills the list.",
    )
    joins_team = forms.BooleanField(
        label="Add the coupled users to the owning team",
        required=False,
        help_text="On Finish. The default team of a business unit takes no members by hand; its users are in it.",
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: Any = None, *, draft: SetupDraft, connection: Connection
    ) -> None:
        people, teams = draft.found.get("people", {}), draft.found.get("teams", [])
        taken = {row["partner"] for row in people.get("users", []) if row.get("partner")}
        by_email = {
            row["email"].casefold(): row["id"]
            for row in people.get("salespeople", [])
            if row["email"] and row["id"] not in taken
        }
        self.coupled = {row["id"] for row in people.get("users", []) if row.get("partner")}
        self.suggested = {
            f"user-{row['id']}": row.get("partner") or by_email.get(row["email"].casefold(), "")
            for row in people.get("users", [])
        }
        # Users that were read after the answer was given come with the salesperson of the same address.
        bound = {**self.suggested, **data} if data is not None else None
        super().__init__(bound, files, draft=draft, connection=connection)
        choices = [(row["id"], row["name"]) for row in teams]
        own = connection.chosen_team_id
        if own is not None and str(own) not in dict(choices):
            choices.append((str(own), connection.chosen_team_name))
        self.fields["chosen_team_id"].choices = [("", USUAL_TEAM), *choices]  # type: ignore[attr-defined]
        salespeople = [(row["id"], f"{row['name']} {row['email']}".strip()) for row in people.get("salespeople", [])]
        members = people.get("members")
        for row in people.get("users", []):
            name = f"user-{row['id']}"
            self.fields[name] = forms.ChoiceField(
                label=f"{row['name']} {row['email']}".strip(),
                required=False,
                choices=[("", "None yet"), (NEW, "A new one, made on Finish"), *salespeople],
                initial=self.suggested[name],
                help_text="" if members is None else f"{'In' if row['id'] in members else 'Not in'} the owning team.",
            )

    def first_values(self) -> dict[str, Any]:
        return {**super().first_values(), "chosen_team_id": str(self.connection.chosen_team_id or "")}

    def people(self) -> PeopleChoice:
        """What was chosen for the users; nothing in the Team model."""
        if self.cleaned_data.get("ownership_model") != OwnershipModel.PERSON:
            return PeopleChoice({})
        chosen = {
            name.removeprefix("user-"): value for name, value in self.cleaned_data.items() if name.startswith("user-")
        }
        return PeopleChoice(
            {
                UUID(user): UUID(value) if value else None
                for user, value in chosen.items()
                if value != NEW and (value or user in self.coupled)
            },
            [UUID(user) for user, value in chosen.items() if value == NEW],
            self.cleaned_data["joins_team"],
        )

    def filled(self, action: str) -> dict[str, str]:
        """The choices of all users after one of the buttons above the grid."""
        names = list(self.suggested)
        match action:
            case "people-suggest":
                return {name: self[name].value() or self.suggested[name] for name in names}
            case "people-new":
                return {name: self[name].value() or NEW for name in names}
        return dict.fromkeys(names, "")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        chosen = [value for name, value in values.items() if name.startswith("user-") and value not in ("", NEW)]
        for value in {each for each in chosen if chosen.count(each) > 1}:
            names = [name for name, other in values.items() if name.startswith("user-") and other == value]
            for name in names[1:]:
                self.add_error(name, "This salesperson is chosen for another user already.")
        return values

    def settings(self) -> dict[str, Any]:
        team = self.cleaned_data["chosen_team_id"]
        name = dict(self.fields["chosen_team_id"].choices)[team] if team else ""  # type: ignore[attr-defined]
        return {
            "ownership_model": self.cleaned_data["ownership_model"],
            "chosen_team_id": UUID(team) if team else None,
            "chosen_team_name": name,
        }


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
