"""The pair page, Set Up Coupling and Synchronize Now as people of each role see them."""

import pytest
from django.urls import reverse

from connector.choices import System
from coupling.models import Coupling, CouplingChange, SalesRecord
from coupling.services.children import children_of
from tests.coupling.factories import key, make_account, make_coupling, make_customer, make_record
from tests.web.conftest import Hub

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox_is_off")]


def url(name: str, **arguments) -> str:
    return reverse(name, kwargs={"connection": "default", **arguments})


def setup_url(record, system: str = "business_central") -> str:
    return url("coupling-setup", system=system, table=record.table, key=record.key)


def test_a_record_leads_to_its_pair_or_to_set_up_coupling(hub: Hub, signed_in):
    client = signed_in("salesperson")
    coupled = client.get(url("record-detail", system="sales", table="accounts", key=hub.couplings[0].sales_key))
    assert coupled.url == url("coupling-detail", pk=hub.couplings[0].pk)
    free = make_customer(hub.connection, "30000", "Free")
    answer = client.get(url("record-detail", system="business_central", table="customers", key=free.key))
    assert answer.url == setup_url(free)
    unknown = url("record-detail", system="sales", table="accounts", key=key("nobody"))
    assert client.get(unknown).status_code == 404


def test_the_pair_page_shows_both_sides_state_and_history(hub: Hub, signed_in):
    page = signed_in("salesperson").get(url("coupling-detail", pk=hub.couplings[1].pk)).text
    assert "20000 Customer 20000" in page
    assert "20000 Account 20000" in page
    assert "The name is too long." in page
    assert "Failing" in page
    assert f"Job {hub.job.pk}" in page
    assert "Retry" in page


def test_a_pair_outside_the_filter_says_which_condition_its_record_fails(hub: Hub, signed_in):
    pair = hub.couplings[0]
    row = SalesRecord.objects.get(key=pair.sales_key)
    row.values["statecode"] = 1
    row.save()
    Coupling.objects.filter(pk=pair.pk).update(outside_filter="sales", error_code="", conflict=False)
    assert "It fails: statecode eq 0." in signed_in("salesperson").get(url("coupling-detail", pk=pair.pk)).text


def test_the_pair_page_of_another_connection_is_404(hub: Hub, signed_in):
    hub.connection.pk = None
    hub.connection.slug = "other"
    hub.connection.save()
    address = reverse("coupling-detail", kwargs={"connection": "other", "pk": hub.couplings[0].pk})
    assert signed_in("salesperson").get(address).status_code == 404


def test_a_broken_pair_offers_restore_and_delete(hub: Hub, signed_in):
    Coupling.objects.filter(pk=hub.couplings[0].pk).update(missing="sales")
    page = signed_in("salesperson").get(url("coupling-detail", pk=hub.couplings[0].pk)).text
    assert "Gone in Sales." in page
    assert "Restore the missing record" in page
    assert "Synchronize Now" not in page


def test_a_coupling_is_deleted_at_once_with_a_way_back(hub: Hub, signed_in):
    mapping = hub.connection.mappings.get(name="CURRENCY")
    code = make_record(hub.connection, System.BUSINESS_CENTRAL, "currencies", number="USD", name="US dollar")
    row = make_record(hub.connection, System.SALES, "transactioncurrencies", number="USD", name="US dollar")
    coupling = make_coupling(mapping, code, row, bc_base={"code": "USD"}, sales_base={"isocurrencycode": "USD"})
    client = signed_in("salesperson")
    answer = client.post(url("coupling-uncouple", pk=coupling.pk), follow=True)
    assert "The coupling is deleted." in answer.text
    assert not Coupling.objects.filter(mapping=mapping).exists()
    change = CouplingChange.objects.get(mapping=mapping)
    assert url("coupling-undo", deed=change.deed) in answer.text
    answer = client.post(url("coupling-undo", deed=change.deed), follow=True)
    assert "Coupled again: 1." in answer.text
    again = Coupling.objects.get(mapping=mapping)
    assert (again.bc_key, again.sales_key, again.bc_base) == (code.key, row.key, {"code": "USD"})
    assert "undone already" in client.post(url("coupling-undo", deed=change.deed), follow=True).text


