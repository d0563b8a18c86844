"""Coupling, moving and uncoupling against both systems as they are at that moment."""

from uuid import uuid4

import pytest

from connector.models import AuditEntry
from coupling.exceptions import AlreadyCoupledError, CouplingError, OutsideFilterError, RecordMissingError
from coupling.models import Coupling
from coupling.services.admission import conjuncts
from coupling.services.couplings import couple, move, uncouple
from tests.engine.live import Hub


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("blocked eq false", ["blocked eq false"]),
        ("statecode eq 0 and (a eq 1 or b eq null)", ["statecode eq 0", "(a eq 1 or b eq null)"]),
        ("a eq 1 or b eq 2", ["a eq 1 or b eq 2"]),
        ("name eq 'salt and pepper' and a eq 1", ["name eq 'salt and pepper'", "a eq 1"]),
        ("android eq 1 and b eq 2", ["android eq 1", "b eq 2"]),
    ],
)
def test_conjuncts_are_the_parts_joined_by_and(text, parts):
    assert conjuncts(text) == parts


def customer(hub: Hub, name: str = "Contoso", **values):
    return hub.bc.create("customers", displayName=name, **values)


def account(hub: Hub, name: str = "Contoso", **values):
    return hub.sales.create("accounts", **{"name": name, "customertypecode": 3, **values})


def test_couple_writes_the_link_and_nothing_else(hub, people):
    bc_key, sales_key = customer(hub, "Contoso Ltd."), account(hub, "Kontoso")
    coupling = couple(mapping=hub.mapping("CUSTOMER"), bc_key=bc_key, sales_key=sales_key, user=people["salesperson"])
    assert (coupling.bc_key, coupling.sales_key, coupling.origin) == (bc_key, sales_key, "manual")
    assert coupling.created_by == people["salesperson"]
    assert hub.sales.row("accounts", sales_key, "name") == {"name": "Kontoso"}
    assert hub.bc.row("customers", bc_key, "displayName") == {"displayName": "Contoso Ltd."}
    entry = AuditEntry.objects.get(action="coupling.create")
    assert entry.user == people["salesperson"]
    assert entry.after["sales_id"] == str(sales_key)


def test_couple_with_a_record_that_does_not_exist_is_refused(hub):
    with pytest.raises(RecordMissingError):
        couple(mapping=hub.mapping("CUSTOMER"), bc_key=customer(hub), sales_key=uuid4())
    assert not Coupling.objects.exists()


def test_couple_outside_the_filter_names_the_condition(hub):
    sales_key = account(hub, "Prospect", customertypecode=8)
    with pytest.raises(OutsideFilterError, match=r"Prospect is left out by the CUSTOMER filter.*customertypecode eq 3"):
        couple(mapping=hub.mapping("CUSTOMER"), bc_key=customer(hub), sales_key=sales_key)


def test_couple_reads_both_live_before_it_decides(hub):
    mapping = hub.mapping("CUSTOMER")
    bc_key, sales_key = customer(hub), account(hub)
    coupling = couple(mapping=mapping, bc_key=bc_key, sales_key=sales_key)
    uncouple(coupling=coupling)
    hub.bc.update("customers", bc_key, blocked="All")
    with pytest.raises(OutsideFilterError, match="blocked"):
        couple(mapping=mapping, bc_key=bc_key, sales_key=sales_key)


def test_couple_with_a_taken_row_is_refused_and_names_the_partner(hub):
    mapping, sales_key = hub.mapping("CUSTOMER"), account(hub, "Fabrikam")
    couple(mapping=mapping, bc_key=customer(hub, "Fabrikam AG"), sales_key=sales_key)
    with pytest.raises(AlreadyCoupledError, match=r"Fabrikam is already coupled with .*Fabrikam AG"):
        couple(mapping=mapping, bc_key=customer(hub, "Other"), sales_key=sales_key)
    assert Coupling.objects.count() == 1


def test_couple_replaces_a_partner_that_is_gone(hub):
    mapping, sales_key = hub.mapping("CUSTOMER"), account(hub)
    dead = customer(hub, "Dead")
    couple(mapping=mapping, bc_key=dead, sales_key=sales_key)
    hub.bc.delete("customers", dead)
    alive = customer(hub, "Alive")
    coupling = couple(mapping=mapping, bc_key=alive, sales_key=sales_key)
    assert list(Coupling.objects.values_list("bc_key", "sales_key")) == [(alive, sales_key)]
    assert coupling.bc_key == alive


def test_couple_again_lifts_the_marks_of_failure(hub):
    mapping, bc_key, sales_key = hub.mapping("CUSTOMER"), customer(hub), account(hub)
    coupling = couple(mapping=mapping, bc_key=bc_key, sales_key=sales_key)
    Coupling.objects.update(error_code="x", failures=2, skipped_at="2026-01-01T00:00:00Z")
    again = couple(mapping=mapping, bc_key=bc_key, sales_key=sales_key)
    assert (again.pk, again.error_code, again.failures, again.skipped_at) == (coupling.pk, "", 0, None)


def test_one_account_is_never_on_a_customer_and_a_vendor(hub):
    mapping, sales_key = hub.mapping("CUSTOMER"), account(hub)
    couple(mapping=mapping, bc_key=customer(hub), sales_key=sales_key)
    hub.sales.update("accounts", sales_key, customertypecode=11)
    vendor = hub.bc.create("vendors", displayName="Vendor")
    with pytest.raises(AlreadyCoupledError):
        couple(mapping=hub.mapping("VENDOR"), bc_key=vendor, sales_key=sales_key)


def test_couple_while_the_connection_is_disabled_is_refused(hub):
    mapping = hub.mapping("CUSTOMER")
    hub.connection.enabled = False
    hub.connection.save()
    mapping.connection.refresh_from_db()
    with pytest.raises(CouplingError, match="disabled"):
        couple(mapping=mapping, bc_key=uuid4(), sales_key=uuid4())


def test_move_frees_the_old_row_and_starts_over(hub, people):
    mapping = hub.mapping("CUSTOMER")
    bc_key, old, new = customer(hub), account(hub, "Old"), account(hub, "New")
    coupling = couple(mapping=mapping, bc_key=bc_key, sales_key=old)
    Coupling.objects.update(
        bc_base={"displayName": "x"}, last_synchronised_at="2026-01-01T00:00:00Z", skipped_at="2026-01-01T00:00:00Z"
    )
    coupling.refresh_from_db()
    moved = move(coupling=coupling, sales_key=new, user=people["administrator"])
    assert (moved.pk, moved.sales_key, moved.bc_base, moved.last_synchronised_at, moved.skipped_at) == (
        coupling.pk,
        new,
        {},
        None,
        None,
    )
    couple(mapping=mapping, bc_key=customer(hub, "Second"), sales_key=old)


def test_move_to_a_taken_row_is_refused(hub):
    mapping = hub.mapping("CUSTOMER")
    taken = account(hub, "Taken")
    couple(mapping=mapping, bc_key=customer(hub, "First"), sales_key=taken)
    coupling = couple(mapping=mapping, bc_key=customer(hub, "Second"), sales_key=account(hub, "Mine"))
    with pytest.raises(AlreadyCoupledError):
        move(coupling=coupling, sales_key=taken)
