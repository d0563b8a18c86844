"""Schedules: when each mapping runs by itself, with run now, pause and, for administrators, the intervals."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from config.roles import Capability
from config.web.lists import BulkAction, ListView
from config.web.request import PageRequest
from connector.errors import HubError
from connector.services.setup import update_connection
from coupling.views.base import says_errors
from syncjobs.filtersets import ScheduleFilterSet
from syncjobs.models import Schedule
from syncjobs.services.schedules import change_schedule, pause, run_now
from syncjobs.tables import ScheduleTable
from syncjobs.windows import WEEKDAYS


class ScheduleList(ListView):
    title = "Schedules"
    lead = "When every mapping runs by itself."
    icon = "calendar-time"
    list_name = "schedules"
    table_class = ScheduleTable
    filterset_class = ScheduleFilterSet
    template_name = "syncjobs/schedule_list.html"
    actions = (
        BulkAction("run", "Run now", "player-play", Capability.OPERATE),
        BulkAction("pause", "Pause", "player-pause", Capability.OPERATE),
        BulkAction("resume", "Resume", "player-track-next", Capability.OPERATE),
    )

    def get_queryset(self) -> QuerySet[Schedule]:
        return schedules_of(self.request)

    def get_context(self) -> dict[str, Any]:
        return {"time_zones": sorted(available_timezones())}

    def run_action(self, action: BulkAction, records: QuerySet[Schedule]) -> str:
        done, problems = 0, ""
        for schedule in records:
            try:
                if action.name == "run":
                    run_now(schedule=schedule, user=self.request.user)
                else:
                    pause(schedule=schedule, enabled=action.name == "resume")
                done += 1
            except HubError as error:
                problems = f" {error}"
        words = {"run": "started", "pause": "paused", "resume": "resumed"}[action.name]
        return f"{done} schedule{'' if done == 1 else 's'} {words}.{problems}"


def schedules_of(request: PageRequest) -> QuerySet[Schedule]:
    return Schedule.objects.filter(connection=request.connection).select_related("mapping", "connection", "job")


@require_POST
@says_errors
def schedule_action(request: PageRequest, connection: str, name: str) -> HttpResponse:
    """Runs a schedule now, pauses or resumes it, as the button pressed says."""
    schedule = get_object_or_404(schedules_of(request), name=name)
    action = request.POST.get("action")
    if action == "run":
        return redirect(run_now(schedule=schedule, user=request.user))
    pause(schedule=schedule, enabled=action == "resume")
    messages.success(request, f"{schedule} {'runs by itself again' if action == 'resume' else 'is paused'}.")
    return redirect(reverse("schedule-list", kwargs={"connection": connection}))


@require_POST
def schedule_pause_all(request: PageRequest, connection: str) -> HttpResponse:
    """All schedules at once, each keeping what was set for it: nothing of the connection starts by itself."""
    automatic = request.POST.get("action") == "resume"
    update_connection(connection=request.connection, changes={"automatic_jobs": automatic}, user=request.user)
    words = "Schedules run by themselves again." if automatic else "Nothing starts by itself until you resume."
    messages.success(request, words)
    return redirect(reverse("schedule-list", kwargs={"connection": connection}))


@require_POST
@says_errors
def schedule_time_zone(request: PageRequest, connection: str) -> HttpResponse:
    """The time zone that days and hours of all schedules of the connection are meant in."""
    name = request.POST.get("time_zone", "").strip()
    update_connection(connection=request.connection, changes={"time_zone": name}, user=request.user)
    messages.success(request, f"Days and hours of schedules are those of {name}.")
    return redirect(reverse("schedule-list", kwargs={"connection": connection}))


class ScheduleForm(forms.ModelForm):
    class Meta:
        model = Schedule
        fields = ("interval_minutes", "inactivity_timeout_minutes", "weekdays", "from_time", "until_time",
                  "reacts_at_once")  # fmt: skip
        labels = {
            "interval_minutes": "Minutes between two runs",
            "inactivity_timeout_minutes": "Minutes to rest after a run without changes",
            "from_time": "From",
            "until_time": "Until",
            "reacts_at_once": "React to changes at once",
        }
        widgets = {
            "from_time": forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
            "until_time": forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        }
        help_texts = {
            "inactivity_timeout_minutes": "A change ends the rest where it reacts at once. 0: no longer pause.",
            "from_time": "It runs by itself from this time of the day on. Blank: from midnight on.",
            "until_time": "Until this time; an earlier one than From reaches into the next day. Blank: until midnight.",
            "reacts_at_once": "A change in either system starts a run within about a minute. Off: changes wait for the "
            "schedule.",
        }

    interval_minutes = forms.IntegerField(min_value=1, max_value=10080, label=Meta.labels["interval_minutes"])
    weekdays = forms.TypedMultipleChoiceField(
        choices=list(enumerate(WEEKDAYS)),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Days",
        help_text="On which it runs by itself. None ticked: every day.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.mapping_id is None:
            del self.fields["reacts_at_once"]
        self.fields["from_time"].help_text += f" Times are those of {self.instance.connection.time_zone}."


@require_http_methods(["GET", "HEAD", "POST"])
def schedule_edit(request: PageRequest, connection: str, name: str) -> HttpResponse:
    schedule = get_object_or_404(schedules_of(request), name=name)
    form = ScheduleForm(request.POST or None, instance=schedule)
    back = reverse("schedule-list", kwargs={"connection": connection})
    if request.method == "POST" and form.is_valid():
        schedule.refresh_from_db()
        change_schedule(schedule=schedule, user=request.user, changes=form.cleaned_data)
        messages.success(request, f"{schedule} is saved.")
        return redirect(back)
    context = {"title": schedule.name, "form": form, "crumbs": [("Schedules", back)], "back": back}
    return render(request, "syncjobs/schedule_edit.html", context, status=422 if form.errors else 200)
