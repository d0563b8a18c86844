"""Integration table mappings and their fields: A49 to A59, editing by two people, and forty mappings."""

import pytest
from django.db import IntegrityError
from django.test import Client

from connector.choices import Direction, System
from coupling.definitions import ValueKind
from coupling.exceptions import MappingError
from coupling.models import FieldMapping, TableMapping
from coupling.services.mappings import update_field, update_mapping
from coupling.services.own_mappings import FieldChoice, add_fields, create_mapping, delete_mapping, free_columns
from syncjobs import tasks
from syncjobs.models import SynchJob
from syncjobs.services.jobs import run_mapping
from tests.api.test_own_mappings_live import custom_table  # noqa: F401  (fixture)
from tests.coupling.factories import make_person
from tests.scenarios.engine.conftest import _database, hub, transactional_db  # noqa: F401  (fixtures)
from tests.scenarios.engine.world import World


@pytest.fixture
def page(hub: World, client: Client) -> Client:  # noqa: F811
    client.force_login(make_person("administrator", "administrator"))
    return client


def own(world: World, name: str = "OWN") -> TableMapping:
    """A mapping of one's own between two tables that nothing maps yet."""
    return create_mapping(
        connection=world.connection,
        name=name,
        business_central_table="paymentMethods",
        sales_table="new_paymentmethods",
        direction=Direction.TO_SALES,
        user=None,
    )


def test_a49_the_list_shows_the_mappings_and_no_copies(hub, page):  # noqa: F811
    hub.run("CUSTOMER")
    table = page.get("/c/default/mappings/?page_size=250").context["table"]
    assert {row.record.name for row in table.rows} == set(hub.connection.mappings.values_list("name", flat=True))


def test_a50_fields_can_be_edited_in_place_but_not_what_identifies_them(hub, page):  # noqa: F811
    html = page.get("/c/default/mappings/CUSTOMER/").content.decode()
    field = hub.mapping("CUSTOMER").fields.exclude(sales_lookup={}).first()
    for setting in ("direction", "enabled", "not_null", "clear_value_on_failed_sync"):
        assert f'name="{setting}-{field.pk}"' in html
    assert f'name="sales_attribute-{field.pk}"' not in html
    with pytest.raises(MappingError):
        update_field(field=field, changes={"not_null": True, "clear_value_on_failed_sync": True}, user=None)
    update_field(field=field, changes={"not_null": False, "clear_value_on_failed_sync": True}, user=None)
    with pytest.raises(MappingError):
        update_field(field=field, changes={"not_null": True}, user=None)


def test_a51_the_log_of_one_mapping_has_only_its_runs_newest_first(hub, page):  # noqa: F811
    for name in ("CUSTOMER", "CURRENCY", "CUSTOMER"):
        hub.run(name)
    rows = page.get("/c/default/jobs/?mapping=CUSTOMER").context["table"].rows
    found = [row.record.pk for row in rows]
    assert found == sorted(SynchJob.objects.filter(mapping__name="CUSTOMER").values_list("pk", flat=True), reverse=True)


def test_a52_deleting_one_takes_its_own_fields_only_and_a_name_is_needed(hub, custom_table):  # noqa: F811
    before = FieldMapping.objects.filter(mapping__connection=hub.connection).count()
    mapping = own(hub)
    bc, sales = free_columns(mapping)
    add_fields(mapping=mapping, choices=[_pair(bc, sales)], user=None)
    delete_mapping(mapping=mapping, user=None)
    assert FieldMapping.objects.filter(mapping__connection=hub.connection).count() == before
    with pytest.raises(MappingError) as refused:
        own(hub, "   ")
    assert "name" in refused.value.fields
    with pytest.raises(IntegrityError):
        TableMapping.objects.create(connection=hub.connection, name="CUSTOMER", direction="to_sales")


def test_a54_only_what_changed_after_the_cursor_is_read(hub):  # noqa: F811
    coupling = hub.pair()
    hub.account("Untouched")
    hub.run("CUSTOMER")
    hub.requests()
    hub.edit_account(coupling, address1_city="Bergen")
    job = hub.run("CUSTOMER")
    assert (job.modified, job.total) == (1, 1)
    assert hub.city_of_customer(coupling) == "Bergen"


def test_a55_without_enabled_fields_a_run_fails_at_once_and_writes_nothing(hub):  # noqa: F811
    hub.mapping("CURRENCY").fields.update(enabled=False)
    before = len(hub.sales.rows("transactioncurrencies", "isocurrencycode"))
    job = hub.run_full("CURRENCY")
    assert job.state == "failed"
    assert "field" in job.message.lower()
    assert len(hub.sales.rows("transactioncurrencies", "isocurrencycode")) == before


