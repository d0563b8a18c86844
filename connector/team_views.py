"""The team that owns the rows which the hub makes in Sales: chosen from those that Sales has, read on request."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from config.web.request import PageRequest
from connector.clients import INTERACTIVE, sales_client
from connector.errors import HubError
from connector.services import setup
from connector.services.teams import USUAL_TEAM, owner_teams


class TeamForm(forms.Form):
    team = forms.ChoiceField(label="Owning team", required=False, widget=forms.RadioSelect)

    def __init__(self, *args: Any, teams: list[tuple[UUID, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", USUAL_TEAM), *((str(key), name) for key, name in teams)]
        self.fields["team"].choices = choices  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
def connection_team(request: PageRequest, connection: str) -> HttpResponse:
    """POST reads the teams; with `action` save it stores the one that was chosen among them."""
    form, problem = None, ""
    chosen = request.connection.chosen_team_id
    if request.method == "POST":
        try:
            teams = owner_teams(sales_client(request.connection, patience=INTERACTIVE))
            saves = request.POST.get("action") == "save"
            form = TeamForm(request.POST if saves else None, teams=teams, initial={"team": str(chosen or "")})
            if saves and form.is_valid():
                name = dict(form.fields["team"].choices)[form.cleaned_data["team"]]  # type: ignore[attr-defined]
                return _save(request, form.cleaned_data["team"], name)
        except HubError as error:
            problem = f"{error} {error.hint}".strip()
    context = {
        "title": "Owning team",
        "form": form,
        "problem": problem,
        "usual": USUAL_TEAM,
        "crumbs": [("Connection Setup", request.connection.get_absolute_url())],
    }
    return render(request, "connector/team.html", context, status=422 if problem or (form and form.errors) else 200)


def _save(request: PageRequest, team: str, name: str) -> HttpResponse:
    """Raises SettingsError while the connection is enabled."""
    changes = {"chosen_team_id": UUID(team) if team else None, "chosen_team_name": name if team else ""}
    setup.update_connection(connection=request.connection, changes=changes, user=request.user)
    messages.success(request, "The owning team is saved. Rows that are there already keep their owner.")
    return redirect(request.connection)
