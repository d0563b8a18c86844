"""The review of a full synchronisation: what happened, what was planned, and the warning before doubles are made."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coupling.models import TableCursor
from syncjobs.models import FullSynch, FullSynchLine, JobLogEntry, Operation, SynchJob
from tests.coupling.factories import make_account, make_customer
from tests.web.conftest import add_operation

REVIEW = "/c/default/full-synch/"
PLAN = {"create_in_sales": 7, "update_in_sales": 2}


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    return client


def customer_line(answer) -> object:
    return next(line for wave in answer.context["waves"] for line in wave if line.mapping.name == "CUSTOMER")


@pytest.fixture
def ran(hub) -> FullSynchLine:
    """The real run's line, with a job that created six records and failed with one."""
    line = hub.full_synch.lines.get()
    line.plan = {"create_in_sales": 6}
    line.save()
    SynchJob.objects.create(
        connection=hub.connection, mapping=hub.customers, mode="full", direction="bidirectional",
        trigger="full_synch", state="partly", inserted=6, failed=1, full_synch_line=line,
    )  # fmt: skip
    return line


def test_real_run_shows_what_happened_and_not_its_own_plan(administrator, ran):
    answer = administrator.get(REVIEW)
    line = customer_line(answer)
    assert [(counter.label, counter.value) for counter in line.counters] == [("Inserted", 6), ("Failed", 1)]
    assert line.plan == []
    assert f"job={ran.jobs.get().pk}&amp;state=failed" in answer.content.decode()


def test_what_a_line_made_is_undone_after_its_question_and_by_administrators_only(administrator, hub, people, ran):
    address = f"/c/default/jobs/{ran.jobs.get().pk}/undo/"
    assert address in administrator.get(REVIEW).text
    assert "Records it created are deleted." in administrator.post(address).text
    administrator.force_login(people["operator"])
    assert address not in administrator.get(REVIEW).text


def test_plan_of_the_preview_before_stands_beside_the_result(administrator, hub, ran):
    FullSynch.objects.all().delete()
    preview = FullSynch.objects.create(
        connection=hub.connection, preview=True, state="succeeded", finished_at=hub.job.finished_at
    )
    FullSynchLine.objects.create(
        full_synch=preview, mapping=hub.customers, direction="bidirectional", state="finished", plan=PLAN
    )
    run = FullSynch.objects.create(connection=hub.connection, state="succeeded")
    FullSynchLine.objects.create(
        full_synch=run, mapping=hub.customers, direction="bidirectional", state="finished", plan={"unchanged": 9}
    )
    answer = administrator.get(REVIEW)
    assert [(part.number, part.words) for part in customer_line(answer).plan] == [
        (7, "to create in Sales"),
        (2, "to update in Sales"),
    ]
    assert f"Preview {preview.pk}" in answer.content.decode()


def test_numbers_of_a_preview_lead_to_their_operations(administrator, hub):
    preview = FullSynch.objects.create(connection=hub.connection, preview=True, state="succeeded")
    line = FullSynchLine.objects.create(
        full_synch=preview, mapping=hub.customers, direction="bidirectional", state="finished",
        plan={"create_in_sales": 1, "unchanged": 2},
    )  # fmt: skip
    SynchJob.objects.filter(pk=hub.job.pk).update(full_synch_line=line)
    planned = [add_operation(hub.job, hub.couplings[0], "planned", preview=True).pk for _ in range(2)]
    Operation.objects.filter(pk__in=planned).update(kind="create")
    Operation.objects.filter(pk=planned[1]).update(table="contacts")
    made, unchanged = customer_line(administrator.get(REVIEW)).plan
    assert unchanged.url == ""
    assert [row.record.pk for row in administrator.get(made.url).context["table"].rows] == planned[:1]


def test_sides_are_badges_in_colour(administrator):
    html = administrator.get(REVIEW).content.decode()
    assert 'state-red"' in html.split("line-sides")[1]
    assert "To Sales" in html.split("line-sides")[1]


def test_mappings_outside_the_last_run_can_be_started(administrator, ran):
    lines = {line.mapping.name: line for wave in administrator.get(REVIEW).context["waves"] for line in wave}
    assert lines["CURRENCY"].state == ""
    assert lines["CURRENCY"].takes_part is False
    assert len(lines) > 5


