"""What the pages of synchronisation show and do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connector.errors import HubError
from connector.models import AuditEntry
from syncjobs.choices import CopyOrigin
from syncjobs.models import FullSynch, JobLogEntry, Operation, Schedule, SynchJob, WorkerHeartbeat
from syncjobs.services.configuration import apply_configuration, differences, export_configuration
from tests.web.conftest import add_operation, add_pair

HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(hub, people, client):
    client.force_login(people["administrator"])

    def get(address: str, **headers: str) -> str:
        return client.get(f"/c/default/{address}", headers=headers).content.decode()

    return get


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    return client


def test_home_lists_what_needs_somebody_and_every_mapping(administrator, hub):
    answer = administrator.get("/")
    titles = [need.title for need in answer.context["needs"]]
    assert titles == ["1 record in conflict", "1 record failing"]
    tile = next(tile for tile in answer.context["mappings"] if tile.name == "CUSTOMER")
    assert (tile.coupled, tile.troubled, tile.conflicts, tile.last_state) == (2, 1, 1, "partly")


def test_home_needs_the_same_number_of_queries_for_any_number_of_pairs(
    administrator, hub, django_assert_max_num_queries
):
    administrator.get("/")
    for number in ("30000", "40000", "50000"):
        add_pair(hub.customers, number)
    with django_assert_max_num_queries(12):
        administrator.get("/")


def test_home_warns_when_nobody_works(administrator):
    assert "banner" not in administrator.get("/").content.decode()
    WorkerHeartbeat.objects.update(at=timezone.now() - timezone.timedelta(hours=1))
    assert "No worker is running" in administrator.get("/").content.decode()


def test_home_warns_when_the_scheduler_is_silent(administrator):
    WorkerHeartbeat.objects.filter(kind="scheduler").delete()
    assert "The scheduler is not running" in administrator.get("/").content.decode()


def test_salesperson_sees_no_settings_in_the_navigation(hub, people, client):
    client.force_login(people["salesperson"])
    html = client.get("/").content.decode()
    assert "Synch Jobs" in html
    assert "Connection Setup" not in html
    assert "Schedules" not in html


def test_job_links_its_counters_to_the_operations_they_count(page, hub):
    html = page(f"jobs/{hub.job.pk}/")
    assert f"/c/default/operations/?job={hub.job.pk}&amp;state=failed" in html
    operations = page(f"operations/?job={hub.job.pk}&state=failed")
    assert "The name is too long." in operations
    assert "1 row" in operations


def test_running_job_asks_for_itself_again_and_an_ended_one_does_not(page, hub):
    SynchJob.objects.update(state="running", finished_at=None, done=1, total=4)
    live = page(f"jobs/{hub.job.pk}/", **HTMX)
    assert 'hx-trigger="every 2s"' in live
    assert 'value="25"' in live
    SynchJob.objects.update(state="succeeded", finished_at=timezone.now(), done=4)
    ended = page(f"jobs/{hub.job.pk}/", **HTMX)
    assert "hx-trigger" not in ended
    assert "data-ended" in ended
    assert 'hx-swap-oob="true"' in ended


def test_log_continues_after_what_was_shown(page, hub):
    SynchJob.objects.update(state="running")
    first, second = (JobLogEntry.objects.create(job=hub.job, message=f"line {n}") for n in (1, 2))
    more = page(f"jobs/{hub.job.pk}/log/?after={first.pk}")
    assert "line 1" not in more
    assert "line 2" in more
    assert f"after={second.pk}" in more


def test_log_keeps_only_the_levels_asked_for(page, hub):
    for level in ("info", "warning", "error"):
        JobLogEntry.objects.create(job=hub.job, level=level, message=f"a {level}")
    html = page(f"jobs/{hub.job.pk}/log/?level=warning")
    assert "a info" not in html
    assert "a warning" in html
    assert "a error" in html


def test_log_shows_messages_as_text(page, hub):
    JobLogEntry.objects.create(job=hub.job, message="<script>alert(1)</script>")
    assert "<script>alert" not in page(f"jobs/{hub.job.pk}/")


def test_job_of_another_connection_is_not_found(administrator, hub):
    type(hub.connection).objects.create(slug="second")
    assert administrator.get(f"/c/second/jobs/{hub.job.pk}/").status_code == 404


def test_cancelling_a_waiting_job_ends_it(administrator, hub):
    SynchJob.objects.update(state="queued")
    administrator.post(f"/c/default/jobs/{hub.job.pk}/cancel/")
    assert SynchJob.objects.get().state == "cancelled"


def test_cancelling_an_ended_job_says_that_it_has_ended(administrator, hub):
    answer = administrator.post(f"/c/default/jobs/{hub.job.pk}/cancel/", follow=True)
    assert "has ended already" in answer.content.decode()


def test_undo_and_delete_ask_first(administrator, hub):
    for action in ("undo", "delete"):
        answer = administrator.post(f"/c/default/jobs/{hub.job.pk}/{action}/")
        assert 'name="confirmed" value="1"' in answer.content.decode()
    assert SynchJob.objects.count() == 1
    administrator.post(f"/c/default/jobs/{hub.job.pk}/delete/", {"confirmed": "1"})
    assert not SynchJob.objects.exists()


def test_an_undo_that_deletes_records_names_them_and_asks_for_their_number(administrator, hub):
    made = add_operation(hub.job, hub.couplings[0], "settled")
    Operation.objects.filter(pk=made.pk).update(kind="create", record_name="Adatum")
    address = f"/c/default/jobs/{hub.job.pk}/undo/"
    question = administrator.post(address, {"confirmed": "1"}).text
    assert "<li>Adatum</li>" in question
    assert "Type 1 to undo" in question
    assert administrator.post(address, {"creations": "2"}).status_code == 422
    assert not SynchJob.objects.filter(mode="undo").exists()
    administrator.post(address, {"creations": "1"})
    assert SynchJob.objects.get(mode="undo").undo_of == hub.job


@pytest.mark.parametrize("address", ["jobs/{}/cancel/", "jobs/{}/undo/", "jobs/{}/delete/", "jobs/{}/retry/"])
def test_changes_are_posts(administrator, hub, address):
    assert administrator.get(f"/c/default/{address.format(hub.job.pk)}").status_code == 405


def test_operation_shows_the_values_before_and_after(page, hub):
    html = page(f"operations/{hub.failed.pk}/")
    assert '<span class="was">Old</span>' in html
    assert '<span class="becomes">New</span>' in html
    assert "data.too_long" in html


def test_an_error_is_copied_for_support_without_the_values_of_the_record(page, hub):
    html = page(f"operations/{hub.failed.pk}/")
    copied = html.partition('data-copy="Couplet: ')[2].partition('"')[0]
    assert "data.too_long: The name is too long." in copied
    assert "Old" not in copied
    assert "Copy for support" not in page(f"operations/{hub.conflict.pk}/")


def test_jobs_and_errors_of_a_period_can_be_looked_at(administrator, hub):
    def found(address: str) -> int:
        return len(administrator.get(f"/c/default/{address}").context["table"].rows)

    hub.couplings[1].refresh_from_db()
    assert (found("jobs/?period=1"), found("operations/?period=1"), found("errors/?period=7")) == (1, 2, 1)
    Operation.objects.update(created_at=timezone.now() - timedelta(days=3))
    SynchJob.objects.update(created_at=timezone.now() - timedelta(days=3))
    type(hub.couplings[1]).objects.update(failed_at=timezone.now() - timedelta(days=3))
    assert (found("jobs/?period=1"), found("operations/?period=1"), found("errors/?period=1")) == (0, 0, 0)
    assert (found("jobs/?period=7"), found("operations/?period=7"), found("errors/?period=7")) == (1, 2, 2)


def test_conflict_page_shows_both_values_and_what_was_agreed(page, hub):
    html = page(f"operations/{hub.conflict.pk}/resolve/")
    for value in ("Customer 10000", "Account 10000", "Before"):
        assert value in html


def test_deciding_a_conflict_starts_a_job_with_the_choices(administrator, hub):
    url = f"/c/default/operations/{hub.conflict.pk}/resolve/"
    choices = administrator.get(url).context["clashes"]
    answers = {f"choice-{choice.name}": "sales" for choice in choices}
    administrator.post(url, answers | {"choice-displayName": "other", "value-displayName": "Both"})
    job = SynchJob.objects.latest("pk")
    assert job.mode == "selected"
    assert job.options["choices"]["displayName"] == "Both"
    assert job.options["pairs"] == [
        {"bc_key": str(hub.couplings[0].bc_key), "sales_key": str(hub.couplings[0].sales_key)}
    ]


def test_deciding_for_one_side_takes_the_whole_record(administrator, hub):
    administrator.post(f"/c/default/operations/{hub.conflict.pk}/resolve/", {"use": "sales"})
    assert SynchJob.objects.latest("pk").options["winner"] == "sales"


def test_a_field_left_undecided_decides_nothing(administrator, hub):
    answer = administrator.post(f"/c/default/operations/{hub.conflict.pk}/resolve/", {}, follow=True)
    assert "Choose what" in answer.content.decode()
    assert SynchJob.objects.count() == 1


def test_conflict_that_is_over_leads_to_the_operation(administrator, hub):
    hub.couplings[0].conflict = False
    hub.couplings[0].save()
    answer = administrator.get(f"/c/default/operations/{hub.conflict.pk}/resolve/")
    assert answer.url == f"/c/default/operations/{hub.conflict.pk}/"


def test_errors_are_retried_in_bulk(administrator, hub):
    administrator.post("/c/default/errors/?state=failing", {"action": "retry", "all": "1", "confirmed": "1"})
    hub.couplings[1].refresh_from_db()
    assert hub.couplings[1].error_code == ""
    assert SynchJob.objects.latest("pk").options["retry"] is True


def test_mapping_is_changed_and_the_change_is_on_record(administrator, hub, people):
    url = "/c/default/mappings/CUSTOMER/"
    form = administrator.get(url).context["form"]
    values = {name: form.initial[name] for name in form.fields if form.initial[name] is not False}
    administrator.post(url, values | {"update_conflict_resolution": "send_to_sales"})
    hub.customers.refresh_from_db()
    assert hub.customers.update_conflict_resolution == "send_to_sales"
    entry = AuditEntry.objects.get(action="mapping.change")
    assert (entry.user, entry.after) == (people["administrator"], {"update_conflict_resolution": "send_to_sales"})


def test_bad_filter_is_refused_under_its_own_field(administrator, hub):
    url = "/c/default/mappings/CUSTOMER/"
    form = administrator.get(url).context["form"]
    values = {name: form.initial[name] for name in form.fields if form.initial[name] is not False}
    answer = administrator.post(url, values | {"sales_filter": "statecode eqq 0"})
    assert answer.status_code == 422
    assert "sales_filter" in answer.context["form"].errors
    before = hub.customers.sales_filter
    hub.customers.refresh_from_db()
    assert hub.customers.sales_filter == before


def test_operator_reads_a_mapping_but_cannot_save_it(hub, people, client):
    client.force_login(people["operator"])
    html = client.get("/c/default/mappings/CUSTOMER/").content.decode()
    assert "Save settings" not in html
    assert client.post("/c/default/mappings/CUSTOMER/", {}).status_code == 403


def test_fields_are_switched_in_the_grid(administrator, hub):
    field = hub.customers.fields.get(business_central_property="displayName")
    administrator.post("/c/default/mappings/CUSTOMER/fields/", {f"direction-{field.pk}": "to_sales"})
    field.refresh_from_db()
    assert (field.direction, field.enabled) == ("to_sales", False)
    assert hub.customers.fields.filter(enabled=True).exists()


def test_all_fields_are_switched_and_freed_of_own_rules_at_once(administrator, hub):
    url = "/c/default/mappings/CUSTOMER/fields/"
    field = hub.customers.fields.get(business_central_property="displayName")
    delivered = set(hub.customers.fields.exclude(transformation="").values_list("pk", "transformation"))
    type(field).objects.filter(pk=field.pk).update(transformation="TRIM")
    for bulk, left in (("off", {False}), ("on", {True}), ("rules", {True}), ("nonsense", {True})):
        administrator.post(url, {"bulk": bulk})
        assert set(hub.customers.fields.values_list("enabled", flat=True)) == left
    assert set(hub.customers.fields.exclude(transformation="").values_list("pk", "transformation")) == delivered


def test_schedule_is_paused_and_resumed(administrator, hub):
    url = "/c/default/schedules/CUSTOMER/action/"
    administrator.post(url, {"action": "pause"})
    assert Schedule.objects.get().enabled is False
    administrator.post(url, {"action": "resume"})
    assert Schedule.objects.get().enabled is True


def test_interval_has_to_make_sense(administrator, hub):
    answer = administrator.post(
        "/c/default/schedules/CUSTOMER/", {"interval_minutes": "0", "inactivity_timeout_minutes": "0"}
    )
    assert answer.status_code == 422
    assert Schedule.objects.get().interval_minutes == 30


def test_a_constant_is_changed_in_the_grid_and_never_emptied(administrator, hub):
    field = hub.connection.mappings.get(name="CONTACT").fields.exclude(constant_value="").first()
    place = "/c/default/mappings/CONTACT/"
    grid = {f"direction-{field.pk}": field.direction, f"enabled-{field.pk}": "on"}
    assert f'name="constant_value-{field.pk}" value="Person"' in administrator.get(place).content.decode()
    for typed, kept in (("Company", "Company"), ("  ", "Company")):
        administrator.post(f"{place}fields/", {**grid, f"constant_value-{field.pk}": typed})
        field.refresh_from_db()
        assert field.constant_value == kept


def test_a_schedule_gets_days_and_hours_that_its_list_and_the_configuration_show(administrator, hub):
    values = {"interval_minutes": "30", "inactivity_timeout_minutes": "0"}
    hours = {"weekdays": ["0", "4"], "from_time": "08:00", "until_time": "18:30"}
    administrator.post("/c/default/schedules/time-zone/", {"time_zone": "Europe/Vienna"})
    administrator.post("/c/default/schedules/CUSTOMER/", {**values, **hours})
    assert "Mon, Fri, 08:00 to 18:30 Europe/Vienna" in administrator.get("/c/default/schedules/").content.decode()
    exported = export_configuration(connection=hub.connection, names=["CUSTOMER"])
    kept = exported["mappings"][0]["schedule"]
    assert (kept["weekdays"], kept["from_time"], kept["until_time"]) == ([0, 4], "08:00", "18:30")
    administrator.post("/c/default/schedules/CUSTOMER/", values)
    assert [each.subject for each in differences(connection=hub.connection, document=exported)] == ["schedule"]
    kept["weekdays"] = [9]
    with pytest.raises(HubError, match="weekday"):
        apply_configuration(connection=hub.connection, document=exported, user=None, origin=CopyOrigin.UPLOAD)


def test_review_before_the_first_start_shows_what_would_run_in_waves(administrator, hub):
    FullSynch.objects.all().delete()
    waves = administrator.get("/c/default/full-synch/").context["waves"]
    wave_of = {line.mapping.name: number for number, wave in enumerate(waves) for line in wave}
    assert wave_of["CURRENCY"] == 0
    assert wave_of["CUSTOMER"] > wave_of["CURRENCY"]
    assert wave_of["CONTACT"] > wave_of["CUSTOMER"]


def test_starting_asks_first_and_takes_the_chosen_mappings(administrator, hub):
    url = "/c/default/full-synch/start/"
    administrator.post(url, {"mappings": ["CURRENCY"]})
    assert FullSynch.objects.count() == 1
    administrator.post(url, {"mappings": ["CURRENCY"], "confirmed": "1", "unplanned": "1"})
    assert [line.mapping.name for line in FullSynch.objects.latest("pk").lines.all()] == ["CURRENCY"]


def test_review_refreshes_itself_while_it_runs(page, hub):
    assert "hx-trigger" not in page("full-synch/", **HTMX)
    FullSynch.objects.update(state="running")
    assert 'hx-trigger="every 2s"' in page("full-synch/", **HTMX)


def test_quick_search_finds_records_of_both_systems(page, hub):
    html = page("search/?search=10000", **HTMX)
    assert "Customer 10000" in html
    assert "Account 10000" in html
    assert f"/c/default/couplings/{hub.couplings[0].pk}/" in html
    assert "<html" not in html


def test_quick_search_says_when_nothing_matches(page):
    assert "No record matches" in page("search/?search=zzzzqqqq", **HTMX)


def test_retrying_a_settled_operation_is_refused_with_a_sentence(administrator, hub):
    Operation.objects.filter(pk=hub.failed.pk).update(state="settled")
    answer = administrator.post(f"/c/default/operations/{hub.failed.pk}/retry/", follow=True)
    assert "Only a failed operation can be retried." in answer.content.decode()