def test_undo_refuses_where_a_record_is_coupled_otherwise_by_now(hub: Hub, signed_in):
    mapping = hub.connection.mappings.get(name="CURRENCY")
    code = make_record(hub.connection, System.BUSINESS_CENTRAL, "currencies", number="USD", name="US dollar")
    row = make_record(hub.connection, System.SALES, "transactioncurrencies", number="USD", name="US dollar")
    other = make_record(hub.connection, System.SALES, "transactioncurrencies", number="USX", name="Other dollar")
    coupling = make_coupling(mapping, code, row)
    client = signed_in("salesperson")
    client.post(url("coupling-uncouple", pk=coupling.pk))
    make_coupling(mapping, code, other)
    answer = client.post(url("coupling-undo", deed=CouplingChange.objects.get().deed), follow=True)
    assert "Nothing could be coupled again" in answer.text


def test_deleting_all_couplings_of_a_table_is_for_administrators_who_type_its_name(hub: Hub, signed_in):
    mapping = hub.connection.mappings.get(name="CURRENCY")
    code = make_record(hub.connection, System.BUSINESS_CENTRAL, "currencies", number="USD", name="US dollar")
    make_coupling(mapping, code, make_record(hub.connection, System.SALES, "transactioncurrencies", number="USD"))
    address = reverse("coupling-table-uncouple", kwargs={"connection": "default", "name": "CURRENCY"})
    assert signed_in("operator").post(address, {"name": "CURRENCY"}).status_code == 403
    client = signed_in("administrator")
    assert "Type CURRENCY exactly" in client.post(address, {"name": "currencies"}).text
    assert mapping.couplings.count() == 1
    assert "1 couplings of CURRENCY are deleted." in client.post(address, {"name": "CURRENCY"}, follow=True).text
    assert mapping.couplings.count() == 0


def test_the_couplings_home_shows_every_mapping_and_what_has_to_come_first(hub: Hub, signed_in):
    page = signed_in("salesperson").get(url("coupling-home")).text
    for mapping in hub.connection.mappings.filter(enabled=True, kind="record"):
        assert f'id="mapping-{mapping.pk}"' in page
    assert "Customers and accounts" in page
    assert "open: " in page  # salespeople come before customers and are not coupled
    assert "Delete all" not in page
    assert "Delete all" in signed_in("administrator").get(url("coupling-home")).text


def test_contacts_go_with_their_customer_and_others_stay(hub: Hub):
    contacts = hub.connection.mappings.get(name="CONTACT")
    pair = hub.couplings[0]

    def coupled_contact(number: str, customer: object, account: object) -> Coupling:
        person = make_record(
            hub.connection, System.BUSINESS_CENTRAL, "contacts", number=number, type="Person", customerId=str(customer)
        )
        row = make_record(hub.connection, System.SALES, "contacts", name=number, _parentcustomerid_value=str(account))
        return make_coupling(contacts, person, row)

    theirs = coupled_contact("A", pair.bc_key, pair.sales_key)
    coupled_contact("C", pair.bc_key, hub.couplings[1].sales_key)
    coupled_contact("D", hub.couplings[1].bc_key, pair.sales_key)
    assert children_of([pair]) == [theirs]


