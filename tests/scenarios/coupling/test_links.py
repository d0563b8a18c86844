"""Links as people make, move, delete and take them back, against both systems: scenarios of the coupling document."""

import pytest
from django.urls import reverse

from coupling.exceptions import AlreadyCoupledError, CouplingError
from coupling.link_changes import CouplingChange
from coupling.models import Coupling, OptionMapping
from coupling.services import changes, requests
from coupling.services.couplings import couple, move, take_over
from coupling.services.options import couple_option, option_lines
from coupling.services.salespeople import lines_of
from coupling.synchronisation import service
from tests.engine.live import BC, SALES, Hub
from tests.engine.people import company_number, make_contact, make_person
from tests.web.conftest import people  # noqa: F401  (fixture)

COMPANY = "_bcbi_companyid_value"


def read(hub: Hub) -> None:
    for system, table in ((BC, "customers"), (SALES, "accounts")):
        service().refresh_table(connection=hub.connection, system=system, table=table)


def coupled(hub: Hub, number: int, *, synchronize: bool = True) -> Coupling:
    customer = hub.bc.create("customers", displayName=f"Customer {number}", city="Aarhus")
    account = hub.sales.create("accounts", name=f"Account {number}", customertypecode=3, address1_city="Odense")
    coupling = couple(mapping=hub.mapping("CUSTOMER"), bc_key=customer, sales_key=account)
    if synchronize:
        requests.synchronize(coupling=coupling, direction="to_sales", retry=True, user=None, trigger=requests.FIRST)
    coupling.refresh_from_db()
    return coupling


def test_undo_of_a_first_synchronisation_puts_values_marker_and_link_back(hub):
    coupling = coupled(hub, 1)
    written = hub.sales.row("accounts", coupling.sales_key, "name", COMPANY)
    assert (written["name"], bool(written[COMPANY])) == ("Customer 1", True)
    change = CouplingChange.objects.get()
    plan = changes.plan_undo(change)
    assert "name" in {value.name for value in plan.back}
    assert plan.kept == []
    changes.undo(change, None)
    assert hub.sales.row("accounts", coupling.sales_key, "name", "address1_city", COMPANY) == {
        "name": "Account 1",
        "address1_city": "Odense",
        COMPANY: None,
    }
    assert not Coupling.objects.exists()
    change.refresh_from_db()
    assert change.undone_at is not None


def test_undo_says_what_somebody_changed_since_and_leaves_it(hub):
    coupling = coupled(hub, 1)
    hub.sales.update("accounts", coupling.sales_key, name="Renamed by hand")
    plan = changes.plan_undo(CouplingChange.objects.get())
    assert "name" in {value.name for value in plan.kept}
    changes.undo(plan.change, None)
    assert hub.sales.row("accounts", coupling.sales_key, "name")["name"] == "Renamed by hand"
    assert not Coupling.objects.exists()


def test_a_move_frees_the_earlier_row_and_can_be_taken_back(hub):
    coupling = coupled(hub, 1)
    earlier = coupling.sales_key
    other = hub.sales.create("accounts", name="Another", customertypecode=3)
    move(coupling=coupling, sales_key=other)
    assert hub.sales.row("accounts", earlier, COMPANY)[COMPANY] is None
    changes.undo(CouplingChange.objects.filter(kind="move").get(), None)
    coupling.refresh_from_db()
    assert coupling.sales_key == earlier
    assert coupling.sales_base["name"] == "Customer 1"


def test_two_moves_are_taken_back_one_after_the_other_newest_first(hub):
    coupling = coupled(hub, 1)
    rows = [coupling.sales_key]
    for name in ("Second", "Third"):
        rows.append(hub.sales.create("accounts", name=name, customertypecode=3))
        coupling = move(coupling=coupling, sales_key=rows[-1])
    with pytest.raises(CouplingError, match="undo the newest change first"):
        changes.undo(CouplingChange.objects.filter(kind="move").earliest("pk"), None)
    for row in (rows[1], rows[0]):
        changes.undo(changes.latest_undoable(coupling), None)
        coupling.refresh_from_db()
        assert coupling.sales_key == row
    assert coupling.sales_base["name"] == "Customer 1"


def test_a_row_taken_over_leaves_its_pair_and_keeps_its_company(hub):
    taken = coupled(hub, 1)
    customer = hub.bc.create("customers", displayName="The right one")
    mapping = hub.mapping("CUSTOMER")
    with pytest.raises(AlreadyCoupledError):
        couple(mapping=mapping, bc_key=customer, sales_key=taken.sales_key)
    take_over(mapping=mapping, sales_key=taken.sales_key)
    couple(mapping=mapping, bc_key=customer, sales_key=taken.sales_key)
    assert Coupling.objects.get().bc_key == customer
    assert hub.sales.row("accounts", taken.sales_key, COMPANY)[COMPANY] is not None


