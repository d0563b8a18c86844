"""Looking at rows, walking through lists, sorting, assigning: what makes hundreds of couplings bearable."""

from uuid import uuid4

from django.urls import reverse

from connector.choices import System
from coupling.models import BusinessCentralRecord, Coupling
from coupling.services.claims import claim
from tests.coupling.factories import make_account, make_customer
from tests.web.conftest import Hub
from tests.web.test_coupling_pages import setup_url, url


def test_rows_are_looked_at_without_choosing_and_remembered_when_chosen(hub: Hub, free, signed_in):
    client = signed_in("salesperson")
    account = make_account(hub.connection, name="Zenith")
    address = url("coupling-setup", system="business_central", table="customers", key=free.key)
    look = client.get(f"{address}?partner={account.key}&part=peek", headers={"HX-Request": "true"}).text
    assert "Zenith" in look
    assert "fields differ" in look
    assert "picked recently" not in client.get(address).text
    client.get(f"{address}?partner={account.key}")
    assert "picked recently" in client.get(address).text


def test_records_are_sorted_by_state_and_every_view_says_how_many(hub: Hub, free, signed_in):
    client = signed_in("salesperson")
    states = [
        [row.record.coupling.state if row.record.coupling else "" for row in client.get(address).context["table"].page]
        for address in (f"{url('customer-list')}?sort=state", f"{url('customer-list')}?sort=-state")
    ]
    assert states == [["conflict", "failing", ""], ["", "failing", "conflict"]]
    page = client.get(url("customer-list"))
    counts = {label: count for label, _, _, count, _ in page.context["views"]}
    assert {name: counts[name] for name in ("All", "Not coupled", "Conflict", "Failing", "In sync", "Mine")} == {
        "All": 3, "Not coupled": 1, "Conflict": 1, "Failing": 1, "In sync": 0, "Mine": 0,
    }  # fmt: skip


def test_views_that_are_ones_own_say_how_many(hub: Hub, people, signed_in):
    make_customer(hub.connection, "20000", "Mine", salespersonCode="PS")
    people["salesperson"].email = "seller@example.org"
    people["salesperson"].save()
    values = {"email": "seller@example.org"}
    BusinessCentralRecord.objects.create(
        connection=hub.connection, table="salespeoplePurchasers", key=uuid4(), number="PS", values=values
    )
    page = signed_in("salesperson").get(url("customer-list"))
    assert {label: count for label, _, _, count, _ in page.context["views"]}["Mine"] == 1
    page = signed_in("salesperson").get(f"{url('customer-list')}?mine=true")
    assert [row.record.name for row in page.context["table"].page] == ["Mine"]


def test_an_error_is_assigned_to_a_person(hub: Hub, signed_in):
    client = signed_in("salesperson")
    pair = hub.couplings[1]
    assert "Who looks after 1 record?" in client.post(url("error-list"), {"action": "assign", "pk": [pair.pk]}).text
    client.post(url("error-list"), {"action": "assign", "pk": [pair.pk], "person": "operator"})
    pair.refresh_from_db()
    assert pair.assigned_to.username == "operator"
    assert "operator looks after it." in client.get(url("coupling-detail", pk=pair.pk)).text
    mine = signed_in("operator").get(f"{url('error-list')}?assigned=me")
    assert [row.pk for row in mine.context["table"].data] == [pair.pk]
    client.post(url("error-list"), {"action": "assign", "pk": [pair.pk], "person": ""})
    pair.refresh_from_db()
    assert pair.assigned_to is None


def test_uncoupled_rows_of_sales_come_up_one_by_one_with_their_number(hub: Hub, free, signed_in):
    client = signed_in("salesperson")
    first, second = (make_account(hub.connection, name) for name in ("Walk A", "Walk B"))
    make_account(hub.connection, "Not of the list's filter")
    queue = reverse("queue-sales", args=["default", "CUSTOMER"])
    assert f'href="{queue}?search=walk"' in client.get(f"{url('account-list')}?search=walk").text
    page = client.get(f"{queue}?search=walk")
    assert page.context["record"] == first
    assert page.context["progress"].open == 2
    page = client.post(f"{queue}?search=walk", {"action": "skip", "record": str(first.key)}, follow=True)
    assert (page.context["record"], page.context["progress"].skipped) == (second, 1)
    # The second one is reserved for the person who looks at it.
    other = signed_in("operator")
    assert other.get(f"{queue}?search=walk").context["record"] == first
    other.post(f"{queue}?search=walk", {"action": "skip", "record": str(first.key)})
    assert other.get(f"{queue}?search=walk").context["record"] == first, "what was skipped comes back"


def test_whoever_may_only_look_sees_both_records_and_no_way_to_couple_them(hub: Hub, free, signed_in):
    account = make_account(hub.connection, "Zenith")
    viewer = signed_in("viewer")
    page = viewer.get(f"{setup_url(free)}?partner={account.key}")
    assert "You can look at this, but not change it." in page.text
    assert "Create account" not in page.text
    assert viewer.post(setup_url(free), {"partner": str(account.key), "choice": "none"}).status_code == 403
    # Looking reserved nothing.
    assert "is being coupled by" not in signed_in("salesperson").get(setup_url(free)).text
    assert not Coupling.objects.filter(sales_key=account.key).exists()


def test_the_queue_finds_its_next_record_while_one_is_looked_at(hub: Hub, free, people, signed_in):
    client = signed_in("salesperson")
    first, second, third = (make_account(hub.connection, name) for name in ("Ahead A", "Ahead B", "Ahead C"))
    queue = f"{reverse('queue-sales', args=['default', 'CUSTOMER'])}?search=ahead"
    page = client.get(queue)
    assert page.context["record"] == first
    assert client.get(page.context["ahead"], headers={"HX-Request": "true"}).status_code == 204
    # It would come first if the queue were walked through once more.
    late = make_account(hub.connection, "Ahead AA")
    page = client.post(queue, {"action": "skip", "record": str(first.key)}, follow=True)
    assert page.context["record"] == second
    # Found, but taken by somebody else before it comes up: the walk goes on.
    client.get(page.context["ahead"], headers={"HX-Request": "true"})
    place = {"connection": hub.connection, "system": System.SALES, "table": "accounts"}
    claim(**place, key=late.key, user=people["operator"])
    page = client.post(queue, {"action": "skip", "record": str(second.key)}, follow=True)
    assert page.context["record"] == third
