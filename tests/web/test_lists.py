"""What every list page offers, tried on the list of jobs."""

import csv
import io

import pytest

from config.models import ListPreference
from syncjobs.models import SynchJob
from tests.web.conftest import add_operation

JOBS = "/c/default/jobs/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    return client


def make_jobs(hub, count: int) -> None:
    SynchJob.objects.bulk_create(
        SynchJob(connection=hub.connection, mapping=hub.customers, mode="full", direction="to_sales",
                 trigger="user", state="succeeded", message=f"=message {n}")
        for n in range(count)
    )  # fmt: skip


def test_one_address_answers_the_page_or_only_the_list(administrator):
    page = administrator.get(JOBS)
    part = administrator.get(JOBS, headers=HTMX)
    assert "<html" in page.content.decode()
    assert "<html" not in part.content.decode()
    assert "<caption" in part.content.decode()
    assert "HX-Request" in part["Vary"]


def test_going_back_in_the_browser_gets_the_whole_page(administrator):
    answer = administrator.get(JOBS, headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in answer.content.decode()


def test_filters_narrow_the_list_and_show_as_removable_chips(administrator, hub):
    make_jobs(hub, 2)
    answer = administrator.get(JOBS, {"state": "succeeded", "search": "message 1"})
    assert [job.message for job in answer.context["table"].data] == ["=message 1"]
    assert [(chip.label, chip.value) for chip in answer.context["chips"]] == [
        ("Search", "message 1"),
        ("State", "Succeeded"),
    ]
    html = answer.content.decode()
    assert 'href="?state=succeeded"' in html
    assert 'href="?search=message+1"' in html


def test_nothing_found_says_so_and_offers_the_way_out(administrator):
    html = administrator.get(JOBS, {"search": "no such thing"}).content.decode()
    assert "Nothing matches" in html
    assert f'href="{JOBS}">Clear the filters' in html


def test_an_empty_list_says_what_to_do(administrator):
    SynchJob.objects.all().delete()
    assert "A job appears here when" in administrator.get(JOBS).content.decode()


def test_csv_has_all_matching_rows_and_no_formulas(administrator, hub):
    make_jobs(hub, 60)
    answer = administrator.get(JOBS, {"export": "csv", "state": "succeeded"})
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert answer["Content-Type"].startswith("text/csv")
    assert len(rows) == 60
    assert rows[0]["State"] == "succeeded"
    assert rows[0]["Message"] == "'=message 59"


def test_pages_do_not_overlap(administrator, hub):
    make_jobs(hub, 60)
    seen = [
        job.pk
        for page in (1, 2)
        for job in administrator.get(JOBS, {"page": page}).context["table"].page.object_list.data
    ]
    assert len(seen) == len(set(seen)) == 61


def test_columns_and_page_size_are_kept_per_person(administrator, hub, people):
    saved = administrator.post("/accounts/lists/jobs/", {"columns": ["state", "id"], "page_size": "25", "next": JOBS})
    assert saved.url == JOBS
    make_jobs(hub, 30)
    table = administrator.get(JOBS).context["table"]
    assert [column.name for column in table.columns] == ["selection", "state", "id"]
    assert len(table.page.object_list) == 25
    administrator.post("/accounts/lists/jobs/", {"reset": "1", "next": JOBS})
    assert not ListPreference.objects.exists()


def test_settings_of_a_list_lead_nowhere_else(administrator):
    saved = administrator.post("/accounts/lists/jobs/", {"page_size": "25", "next": "https://elsewhere.example/"})
    assert saved.url == "/"


@pytest.mark.parametrize("size", ["7", "many", "-1"])
def test_settings_of_a_list_refuse_other_page_sizes(administrator, size):
    assert administrator.post("/accounts/lists/jobs/", {"page_size": size}).status_code == 400


def test_bulk_action_asks_first_and_takes_only_the_selection(administrator, hub):
    make_jobs(hub, 3)
    first = SynchJob.objects.order_by("pk").last()
    question = administrator.post(JOBS, {"action": "delete", "pk": first.pk})
    assert "Delete 1 jobs" in question.content.decode()
    assert SynchJob.objects.count() == 4
    administrator.post(JOBS, {"action": "delete", "pk": first.pk, "confirmed": "1"})
    assert not SynchJob.objects.filter(pk=first.pk).exists()
    assert SynchJob.objects.count() == 3


def test_bulk_action_takes_everything_that_matches(administrator, hub):
    make_jobs(hub, 60)
    administrator.post(f"{JOBS}?state=succeeded", {"action": "delete", "all": "1", "confirmed": "1"})
    assert list(SynchJob.objects.values_list("state", flat=True)) == ["partly"]


def test_bulk_action_of_another_role_is_refused(hub, people, client):
    client.force_login(people["operator"])
    assert client.post(JOBS, {"action": "delete", "all": "1", "confirmed": "1"}).status_code == 403
    assert "Delete</button>" not in client.get(JOBS).content.decode()


def test_bulk_action_without_a_selection_says_so(administrator):
    answer = administrator.post(JOBS, {"action": "cancel"}, follow=True)
    assert "Nothing was selected." in answer.content.decode()


def test_unknown_bulk_action_is_a_bad_request(administrator):
    assert administrator.post(JOBS, {"action": "explode", "all": "1"}).status_code == 400


@pytest.mark.parametrize("address", ["jobs", "operations", "errors", "schedules", "mappings"])
def test_lists_need_the_same_number_of_queries_for_any_number_of_rows(
    administrator, hub, address, django_assert_max_num_queries
):
    url = f"/c/default/{address}/"
    # The errors page also groups what failed by its causes and leads to what they wait for.
    most = 17 if address == "errors" else 12
    administrator.get(url)
    with django_assert_max_num_queries(most):
        administrator.get(url)
    make_jobs(hub, 3)
    for _ in range(3):
        add_operation(hub.job, hub.couplings[0], "settled")
    with django_assert_max_num_queries(most):
        administrator.get(url)