def test_a56_pickers_offer_only_what_the_filter_admits(hub, page):  # noqa: F811
    hub.account("Alpha Company")
    hub.account("Beta Company")
    hub.customer("Alpha Company")
    hub.run("CUSTOMER")
    update_mapping(
        mapping=hub.mapping("CUSTOMER"),
        changes={"sales_filter": "startswith(name,'Alpha')"},
        user=None,
    )
    rows = (
        hub.connection.pk
        and page.get("/api/v1/connections/default/records/sales/accounts/?mapping=CUSTOMER").json()["results"]
    )
    assert [row["name"] for row in rows] == ["Alpha Company"]


def test_a57_a_reset_brings_the_delivered_mappings_back_and_can_be_undone(hub, page):  # noqa: F811
    number = hub.connection.mappings.count()
    hub.connection.mappings.exclude(kind="option").update(direction="to_sales")
    page.post("/c/default/mappings/reset/", {"confirmed": "1"})
    assert hub.connection.mappings.count() == number
    assert hub.mapping("CUSTOMER").direction == Direction.BIDIRECTIONAL
    scheduled = set(hub.connection.schedules.values_list("name", flat=True))
    assert not {"OPPORTUNITY", "POSTEDSALESLINE-INV"} & scheduled
    assert hub.connection.configuration_copies.filter(origin="before_reset").exists()


def test_a58_fields_added_to_a_mapping_come_once_and_disabled(hub):  # noqa: F811
    mapping = hub.mapping("CUSTOMER")
    bc, sales = free_columns(mapping)
    choice = _pair(bc, sales)
    added = add_fields(mapping=mapping, choices=[choice, choice], user=None)
    assert [(field.sales_attribute, field.enabled) for field in added] == [(choice.sales_attribute, False)]


def test_a59_a_mapping_goes_only_where_it_and_a_field_go(hub):  # noqa: F811
    mapping = hub.mapping("CURRENCY")
    with pytest.raises(MappingError) as refused:
        update_mapping(mapping=mapping, changes={"direction": Direction.TO_BUSINESS_CENTRAL}, user=None)
    assert "direction" in refused.value.fields
    assert set(Direction(hub.mapping("CUSTOMER").direction).targets) == set(System)


def test_a_duplicate_takes_what_the_new_tables_have_and_names_the_rest(hub, page, custom_table):  # noqa: F811
    update_mapping(mapping=hub.mapping("CUSTOMER"), changes={"update_conflict_resolution": "send_to_sales"}, user=None)
    address = "/c/default/mappings/new/?copy=CUSTOMER"
    form = page.get(f"{address}&live=1").context["form"]
    assert form["direction"].value() == Direction.BIDIRECTIONAL
    values = {
        "name": "PAYMENT METHOD", "business_central_table": "api:paymentMethods", "sales_table": custom_table,
        "direction": "to_sales", "synch_only_coupled_records": "on",
    }  # fmt: skip
    told = page.post(address, values, follow=True).text
    assert "PAYMENT METHOD is made with 1 field and switched off." in told
    assert "Left out, since the new tables have nothing for it: the filter in Business Central" in told
    mapping = hub.mapping("PAYMENT METHOD")
    assert (mapping.enabled, mapping.user_defined, mapping.direction) == (False, True, "to_sales")
    assert mapping.update_conflict_resolution == "send_to_sales"
    field = mapping.fields.get()
    assert (field.business_central_property, field.sales_attribute) == ("displayName", "new_name")
    assert (mapping.business_central_filter, mapping.sales_filter) == ("", "")
    assert hub.connection.schedules.get(name="PAYMENT METHOD").enabled is False
    taken = page.post(address, {**values, "name": "CUSTOMER"})
    assert taken.status_code == 422
    assert not hub.connection.mappings.filter(name="OWN").exists()


def test_an_unconditional_run_writes_over_what_only_the_other_side_changed(hub):  # noqa: F811
    hub.run_full("CURRENCY")
    key = hub.mapping("CURRENCY").couplings.first().sales_key
    name = hub.sales.row("transactioncurrencies", key, "currencyname")["currencyname"]
    hub.sales.update("transactioncurrencies", key, currencyname="Changed in Sales")
    run_to_its_end(hub, "full")
    assert hub.sales.row("transactioncurrencies", key, "currencyname")["currencyname"] == "Changed in Sales"
    job = run_to_its_end(hub, "unconditional")
    assert (job.state, job.modified) == ("succeeded", 1)
    assert hub.sales.row("transactioncurrencies", key, "currencyname")["currencyname"] == name


