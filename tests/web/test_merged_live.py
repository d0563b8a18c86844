"""Rows of Sales that were merged: the row that is left is named, and coupling it is one step."""

from uuid import uuid4

from django.urls import reverse

from coupling.models import Coupling, SalesRecord
from coupling.services.merged import survivors
from coupling.synchronisation import service
from tests.coupling.factories import make_account
from tests.engine.live import SALES
from tests.web.conftest import Hub
from tests.web.test_coupling_pages import url
from tests.web.test_coupling_pages_live import live, records, salesperson, setup_address  # noqa: F401  (fixtures)


def reference(key) -> dict[str, str]:
    return {"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": str(key)}


def test_a_merged_account_is_named_with_the_one_that_is_left(live, salesperson, records):  # noqa: F811
    customer, account = records
    left = live.sales.create("accounts", name="Kontoso Group", customertypecode=3)
    salesperson.post(setup_address(customer), {"partner": str(account), "choice": "none"})
    pair = Coupling.objects.get()
    live.sales.client.session.send("POST", "Merge", body={"Target": reference(left), "Subordinate": reference(account)})
    service().refresh_table(connection=live.connection, system=SALES, table="accounts")
    way = f"{setup_address(customer)}?mapping=CUSTOMER&amp;partner={left}"
    page = salesperson.get(url("coupling-detail", pk=pair.pk)).text
    assert "Kontoso was merged into Kontoso Group in Sales." in page
    assert way in page
    for name in ("customer-list", "account-list"):
        listed = salesperson.get(url(name)).text
        assert "Merged into Kontoso Group." in listed
        assert way in listed
    shown = salesperson.get(reverse("api-coupling-detail", kwargs={"connection": "default", "pk": pair.pk}))
    assert shown.json()["merged_into"] == str(left)
    salesperson.post(setup_address(customer), {"partner": str(left), "choice": "none"})
    pair.refresh_from_db()
    assert pair.sales_key == left
    assert "merged into" not in salesperson.get(url("coupling-detail", pk=pair.pk)).text


def test_a_row_that_is_left_may_be_merged_again_or_be_gone(hub: Hub, django_assert_num_queries):
    last = make_account(hub.connection, "Last")
    middle = make_account(hub.connection, "Middle", _masterid_value=str(last.key))
    first = make_account(hub.connection, "First", _masterid_value=str(middle.key))
    lost = make_account(hub.connection, "Lost", _masterid_value=str(uuid4()))
    rows: list[SalesRecord] = [first, middle, lost, last]
    with django_assert_num_queries(1):
        assert survivors(connection=hub.connection, table="accounts", rows=rows) == {first.key: last, middle.key: last}
    with django_assert_num_queries(0):
        assert survivors(connection=hub.connection, table="accounts", rows=[last]) == {}
