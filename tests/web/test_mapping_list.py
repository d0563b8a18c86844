"""The list of mappings: why one does not take part, what goes wrong in which, and several of them at once."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connector.choices import System
from coupling.models import Coupling
from syncjobs.models import SynchJob
from tests.coupling.factories import make_coupling, make_record

LIST = "/c/default/mappings/"
REASON = "Resource needs the companion extension in Business Central."


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    return client


def cells(answer) -> dict[str, dict[str, str]]:
    """Text of the cells by mapping and column."""
    table = answer.context["table"]
    return {row.record.name: {column.name: str(cell) for column, cell in row.items()} for row in table.rows}


def test_an_unavailable_mapping_says_why_in_the_list_and_in_its_csv(administrator, hub):
    hub.connection.mappings.filter(name="RESOURCE-PRODUCT").update(available=False, unavailable_reason=REASON)
    assert REASON in cells(administrator.get(LIST))["RESOURCE-PRODUCT"]["state"]
    csv = b"".join(administrator.get(f"{LIST}?export=csv").streaming_content).decode()
    assert f"Unavailable: {REASON}" in csv


def test_counts_of_trouble_lead_to_the_records_and_the_last_run_to_its_job(administrator, hub):
    row = cells(administrator.get(LIST))["CUSTOMER"]
    assert (row["coupled"], ">2</a>" in row["troubled"]) == ("2", True)
    address = re.search('href="([^"]+)"', row["troubled"]).group(1)
    assert len(administrator.get(address).context["table"].rows) == 2
    assert f'/jobs/{hub.job.pk}/"' in row["last_run"]


def test_a53_an_option_key_leads_to_its_pairs_and_a_guid_nowhere(administrator, hub):
    administrator.post("/accounts/lists/mappings/", {"columns": ["name", "key"]})
    rows = {row.record.name: row.cells["key"] for row in administrator.get(LIST).context["table"].rows}
    assert "options/?mapping=PAYMENT+TERMS" in rows["PAYMENT TERMS"]
    assert "href" not in rows["CUSTOMER"]


def test_columns_that_may_be_chosen_say_whose_rows_templates_and_how_soon(administrator, hub):
    administrator.post("/accounts/lists/mappings/", {"columns": ["name", "companies", "templates_made", "reacts"]})
    row = cells(administrator.get(LIST))["CUSTOMER"]
    assert row["companies"] == "This company's rows and those without a company"
    assert "/mappings/CUSTOMER/templates/" in row["templates_made"]
    assert "yes" in row["reacts"]


def test_several_mappings_are_run_and_switched_at_once(administrator, hub):
    keys = list(hub.connection.mappings.filter(name__in=["CUSTOMER", "CURRENCY"]).values_list("pk", flat=True))
    administrator.post(LIST, {"action": "modified", "pk": keys})
    assert set(SynchJob.objects.filter(trigger="user").values_list("mapping", flat=True)) == set(keys)
    question = administrator.post(LIST, {"action": "off", "pk": keys})
    assert "Couplings stay." in question.content.decode()
    administrator.post(LIST, {"action": "off", "pk": keys, "confirmed": "1"})
    assert not hub.connection.mappings.filter(pk__in=keys, enabled=True).exists()
    html = administrator.post(LIST, {"action": "full", "pk": keys, "confirmed": "1"}, follow=True).content.decode()
    assert "CURRENCY: CURRENCY is switched off." in html


def test_an_operator_runs_changes_but_switches_nothing(hub, people, client):
    client.force_login(people["operator"])
    assert client.post(LIST, {"action": "off", "pk": [hub.customers.pk], "confirmed": "1"}).status_code == 403
    assert client.post(LIST, {"action": "modified", "pk": [hub.customers.pk]}).status_code == 302


def test_the_list_takes_as_many_queries_whatever_it_holds(administrator, hub, django_assert_max_num_queries):
    hub.connection.mappings.exclude(name="CUSTOMER").update(enabled=False)
    with CaptureQueriesContext(connection) as few:
        administrator.get(f"{LIST}?enabled=true")
    hub.connection.mappings.update(enabled=True)
    with django_assert_max_num_queries(len(few)):
        administrator.get(f"{LIST}?enabled=true")


def test_couplings_of_several_mappings_go_once_their_number_was_typed(administrator, hub):
    currencies = hub.connection.mappings.get(name="CURRENCY")
    code = make_record(hub.connection, System.BUSINESS_CENTRAL, "currencies", number="USD")
    make_coupling(currencies, code, make_record(hub.connection, System.SALES, "transactioncurrencies", number="USD"))
    chosen = hub.connection.mappings.filter(name__in=["CURRENCY", "CUSTOMER"]).values_list("pk", flat=True)
    question = administrator.post(LIST, {"action": "uncouple", "pk": list(chosen)})
    page = administrator.get(question.url)
    assert [(table.mapping.name, table.count) for table in page.context["tables"]] == [("CURRENCY", 1), ("CUSTOMER", 2)]
    assert "Type 3 exactly" in administrator.post(question.url, {"name": "CURRENCY"}).text
    assert Coupling.objects.count() == 3
    done = administrator.post(question.url, {"name": "3"}, follow=True).text
    assert "1 couplings of CURRENCY are deleted." in done
    assert "Of 2 mappings 1 were done at once, 1 go on in the background." in done
    assert not currencies.couplings.exists()


def test_several_mappings_are_exported_or_compared_with_their_delivered_setup(administrator, hub):
    keys = list(hub.connection.mappings.filter(name__in=["CURRENCY", "UNIT OF MEASURE"]).values_list("pk", flat=True))
    hub.connection.mappings.filter(name="CURRENCY").update(enabled=False)
    exported = administrator.post(LIST, {"action": "export", "pk": keys}, follow=True)
    assert [row["name"] for row in exported.json()["mappings"]] == ["CURRENCY", "UNIT OF MEASURE"]
    page = administrator.post(LIST, {"action": "reset", "pk": keys}, follow=True)
    assert [name for name, _ in page.context["groups"]] == ["CURRENCY"]
    assert "Nothing was selected." in administrator.post(LIST, {"action": "reset"}, follow=True).text