def test_an_uncoupled_record_asks_before_it_opens_its_partner(hub: Hub, free, signed_in):
    client = signed_in("salesperson")
    place = {"system": "business_central", "table": "customers"}
    assert "Couple it now?" in client.get(url("record-open", **place, key=free.key)).text
    coupled = client.get(url("record-open", **place, key=hub.couplings[0].bc_key))
    assert f"etn=account&id={hub.couplings[0].sales_key}" in coupled.url
    row = hub.couplings[0].sales_key
    from_sales = client.get(f"{url('record-open-from-sales')}?etn=account&id={{{row}}}")
    assert "10000" in from_sales.url
    assert client.get(f"{url('record-open-from-sales')}?etn=incident&id={row}").status_code == 404
    uncoupled = make_account(hub.connection, name="Free of partners")
    picker = client.get(f"{url('record-open-from-sales')}?etn=account&id={uncoupled.key}")
    assert picker.url == url("coupling-setup", system="sales", table="accounts", key=uncoupled.key)
    hub.customers.synch_only_coupled_records = False
    hub.customers.save()
    assert client.get(f"{url('record-open-from-sales')}?etn=account&id={uncoupled.key}").url == f"{picker.url}?create=1"


def test_look_alikes_stop_a_creation_until_somebody_says_otherwise(hub: Hub, free, signed_in):
    twin = make_account(hub.connection, "Adatum Corp.")
    client = signed_in("salesperson")
    page = client.get(f"{setup_url(free)}?create=1").text
    assert f"partner={twin.key}" in page
    assert "Create it anyway" in page
    answer = client.post(setup_url(free), {"create": "1"}, follow=True)
    assert "say that you create it anyway" in answer.text
    bulk = {"action": "create", "pk": [free.pk], "confirmed": "1"}
    assert "1 look like records that exist already" in client.post(url("customer-list"), bulk, follow=True).text


def test_a_row_of_another_pair_names_it_and_can_be_moved_here(hub: Hub, free, signed_in):
    page = signed_in("salesperson").get(f"{setup_url(free)}?partner={hub.couplings[0].sales_key}").text
    assert "already belongs to 10000 Customer 10000" in page
    assert url("coupling-detail", pk=hub.couplings[0].pk) in page
    assert 'name="move_here"' in page


def test_actions_answer_to_post_only(hub: Hub, signed_in):
    client = signed_in("salesperson")
    for name in ("coupling-uncouple", "coupling-retry", "coupling-restore"):
        assert client.get(url(name, pk=hub.couplings[0].pk)).status_code == 405


def test_set_up_coupling_suggests_and_proposes_to_sales(hub: Hub, free, signed_in):
    account = make_account(hub.connection, "Adatum", telephone1="+45 12 34 56 78")
    page = signed_in("salesperson").get(setup_url(free)).text
    assert "Suggestions" in page
    assert f"partner={account.key}" in page
    page = signed_in("salesperson").get(f"{setup_url(free)}?partner={account.key}").text
    assert "Couple and update Sales" in page
    assert page.count('class="choice choice-on"') == 1


def test_set_up_coupling_of_a_coupled_record_shows_its_partner_and_writes_nothing_by_default(hub: Hub, signed_in):
    coupling = hub.couplings[0]
    address = url("coupling-setup", system="business_central", table="customers", key=coupling.bc_key)
    page = signed_in("salesperson").get(address).text
    assert "Current" in page
    assert "Coupled already" in page
    assert "Create account" not in page


def test_set_up_coupling_works_from_the_sales_row(hub: Hub, free, signed_in):
    account = make_account(hub.connection, "Adatum")
    page = signed_in("salesperson").get(f"{setup_url(account, 'sales')}?search=adatum").text
    assert "Account in Sales" in page
    assert f"partner={free.key}" in page


def test_rows_outside_the_filter_are_shown_last_and_cannot_be_chosen(hub: Hub, free, signed_in):
    inside = make_account(hub.connection, "Adatum Two")
    outside = make_account(hub.connection, "Adatum One", customertypecode=8)
    page = signed_in("salesperson").get(f"{setup_url(free)}?search=adatum").text
    assert f"partner={inside.key}" in page
    assert f"partner={outside.key}" not in page
    assert "left out by the CUSTOMER filter" in page
    assert page.index("<b>Adatum</b> Two") < page.index("<b>Adatum</b> One")


def test_coupled_rows_are_hidden_until_asked_for(hub: Hub, free, signed_in):
    client = signed_in("salesperson")
    page = client.get(f"{setup_url(free)}?search=Account").text
    assert "2 coupled ones not shown" in page
    page = client.get(f"{setup_url(free)}?search=Account&with_coupled=1").text
    assert "coupled to 10000 Customer 10000" in page


