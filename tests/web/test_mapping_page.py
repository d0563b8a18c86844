"""The page of one mapping: whose rows it takes, what the hub does beside the fields, and runs that overwrite."""

import pytest

from connector.choices import OwnershipModel
from connector.models import AuditEntry, Connection
from syncjobs.models import SynchJob

PAGE = "/c/default/mappings/CUSTOMER/"


@pytest.fixture
def administrator(hub, people, sandbox_is_off, client):
    client.force_login(people["administrator"])
    return client


def test_rows_of_several_companies_take_part_once_somebody_agreed(administrator, hub):
    before = hub.customers.sales_filter
    question = administrator.post(f"{PAGE}companies/").text
    assert "two companies may each make a row for the same partner" in question
    hub.customers.refresh_from_db()
    assert hub.customers.sales_filter == before
    done = administrator.post(f"{PAGE}companies/", {"confirmed": "1"}, follow=True).text
    assert "CUSTOMER takes this now: rows of every company." in done
    hub.customers.refresh_from_db()
    assert "company" not in hub.customers.sales_filter
    assert AuditEntry.objects.filter(action="mapping.change", target="CUSTOMER").exists()
    back = administrator.post(f"{PAGE}companies/", {"confirmed": "1"}, follow=True).text
    assert "this company&#x27;s rows and those without a company" in back


def test_connections_of_one_environment_are_named_where_mappings_are_listed(administrator, hub):
    assert "same environment of Sales" not in administrator.get("/c/default/mappings/").text
    hub.connection.refresh_from_db()
    Connection.objects.create(slug="north", name="North", sales_url=hub.connection.sales_url.upper())
    html = administrator.get("/c/default/mappings/").text
    assert '<a href="/c/north/connection/">North</a> (switched off) belongs to the same environment' in html


def test_what_the_hub_does_beside_the_fields_is_said(administrator, hub):
    assert "An account that becomes inactive blocks its customer" in administrator.get(PAGE).text
    assert "a salesperson without a user fails the record" in administrator.get(PAGE).text
    Connection.objects.update(ownership_model=OwnershipModel.TEAM)
    assert "belongs to the team of the connection" in administrator.get(PAGE).text


def posted(page):
    """What a browser posts of the form, unchanged."""
    form = page.context["form"]
    values = {name: form[name].value() for name in form.fields}
    filled = {name: value for name, value in values.items() if value not in (None, False)}
    return {"seen": page.context["seen"], **filled}


def test_settings_that_bring_deleted_records_back_are_warned_of(administrator, hub):
    values = posted(administrator.get(PAGE)) | {"deletion_conflict_resolution": "remove_coupling"}
    del values["synch_only_coupled_records"]
    html = administrator.post(PAGE, values, follow=True).text
    assert "the next run may make the deleted record again" in html
    again = administrator.post(PAGE, posted(administrator.get(PAGE)), follow=True).text
    assert "may make the deleted record again" not in again


def test_a_filter_that_lets_other_companies_in_is_warned_of(administrator, hub):
    values = posted(administrator.get(PAGE)) | {"sales_filter": "statecode eq 0"}
    assert "Rows of every company take part now" in administrator.post(PAGE, values, follow=True).text


def test_an_unconditional_run_is_for_mappings_that_go_one_way(administrator, hub, people):
    assert 'value="unconditional"' not in administrator.get(PAGE).text
    refused = administrator.post(f"{PAGE}synchronize/", {"mode": "unconditional"}, follow=True).text
    assert "CUSTOMER goes both ways" in refused
    assert 'value="unconditional"' in administrator.get("/c/default/mappings/CURRENCY/").text
    administrator.post("/c/default/mappings/CURRENCY/synchronize/", {"mode": "unconditional"})
    job = SynchJob.objects.get(mapping__name="CURRENCY")
    assert (job.mode, job.options) == ("full", {"force_from": "business_central"})
    administrator.force_login(people["operator"])
    address = "/c/default/mappings/CURRENCY/synchronize/"
    assert administrator.post(address, {"mode": "unconditional"}).status_code == 403


def test_a_field_that_is_switched_on_asks_for_a_run_over_all_records(administrator, hub):
    field = hub.customers.fields.filter(enabled=False).first()
    grid = {f"direction-{field.pk}": field.direction, f"enabled-{field.pk}": "on"}
    assert "Run all records once" in administrator.post(f"{PAGE}fields/", grid, follow=True).text
    assert "Run all records once" not in administrator.post(f"{PAGE}fields/", grid, follow=True).text