def run_to_its_end(hub, mode) -> SynchJob:  # noqa: F811
    job = run_mapping(mapping=hub.mapping("CURRENCY"), mode=mode, user=None)
    tasks.run_job(job.pk)
    job.refresh_from_db()
    return job


def test_a_filter_made_wrong_on_purpose_is_refused_under_its_field_and_nothing_typed_is_lost(hub, page):  # noqa: F811
    form = page.get("/c/default/mappings/CUSTOMER/").context["form"]
    values = {name: form[name].value() for name in form.fields}
    values = {name: value for name, value in values.items() if value not in (None, False)}
    for wrong in ("blocked eq", "nosuchproperty eq 'x'", "blocked eq ' ' )"):
        answer = page.post("/c/default/mappings/CUSTOMER/", {**values, "business_central_filter": wrong})
        assert answer.status_code == 422
        assert answer.context["form"].errors["business_central_filter"]
        assert answer.context["form"]["business_central_filter"].value() == wrong
    assert hub.mapping("CUSTOMER").business_central_filter != "blocked eq"


def test_two_administrators_who_edit_one_mapping_are_told_of_each_other(hub, page):  # noqa: F811
    answer = page.get("/c/default/mappings/CUSTOMER/")
    form = answer.context["form"]
    values = {name: form[name].value() for name in form.fields}
    values = {name: value for name, value in values.items() if value not in (None, False)}
    values["seen"] = answer.context["seen"]
    theirs = {"merge_fields": False, "update_conflict_resolution": "get_from_sales"}
    update_mapping(mapping=hub.mapping("CUSTOMER"), changes=theirs, user=make_person("second"))
    values |= {"deletion_conflict_resolution": "remove_coupling", "update_conflict_resolution": "send_to_sales"}
    conflict = page.post("/c/default/mappings/CUSTOMER/", values)
    assert conflict.status_code == 422
    assert "second changed this to" in conflict.content.decode()
    assert hub.mapping("CUSTOMER").update_conflict_resolution == "get_from_sales"
    values["seen"] = conflict.context["seen"]
    del values["merge_fields"]
    assert page.post("/c/default/mappings/CUSTOMER/", values).status_code == 302
    mapping = hub.mapping("CUSTOMER")
    assert (mapping.update_conflict_resolution, mapping.deletion_conflict_resolution) == (
        "send_to_sales", "remove_coupling",
    )  # fmt: skip


def test_changes_of_different_settings_by_two_people_both_stay(hub, page):  # noqa: F811
    answer = page.get("/c/default/mappings/CUSTOMER/")
    form = answer.context["form"]
    values = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    field = next(each for each in answer.context["fields"] if each.enabled)
    update_mapping(mapping=hub.mapping("CUSTOMER"), changes={"merge_fields": False}, user=None)
    values |= {"seen": answer.context["seen"], "deletion_conflict_resolution": "remove_coupling"}
    assert page.post("/c/default/mappings/CUSTOMER/", values).status_code == 302
    mapping = hub.mapping("CUSTOMER")
    assert (mapping.merge_fields, mapping.deletion_conflict_resolution) == (False, "remove_coupling")
    update_field(field=FieldMapping.objects.get(pk=field.pk), changes={"enabled": False}, user=None)
    grid = {f"direction-{field.pk}": field.direction, f"enabled-{field.pk}": "on", f"seen-{field.pk}": field.seen}
    page.post("/c/default/mappings/CUSTOMER/fields/", grid)
    assert FieldMapping.objects.get(pk=field.pk).enabled is False


def test_forty_mappings_cost_the_pages_no_more_queries(hub, page, django_assert_max_num_queries):  # noqa: F811
    names = ("CUSTOMER", "CURRENCY", "CONTACT")
    for number in range(40 - hub.connection.mappings.count()):
        copy = hub.mapping(names[number % 3])
        copy.pk, copy.name, copy.user_defined = None, f"OWN {number}", True
        copy.save()
    for address, most in (("mappings", 13), ("full-synch", 70), ("statistics", 10), ("schedules", 12)):
        with django_assert_max_num_queries(most):
            assert page.get(f"/c/default/{address}/").status_code == 200


def _pair(bc, sales) -> FieldChoice:
    """Any two free columns of text."""
    left = next(column for column in bc if column.kind == ValueKind.TEXT and column.writable)
    right = next(column for column in sales if column.kind == ValueKind.TEXT and column.writable)
    return FieldChoice(left.name, right.name, Direction.TO_SALES)