def test_direction_of_a_line_is_chosen_at_the_start(administrator):
    chosen = {"mappings": ["CUSTOMER", "CURRENCY"], "direction-CUSTOMER": "to_sales", "direction-CURRENCY": ""}
    administrator.post(f"{REVIEW}start/", {**chosen, "confirmed": "1", "unplanned": "1"})
    lines = FullSynch.objects.latest("pk").lines.all()
    assert {line.mapping.name: line.direction for line in lines} == {"CUSTOMER": "to_sales", "CURRENCY": "to_sales"}


def test_the_question_as_a_page_keeps_the_directions(administrator):
    html = administrator.post(f"{REVIEW}start/", {"mappings": "CUSTOMER", "direction-CUSTOMER": "to_sales"})
    assert '<input type="hidden" name="direction-CUSTOMER" value="to_sales">' in html.content.decode()


def test_starting_nothing_is_refused(administrator):
    html = administrator.post(f"{REVIEW}start/", {"confirmed": "1"}, follow=True).content.decode()
    assert "Choose at least one mapping." in html
    assert FullSynch.objects.count() == 1


def fill(hub, count: int) -> None:
    for system, table in (("business_central", "customers"), ("sales", "accounts")):
        TableCursor.objects.create(connection=hub.connection, system=system, table=table, cursor="1")
    for number in range(count):
        make_customer(hub.connection, f"C{number}", f"Company {number}")
        make_account(hub.connection, f"Company {number}")


def test_many_free_records_on_both_sides_are_warned_of_with_numbers(administrator, hub):
    fill(hub, 12)
    answer = administrator.get(REVIEW)
    risk = next(risk for risk in answer.context["risks"] if risk.mapping.name == "CUSTOMER")
    assert (risk.business_central, risk.sales, risk.in_sales, risk.in_business_central) == (12, 12, 12, 12)
    assert "Preview first" in answer.content.decode()


def test_few_free_records_are_no_reason_to_warn(administrator, hub):
    fill(hub, 3)
    assert administrator.get(REVIEW).context["risks"] == []


def test_what_was_not_read_yet_is_said(administrator):
    answer = administrator.get(REVIEW)
    assert "CUSTOMER" in answer.context["unread"]
    assert "has not read" in answer.content.decode()


def plan(hub, **line) -> FullSynch:
    """A preview of customers that has just ended."""
    preview = FullSynch.objects.create(
        connection=hub.connection, preview=True, state="succeeded", finished_at=timezone.now()
    )
    values = {"direction": "bidirectional", "state": "finished", "plan": {"create_in_sales": 450}, **line}
    FullSynchLine.objects.create(full_synch=preview, mapping=hub.customers, **values)
    return preview


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"mappings": ["CUSTOMER", "VENDOR"]}, "does not cover VENDOR"),
        ({"mappings": ["CUSTOMER"], "direction-CUSTOMER": "to_sales"}, "another direction, winner or matching"),
        ({"mappings": ["CUSTOMER"], "winner-CUSTOMER": "sales"}, "another direction, winner or matching"),
    ],
)
def test_a_start_that_its_plan_does_not_cover_offers_to_calculate_it_first(administrator, hub, posted, words):
    plan(hub)
    html = administrator.post(f"{REVIEW}start/", {**posted, "confirmed": "1"}).content.decode()
    assert words in html
    assert "Calculate the plan" in html
    assert not FullSynch.objects.filter(preview=False, state="running").exists()


def test_a_start_with_its_plan_begins_at_once(administrator, hub):
    plan(hub, plan={"unchanged": 2})
    administrator.post(f"{REVIEW}start/", {"mappings": ["CUSTOMER"], "confirmed": "1"})
    assert not FullSynch.objects.latest("pk").preview


def test_the_plan_asks_for_the_number_that_it_would_create(administrator, hub):
    plan(hub)
    html = administrator.post(f"{REVIEW}start/", {"mappings": ["CUSTOMER"], "confirmed": "1"}).content.decode()
    assert "Type 450 to start" in html


def test_a_preview_says_what_the_run_would_cost(administrator, hub):
    plan(hub)
    words = " ".join(administrator.get(REVIEW).content.decode().split())
    assert "about 5 requests to Sales and 2 to Business Central" in words
    assert "take about 3 s" in words


def test_after_the_end_it_is_asked_how_scheduled_jobs_go_on_and_asked_once(administrator, hub, ran):
    run = hub.full_synch
    question = "should scheduled jobs also create partners"
    assert question in administrator.get(REVIEW).content.decode()
    hub.connection.automatic_jobs = False
    hub.connection.save()
    administrator.post(f"{REVIEW}{run.pk}/answer/", {"creating": ["CUSTOMER"], "automatic": "1"})
    hub.customers.refresh_from_db()
    hub.connection.refresh_from_db()
    assert (hub.customers.synch_only_coupled_records, hub.connection.automatic_jobs) == (False, True)
    assert question not in administrator.get(REVIEW).content.decode()


