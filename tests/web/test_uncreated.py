"""Records that should have got a partner but did not: Home, Errors and the record lists know them."""

import pytest

from coupling.choices import CouplingState
from coupling.models import BusinessCentralRecord, Coupling, OptionMapping
from syncjobs.models import Operation, SynchJob
from syncjobs.querysets import causes_of, failed_creations
from tests.coupling.factories import key, make_account, make_coupling, make_customer
from tests.web.conftest import Hub

ERRORS = "/c/default/errors/uncoupled/"
TOO_LONG = {"error_code": "data.too_long", "error_message": "The name is too long.", "error_hint": "Shorten it."}


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    return client


def fail(hub: Hub, customer: BusinessCentralRecord, **values: object) -> Operation:
    """A failed creation of the customer's account."""
    fixed = {"kind": "create", "state": "failed", **TOO_LONG, **values}
    return Operation.objects.create(
        job=hub.job, connection=hub.connection, mapping=hub.customers, system="sales", table="accounts",
        bc_key=customer.key, record_name=f"{customer.number} {customer.name}", **fixed,
    )  # fmt: skip


@pytest.fixture
def lonely(hub) -> BusinessCentralRecord:
    return make_customer(hub.connection, "70000", "Lonely Ltd.")


def test_newest_failure_of_each_record_counts(hub, lonely):
    fail(hub, lonely)
    newest = fail(hub, lonely, error_code="data.refused")
    assert list(failed_creations(hub.connection)) == [newest]


@pytest.mark.parametrize("change", ["coupled", "deleted", "preview", "update"])
def test_what_is_coupled_gone_or_only_previewed_does_not_count(hub, lonely, change):
    fail(hub, lonely, preview=change == "preview", kind="update" if change == "update" else "create")
    if change == "coupled":
        make_coupling(hub.customers, lonely, make_account(hub.connection, "Lonely"))
    if change == "deleted":
        BusinessCentralRecord.objects.filter(pk=lonely.pk).update(deleted_at=hub.job.finished_at)
    assert not failed_creations(hub.connection).exists()


def test_rows_of_sales_count_too(hub):
    account = make_account(hub.connection, "Lonely account")
    operation = Operation.objects.create(
        job=hub.job, connection=hub.connection, mapping=hub.customers, system="business_central", table="customers",
        sales_key=account.key, kind="create", state="failed", **TOO_LONG,
    )  # fmt: skip
    assert list(failed_creations(hub.connection)) == [operation]


def test_causes_are_grouped_and_the_most_frequent_comes_first(hub, lonely):
    fail(hub, lonely, error_code="data.refused", error_message="Refused.")
    for number in ("70001", "70002"):
        fail(hub, make_customer(hub.connection, number, number), error_message=f"Too long: {number}")
    causes = causes_of(failed_creations(hub.connection))
    assert [(cause.code, cause.count, cause.message) for cause in causes] == [
        ("data.too_long", 2, "Too long: 70002"),
        ("data.refused", 1, "Refused."),
    ]


def test_home_counts_them_and_leads_to_them(administrator, hub, lonely):
    Coupling.objects.update(error_code="", error_message="", conflict=False)
    fail(hub, lonely)
    answer = administrator.get("/")
    assert [(need.title, need.url) for need in answer.context["needs"]] == [("1 record could not be created", ERRORS)]
    assert "All is well" not in answer.content.decode()
    tile = next(tile for tile in answer.context["mappings"] if tile.name == "CUSTOMER")
    assert tile.uncreated == 1


def test_errors_page_lists_them_by_cause(administrator, hub, lonely):
    fail(hub, lonely)
    answer = administrator.get(ERRORS)
    html = answer.content.decode()
    assert "70000 Lonely Ltd." in html
    assert "Shorten it." in html
    assert [(label, number) for label, _, number, _ in answer.context["tabs"]] == [
        ("Coupled records", 2),
        ("Without a partner", 1),
    ]
    assert administrator.get(ERRORS, {"error": "data.other"}).context["table"].paginator.count == 0


@pytest.mark.parametrize("how", ["selection", "cause"])
def test_they_are_retried_in_one_job(administrator, hub, how):
    customers = [make_customer(hub.connection, number, number) for number in ("70001", "70002", "70003")]
    for customer in customers:
        fail(hub, customer)
    if how == "selection":
        administrator.post(ERRORS, {"action": "retry", "all": "1", "confirmed": "1"})
    else:
        administrator.post(f"{ERRORS}retry/", {"mapping": "CUSTOMER", "error": "data.too_long"})
    job = SynchJob.objects.exclude(pk=hub.job.pk).get()
    assert (job.mode, job.mapping) == ("selected", hub.customers)
    assert {pair["bc_key"] for pair in job.options["pairs"]} == {str(customer.key) for customer in customers}
    assert job.options["ignore_only_coupled"] is True


def test_retrying_a_job_takes_its_uncoupled_records_too(administrator, hub, lonely):
    fail(hub, lonely)
    administrator.post(f"/c/default/jobs/{hub.job.pk}/retry/")
    pairs = [pair for job in SynchJob.objects.exclude(pk=hub.job.pk) for pair in job.options["pairs"]]
    assert {"bc_key": str(lonely.key), "sales_key": None} in pairs


def test_record_list_shows_them_as_failing_with_the_problem(administrator, hub, lonely):
    fail(hub, lonely)
    free = make_customer(hub.connection, "80000", "Free")
    table = administrator.get("/c/default/customers/").context["table"]
    rows = {row.record.number: row for row in table.paginated_rows}
    assert "Failing" in rows[lonely.number].get_cell("state")
    assert rows[lonely.number].get_cell("problem") == "The name is too long."
    assert "Not coupled" in rows[free.number].get_cell("state")


def test_record_list_finds_them_by_state(administrator, hub, lonely):
    fail(hub, lonely)
    found = administrator.get("/c/default/customers/", {"state": CouplingState.FAILING.value}).context["table"]
    assert {row.record.number for row in found.paginated_rows} == {"20000", "70000"}


def test_set_up_coupling_says_why_the_record_has_no_partner(administrator, hub, lonely):
    fail(hub, lonely)
    html = administrator.get(
        f"/c/default/records/business_central/customers/{lonely.key}/", follow=True
    ).content.decode()
    assert "The name is too long." in html


def test_home_counts_coupled_options_and_names_tables_for_people(administrator, hub):
    terms = hub.connection.mappings.get(name="PAYMENT TERMS")
    OptionMapping.objects.create(
        mapping=terms, bc_key=key("14 days"), bc_code="14D", option_value=1, option_label="14 d"
    )
    tiles = {tile.name: tile for tile in administrator.get("/").context["mappings"]}
    assert tiles["PAYMENT TERMS"].coupled == 1
    assert tiles["PAYMENT TERMS"].sales_caption == "Choice of account"
    assert tiles["CURRENCY"].sales_caption == "Currency"


def test_home_says_due_now_instead_of_a_time_that_has_passed(administrator, hub):
    assert "Next: Due now" in administrator.get("/").content.decode()
    hub.connection.automatic_jobs = False
    hub.connection.save()
    html = administrator.get("/").content.decode()
    assert "Due now" not in html
    assert "Runs when somebody asks" in html