def test_undoing_a_table_wide_deletion_brings_contacts_back(hub, api):
    pair = coupled(hub, 1)
    person = make_person(hub, "Anna Bell", company_number(hub, "Customer 1"))
    contact = make_contact(hub, "Anna", "Bell", pair.sales_key)
    for system in (BC, SALES):
        service().refresh_table(connection=hub.connection, system=system, table="contacts")
    couple(mapping=hub.mapping("CONTACT"), bc_key=person, sales_key=contact)
    assert requests.children_to_go([pair]) == 1
    work = requests.uncouple_table(mapping=hub.mapping("CUSTOMER"), user=None)
    assert (work.children, Coupling.objects.count()) == (1, 0)
    changes.undo(changes.undoable(hub.connection, work.deed), None)
    assert set(Coupling.objects.values_list("mapping__name", "sales_key")) == {
        ("CUSTOMER", pair.sales_key),
        ("CONTACT", contact),
    }


def test_renaming_an_option_says_how_many_accounts_show_it(seller):
    hub = seller.hub
    mapping = hub.mapping("SHIPPING AGENT")
    service().refresh_table(connection=hub.connection, system=BC, table=mapping.business_central_table)
    lines = option_lines(mapping).lines
    code = next(line.code for line in lines if line.code)
    option = next(line.option for line in lines if line.option)
    hub.sales.create("accounts", name="User of it", customertypecode=3, **{mapping.option_attribute: option.value})
    service().refresh_table(connection=hub.connection, system=SALES, table="accounts")
    place = {"connection": "default", "name": mapping.name, "key": code.key}
    assert "used by 1 accounts" in seller.client.get(reverse("option-setup", kwargs=place)).text
    couple_option(mapping=mapping, bc_key=code.key, value=option.value, user=None)
    address = f"{reverse('option-list', kwargs={'connection': 'default'})}?mapping=SHIPPING%20AGENT"
    form = {"action": "synchronize", "key": [str(code.key)]}
    asked = seller.client.post(address, form).text
    assert f"“{option.label}” becomes “{code.number}”, shown by 1 account" in asked
    assert OptionMapping.objects.get(mapping=mapping).option_label == option.label
    seller.client.post(address, {**form, "confirmed": "1"})
    assert OptionMapping.objects.get(mapping=mapping).option_label.casefold() == code.number.casefold()


def test_options_are_coupled_by_hand_one_code_to_one_number(hub):
    mapping = hub.mapping("SHIPPING AGENT")
    service().refresh_table(connection=hub.connection, system=BC, table=mapping.business_central_table)
    lines = option_lines(mapping).lines
    codes = [line.code for line in lines if line.code][:2]
    option = next(line.option for line in lines if line.option)
    assert len(codes) == 2
    couple_option(mapping=mapping, bc_key=codes[0].key, value=option.value, user=None)
    with pytest.raises(AlreadyCoupledError, match=f"already belongs to {codes[0].number}"):
        couple_option(mapping=mapping, bc_key=codes[1].key, value=option.value, user=None)
    service().synchronize_options(mapping=mapping, keys=[codes[0].key], user=None)
    label = next(line.option.label for line in option_lines(mapping).lines if line.coupling)
    assert OptionMapping.objects.get(mapping=mapping).option_label.casefold() == codes[0].number.casefold()
    assert label


def test_salespeople_are_created_from_users_and_users_join_the_team(hub, people, client):  # noqa: F811
    client.force_login(people["salesperson"])
    hub.switch(ownership_model="person")
    for system, table in ((BC, "salespeoplePurchasers"), (SALES, "systemusers")):
        service().refresh_table(connection=hub.connection, system=system, table=table)
    address = reverse("salesperson-couple", kwargs={"connection": "default"})
    user = lines_of(hub.mapping("SALESPEOPLE"), [])[0].user
    page = client.post(address, {"action": "create", "user": [str(user.key)]}, follow=True)
    assert "1 salespeople are created." in page.text
    assert Coupling.objects.get(mapping__name="SALESPEOPLE").sales_key == user.key
    again = client.post(address, {"action": "create", "user": [str(user.key)]}, follow=True)
    assert "already coupled" in again.text
    assert user.key in service().team_members(connection=hub.connection)
    assert "in the team already" in client.post(address, {"action": "team"}, follow=True).text
