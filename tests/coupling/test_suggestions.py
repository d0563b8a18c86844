"""Standing suggestions: what is found, how verdicts come about, and that changes are followed."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connections
from django.utils import timezone

from connector.choices import System
from coupling.matching.compute import BusyError, compute_suggestions
from coupling.matching.models import MatchLine, RuledOutPair, SuggestionState
from coupling.models import BusinessCentralRecord, SalesRecord, TableCursor
from coupling.services.ruled_out import allow_again, rule_out
from coupling.services.suggestions import counts_of, due, suggestion_counts, suggestions_for
from syncjobs.choices import JobMode, JobState, JobTrigger
from syncjobs.models import SynchJob
from syncjobs.services.suggesting import look_for_outdated_suggestions
from tests.coupling.factories import make_account, make_connection, make_coupling, make_customer

pytestmark = pytest.mark.django_db

ADDRESS = {"postalCode": "80331", "addressLine1": "Hauptstr. 12", "city": "München"}
ADDRESS_IN_SALES = {
    "address1_postalcode": "80331",
    "address1_line1": "Hauptstraße 12",
    "address1_city": "München",
}


@pytest.fixture
def mapping():
    return make_connection().mappings.select_related("connection").get(name="CUSTOMER")


def compute(mapping, **options):
    return compute_suggestions(mapping=mapping, **options)


def line(mapping, customer):
    return MatchLine.objects.get(mapping=mapping, job_id=None, bc_key=customer.key)


def test_suggestion_with_two_kinds_of_evidence_is_clear(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso GmbH", **ADDRESS)
    account = make_account(mapping.connection, "Contoso AG", **ADDRESS_IN_SALES)
    make_account(mapping.connection, "Fabrikam")
    compute(mapping)
    found = line(mapping, customer)
    assert (found.verdict, found.best_key) == ("clear", account.key)
    assert found.candidates.get().reasons[:2] == ["name_legal", "address"]


def test_suggestion_by_name_alone_is_uncertain(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso GmbH")
    make_account(mapping.connection, "Contoso")
    compute(mapping)
    assert line(mapping, customer).verdict == "uncertain"


def test_suggestion_finds_a_misspelt_single_word(mapping):
    customer = make_customer(mapping.connection, "10000", "Fabrikam")
    account = make_account(mapping.connection, "Fabirkam")
    compute(mapping)
    assert line(mapping, customer).best_key == account.key


def test_suggestion_two_equal_rows_leave_several(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso GmbH", phoneNumber="089 1000123")
    make_account(mapping.connection, "Contoso", "A1", telephone1="089 1000123")
    make_account(mapping.connection, "Contoso", "A2", telephone1="089 1000123")
    compute(mapping)
    assert line(mapping, customer).verdict == "several"
    assert line(mapping, customer).candidates.count() == 2


def test_suggestion_two_records_for_one_row_are_contested(mapping):
    customers = [
        make_customer(mapping.connection, number, "Contoso GmbH", phoneNumber="089 1000123")
        for number in ("10000", "20000")
    ]
    make_account(mapping.connection, "Contoso", telephone1="089 1000123")
    compute(mapping)
    assert {line(mapping, customer).verdict for customer in customers} == {"contested"}


def test_suggestion_of_a_coupled_row_is_taken(mapping):
    first = make_customer(mapping.connection, "10000", "Contoso", phoneNumber="089 1000123")
    account = make_account(mapping.connection, "Contoso", telephone1="089 1000123")
    make_coupling(mapping, first, account)
    second = make_customer(mapping.connection, "20000", "Contoso GmbH", phoneNumber="089 1000123")
    compute(mapping)
    assert line(mapping, second).verdict == "taken"
    assert not MatchLine.objects.filter(bc_key=first.key).exists()


def test_suggestion_stays_inside_the_filters(mapping):
    blocked = make_customer(mapping.connection, "10000", "Contoso", phoneNumber="089 1000123", blocked="All")
    customer = make_customer(mapping.connection, "20000", "Fabrikam", phoneNumber="089 2000123")
    make_account(mapping.connection, "Contoso", telephone1="089 1000123")
    make_account(mapping.connection, "Fabrikam", telephone1="089 2000123", statecode=1)
    compute(mapping)
    assert not MatchLine.objects.filter(bc_key=blocked.key).exists()
    assert line(mapping, customer).verdict == "none"


def test_changes_are_compared_alone(mapping):
    names = ("Adatum", "Fabrikam", "Contoso", "Litware", "Northwind", "Tailspin", "Wingtip", "Zephyr")
    for number, name in enumerate(names):
        make_customer(mapping.connection, f"{number}", name, phoneNumber=f"089 50000{number:02}")
    compute(mapping)
    customer = BusinessCentralRecord.objects.get(name="Litware")
    account = make_account(mapping.connection, "Litware", telephone1="089 5000003")
    done = compute(mapping)
    assert done.records == 1
    assert line(mapping, customer).best_key == account.key


def test_changed_row_no_longer_fits(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso", phoneNumber="089 1000123")
    account = make_account(mapping.connection, "Contoso", telephone1="089 1000123")
    compute(mapping)
    assert line(mapping, customer).verdict == "clear"
    account.values = {**account.values, "name": "Zebra", "telephone1": "040 7777777"}
    account.name, account.search_text = "Zebra", " zebra\n\n\n"
    account.save()
    compute(mapping)
    assert line(mapping, customer).verdict == "none"


def test_deleted_row_is_forgotten(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso", phoneNumber="089 1000123")
    account = make_account(mapping.connection, "Contoso", telephone1="089 1000123")
    compute(mapping)
    SalesRecord.objects.filter(pk=account.pk).update(deleted_at=timezone.now())
    compute(mapping)
    assert line(mapping, customer).verdict == "none"


def test_ruled_out_pair_is_gone_at_once_and_comes_back_when_allowed(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso", phoneNumber="089 1000123")
    wrong = make_account(mapping.connection, "Contoso", "A1", telephone1="089 1000123")
    right = make_account(mapping.connection, "Contoso", "A2", telephone1="089 1000123")
    compute(mapping)
    rule_out(mapping=mapping, pairs=[(customer.key, wrong.key)], user=None)
    assert (line(mapping, customer).verdict, line(mapping, customer).best_key) == ("clear", right.key)
    compute(mapping, full=True)
    assert line(mapping, customer).verdict == "clear"
    allow_again(rows=list(RuledOutPair.objects.select_related("mapping__connection")), user=None)
    compute(mapping)
    assert line(mapping, customer).verdict == "several"


def test_suggestions_for_both_sides(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso", phoneNumber="089 1000123")
    account = make_account(mapping.connection, "Contoso", telephone1="089 1000123")
    compute(mapping)
    forth = suggestions_for(mapping=mapping, system=System.BUSINESS_CENTRAL, keys=[customer.key])
    back = suggestions_for(mapping=mapping, system=System.SALES, keys=[account.key])
    assert [each.record.key for each in forth[customer.key]] == [account.key]
    assert [each.record.key for each in back[account.key]] == [customer.key]
    assert "same phone number" in forth[customer.key][0].reasons


def test_counts_leave_out_what_was_coupled_since(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso", phoneNumber="089 1000123")
    account = make_account(mapping.connection, "Contoso", telephone1="089 1000123")
    compute(mapping)
    assert suggestion_counts(mapping.connection)[mapping.pk]["clear"] == 1
    make_coupling(mapping, customer, account)
    assert counts_of(mapping, None)["coupled"] == 1
    assert suggestion_counts(mapping.connection) == {}


def both_tables_are_read(mapping):
    for system in System:
        TableCursor.objects.create(
            connection=mapping.connection, system=system, table=mapping.table(system), read_at=timezone.now()
        )


def test_due_until_computed_and_again_after_a_change(mapping):
    now = timezone.now()
    both_tables_are_read(mapping)
    assert mapping.pk in due(now=now)
    compute(mapping, full=True)
    assert mapping.pk not in due(now=timezone.now())
    make_customer(mapping.connection, "10000", "Contoso")
    assert mapping.pk in due(now=timezone.now())
    compute(mapping)
    assert mapping.pk not in due(now=timezone.now())
    assert mapping.pk in due(now=timezone.now() + timedelta(hours=25))


@pytest.mark.django_db(transaction=True)
def test_a_mapping_that_a_run_works_on_waits_for_its_end(mapping):
    both_tables_are_read(mapping)
    job = SynchJob.objects.create(
        connection=mapping.connection, mapping=mapping, mode=JobMode.FULL, trigger=JobTrigger.USER,
        state=JobState.RUNNING,
    )  # fmt: skip
    look_for_outdated_suggestions(now=timezone.now())
    assert not SuggestionState.objects.filter(mapping=mapping).exists()
    job.state = JobState.SUCCEEDED
    job.save()
    cache.clear()
    look_for_outdated_suggestions(now=timezone.now())
    assert SuggestionState.objects.get(mapping=mapping).computed_until


def test_compute_stops_when_asked_and_starts_over(mapping):
    customer = make_customer(mapping.connection, "10000", "Contoso")
    stopped = compute(mapping, report=lambda done, total: False)
    assert not stopped.finished
    assert SuggestionState.objects.get(mapping=mapping).computed_until is None
    assert compute(mapping).finished
    assert line(mapping, customer).verdict == "none"


def test_compute_one_at_a_time_per_connection(mapping):
    make_customer(mapping.connection, "10000", "Contoso")
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"couplet:suggestions:{mapping.connection_id}"]
            )
        with pytest.raises(BusyError):
            compute(mapping)
    finally:
        other.close()