def test_a_search_without_hits_says_so(hub: Hub, free, signed_in):
    page = signed_in("salesperson").get(f"{setup_url(free)}?search=WrongName").text
    assert "No account matches “WrongName”" in page


def test_htmx_gets_the_list_only(hub: Hub, free, signed_in):
    answer = signed_in("salesperson").get(f"{setup_url(free)}?search=x&part=candidates", headers={"HX-Request": "true"})
    assert 'role="listbox"' in answer.text
    assert "<html" not in answer.text


def test_create_new_forces_the_direction_and_is_not_offered_for_salespeople(hub: Hub, free, signed_in):
    client = signed_in("salesperson")
    page = client.get(f"{setup_url(free)}?create=1&choice=none").text
    assert "Create account and couple" in page
    assert 'name="choice" value="to_sales"' in page
    person = make_record(hub.connection, System.BUSINESS_CENTRAL, "salespeoplePurchasers", number="PS", name="Peter")
    page = client.get(setup_url(person)).text
    assert "Create user" not in page


def test_coupling_while_a_system_does_not_answer_says_so_and_changes_nothing(hub: Hub, free, signed_in):
    account = make_account(hub.connection, "Adatum")
    before = Coupling.objects.count()
    answer = signed_in("salesperson").post(
        setup_url(free), {"partner": str(account.key), "choice": "none"}, follow=True
    )
    assert answer.status_code == 200
    assert "toast-error" in answer.text
    assert Coupling.objects.count() == before


@pytest.mark.parametrize("partner", ["x", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"])
def test_a_partner_that_is_no_record_is_404(hub: Hub, free, signed_in, partner):
    assert signed_in("salesperson").get(f"{setup_url(free)}?partner={partner}").status_code == 404


def test_synchronize_now_asks_which_way_and_warns(hub: Hub, signed_in):
    page = signed_in("salesperson").get(url("coupling-synchronize", pk=hub.couplings[0].pk)).text
    assert "Send to Sales" in page
    assert "Get from Sales" in page
    assert "The data of one side will be replaced." in page
    assert 'value="merge"' not in page


def test_synchronizing_a_selection_asks_one_question(hub: Hub, signed_in):
    client = signed_in("salesperson")
    rows = hub.connection.business_central_records.filter(table="customers")
    page = client.post(url("customer-list"), {"action": "synchronize", "pk": [row.pk for row in rows]}).text
    assert "2 coupled records selected" in page
    assert f'name="couplings" value="{hub.couplings[0].pk},{hub.couplings[1].pk}"' in page
    assert 'value="merge"' not in page


def test_a_selection_without_couplings_starts_nothing(hub: Hub, free, signed_in):
    answer = signed_in("salesperson").post(
        url("customer-list"), {"action": "synchronize", "pk": [free.pk]}, follow=True
    )
    assert "None of the selected records is coupled." in answer.text


def test_bulk_uncouple_asks_with_the_number(hub: Hub, signed_in):
    row = hub.connection.business_central_records.get(number="10000")
    page = signed_in("salesperson").post(url("customer-list"), {"action": "uncouple", "pk": [row.pk]}).text
    assert "Delete 1 coupling?" in page
    assert Coupling.objects.count() == 2


def test_options_are_listed_and_uncoupled(hub: Hub, signed_in):
    mapping = hub.connection.mappings.get(name="PAYMENT TERMS")
    mapping.options.create(bc_key=key("30 DAYS"), bc_code="30 DAYS", option_value=1, option_label="Net 30")
    client = signed_in("salesperson")
    assert "Net 30" in client.get(url("option-list")).text
    data = {"action": "uncouple", "key": [str(key("30 DAYS"))], "confirmed": "1"}
    assert "Couplings deleted: 1." in client.post(url("option-list"), data, follow=True).text
    assert not mapping.options.exists()
