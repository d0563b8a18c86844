"""Beside a mapping's settings: a preview with a picked record, short columns, what was changed and the way back."""

import pytest

from connector.models import AuditEntry
from coupling.models import SalesRecord, TableMapping
from coupling.services.lengths import short_columns
from coupling.services.mappings import remove_field, update_field, update_mapping
from tests.coupling.factories import make_account, make_customer

URL = "/c/default/mappings/CUSTOMER/"


@pytest.fixture
def administrator(hub, people, client):
    client.force_login(people["administrator"])
    return client


def tried(client, system, record, **more):
    return client.get(f"{URL}try/", {"system": system, "key": str(record.key), **more})


def test_a_record_is_found_and_shows_what_would_be_created_for_it(administrator, hub):
    customer = make_customer(hub.connection, "30000", "Fabrikam")
    found = administrator.get(f"{URL}try/", {"q": "fabri"}).content.decode()
    assert str(customer.key) in found
    answer = tried(administrator, "business_central", customer)
    written = {line.sales_attribute: line.sales_after for line in answer.context["preview"].fields}
    assert written["name"] == "Fabrikam"
    assert "It has no partner" in answer.content.decode()


def test_a_coupled_record_shows_both_sides_and_who_would_win(administrator, hub):
    account = SalesRecord.objects.get(key=hub.couplings[0].sales_key)
    for wins, system in (("business_central", "bc"), ("sales", "sales")):
        preview = tried(administrator, "sales", account, wins=wins).context["preview"]
        name = next(line for line in preview.fields if line.sales_attribute == "name")
        after = {"bc": name.sales_after, "sales": name.bc_after}[system]
        assert after == {"bc": "Customer 10000", "sales": "Account 10000"}[system]


def test_a_record_outside_the_filter_says_which_condition_it_fails(administrator, hub):
    customer = make_customer(hub.connection, "40000", "Blocked", blocked="All")
    assert "Runs leave this record out" in tried(administrator, "business_central", customer).content.decode()


def test_a_mapping_that_only_goes_the_other_way_creates_nothing(administrator, hub):
    TableMapping.objects.update(direction="to_business_central")
    customer = make_customer(hub.connection, "30000", "Fabrikam")
    assert "nothing is created for it" in tried(administrator, "business_central", customer).content.decode()


@pytest.mark.parametrize(
    "asked", [{"key": "no id", "system": "sales"}, {"key": "7d1f0c9e-0000-4000-8000-000000000000"}]
)
def test_what_is_no_record_is_not_found(administrator, hub, asked):
    assert administrator.get(f"{URL}try/", {"system": "business_central", **asked}).status_code == 404


def test_values_that_do_not_fit_on_the_other_side_are_counted(administrator, hub, django_assert_max_num_queries):
    make_account(hub.connection, "x" * 120)
    make_account(hub.connection, "y" * 101)
    make_account(hub.connection, "z" * 130, statecode=1)
    with django_assert_max_num_queries(3):
        [found] = short_columns(hub.customers)
    assert (found.field.sales_attribute, found.target, found.length) == ("name", "business_central", 100)
    assert (found.longest, found.values) == (120, 2)
    page = administrator.get(URL).content.decode()
    assert f'hx-get="{URL}lengths/"' in page
    assert f'<form method="post" action="{URL}fields/">' in page
    html = administrator.get(f"{URL}lengths/").content.decode()
    assert "takes 100 characters; 2 values are longer, up to 120" in " ".join(html.split())
    hub.customers.fields.filter(sales_attribute="name").update(direction="to_sales")
    assert not short_columns(hub.customers)


def test_a_change_of_the_settings_is_taken_back(administrator, hub, people):
    update_mapping(mapping=hub.customers, changes={"merge_fields": False}, user=people["administrator"])
    assert "Merge changes field by field" in administrator.get(f"{URL}history/").content.decode()
    entry = AuditEntry.objects.get(action="mapping.change")
    administrator.post(f"{URL}history/{entry.pk}/")
    hub.customers.refresh_from_db()
    assert hub.customers.merge_fields
    assert AuditEntry.objects.filter(action="mapping.change").count() == 2


def test_a_change_of_a_field_is_taken_back_while_it_is_mapped(administrator, hub):
    field = hub.customers.fields.get(business_central_property="displayName")
    update_field(field=field, changes={"enabled": False}, user=None)
    entry = AuditEntry.objects.get(action="field.change")
    administrator.post(f"{URL}history/{entry.pk}/")
    field.refresh_from_db()
    assert field.enabled
    remove_field(field=field, user=None)
    html = administrator.get(f"{URL}history/").content.decode()
    assert "Put back" not in html
    assert "not mapped any more" in administrator.post(f"{URL}history/{entry.pk}/", follow=True).content.decode()


def test_what_the_rules_of_a_mapping_forbid_is_not_put_back(administrator, hub):
    update_mapping(mapping=hub.customers, changes={"direction": "to_sales"}, user=None)
    hub.customers.fields.update(direction="to_sales")
    hub.customers.fields.filter(enabled=True).update(enabled=False)
    entry = AuditEntry.objects.get(action="mapping.change")
    html = administrator.post(f"{URL}history/{entry.pk}/", follow=True).content.decode()
    assert "It stays as it is" in html
    hub.customers.refresh_from_db()
    assert hub.customers.direction == "to_sales"


def test_the_history_of_a_mapping_leaves_out_those_whose_names_begin_alike(administrator, hub):
    TableMapping.objects.create(
        connection=hub.connection, name="CUSTOMER 2", business_central_table="b", business_central_label="B",
        sales_table="s", sales_entity="s", direction="to_sales",
    )  # fmt: skip
    AuditEntry.objects.create(connection=hub.connection, action="field.change", target="CUSTOMER 2 name / name")
    AuditEntry.objects.create(connection=hub.connection, action="mapping.change", target="CUSTOMER 2")
    assert "Nothing was changed yet" in administrator.get(f"{URL}history/").content.decode()


def test_whoever_only_looks_sees_no_way_back(hub, people, client):
    update_mapping(mapping=hub.customers, changes={"merge_fields": False}, user=None)
    client.force_login(people["viewer"])
    html = client.get(f"{URL}history/").content.decode()
    assert "Merge changes" in html
    assert "Put back" not in html