def test_no_answer_is_changed_by_saying_no(administrator, hub, ran):
    administrator.post(f"{REVIEW}{hub.full_synch.pk}/answer/")
    hub.customers.refresh_from_db()
    assert hub.customers.synch_only_coupled_records
    assert FullSynch.objects.get(pk=hub.full_synch.pk).answered_at


def test_only_mappings_that_took_part_can_be_answered_for(administrator, hub, ran):
    administrator.post(f"{REVIEW}{hub.full_synch.pk}/answer/", {"creating": ["VENDOR"]})
    assert hub.connection.mappings.get(name="VENDOR").synch_only_coupled_records
    assert FullSynch.objects.get(pk=hub.full_synch.pk).answered_at is None


def test_what_failed_and_who_waits_for_it_is_said_with_the_ways_on(administrator, hub, ran):
    FullSynchLine.objects.filter(pk=ran.pk).update(failed_percent=30)
    contacts = hub.connection.mappings.get(name="CONTACT")
    FullSynchLine.objects.create(
        full_synch=hub.full_synch, mapping=contacts, direction="bidirectional", state="blocked", depends_on=["CUSTOMER"]
    )
    ending = administrator.get(REVIEW).context["ending"]
    assert [(each.mapping, each.failed, each.percent, each.waiting) for each in ending.troubles] == [
        ("CUSTOMER", 1, 30, ["CONTACT"])
    ]
    html = administrator.get(REVIEW).content.decode()
    assert "CONTACT waits for your decision" in " ".join(html.split())
    assert "Go on all the same" in html
    administrator.post(f"{REVIEW}{hub.full_synch.pk}/accept/", {"mappings": "CUSTOMER"})
    assert FullSynchLine.objects.get(pk=ran.pk).failures_accepted


@pytest.mark.parametrize(
    ("percent", "parallel", "kept"),
    [("35", "1", (35, 1)), ("0", "20", (0, 20)), ("101", "4", (20, 3)), ("a fifth", "4", (20, 3)), ("9", "0", (20, 3))],
)
def test_how_full_synchronisations_run_can_be_set(administrator, hub, percent, parallel, kept):
    administrator.post(f"{REVIEW}pace/", {"full_synch_hold_percent": percent, "full_synch_parallel": parallel})
    hub.connection.refresh_from_db()
    assert (hub.connection.full_synch_hold_percent, hub.connection.full_synch_parallel) == kept


def test_the_newest_events_of_all_lines_stand_below_them(administrator, hub, ran):
    job = ran.jobs.get()
    for number in range(30):
        JobLogEntry.objects.create(job=job, message=f"Event {number}.")
    html = administrator.get(REVIEW).content.decode()
    assert html.index("Event 29.") < html.index("Event 28.")
    assert "Event 4." not in html


def test_the_drawing_has_every_mapping_and_a_line_for_every_dependency(administrator):
    context = administrator.get(REVIEW).context
    lines = [line for wave in context["waves"] for line in wave]
    names = {line.mapping.name for line in lines}
    assert [box.name for box in context["drawing"].boxes] == [line.mapping.name for line in lines]
    assert len(context["drawing"].lines) == sum(len(names.intersection(line.depends_on)) for line in lines)


def test_a_line_without_a_place_says_that_it_waits_for_one(administrator, hub, ran):
    FullSynch.objects.filter(pk=hub.full_synch.pk).update(state="running", finished_at=None)
    FullSynchLine.objects.filter(pk=ran.pk).update(state="")
    assert "when a line ends" in administrator.get(REVIEW).content.decode()


def test_the_page_asks_the_database_for_as_much_whatever_the_number_of_jobs(
    administrator, hub, ran, django_assert_max_num_queries
):
    with CaptureQueriesContext(connection) as few:
        administrator.get(REVIEW)
    for _ in range(5):
        SynchJob.objects.create(
            connection=hub.connection, mapping=hub.customers, mode="selected", direction="bidirectional",
            trigger="full_synch", state="succeeded", full_synch_line=ran,
        )  # fmt: skip
    with django_assert_max_num_queries(len(few)):
        administrator.get(REVIEW)
