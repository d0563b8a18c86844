"""Deleting couplings (scenarios 39 to 45 of the coupling document): both records stay, the company marker goes."""

from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from coupling.models import Coupling
from coupling.services import changes
from coupling.synchronisation import service
from syncjobs.choices import JobMode, OperationKind, OperationState
from syncjobs.models import Operation, SynchJob
from tests.coupling.factories import make_person as make_user
from tests.engine.goods import make_products
from tests.engine.live import BC, SALES
from tests.engine.people import company_number, make_contact, make_person
from tests.scenarios.coupling.pages import Seller, said
from tests.scenarios.engine.world import World, counted

COMPANY = "_bcbi_companyid_value"


def marker(hub: World, coupling: Coupling, table: str = "accounts") -> Any:
    return hub.sales.row(table, coupling.sales_key, COMPANY)[COMPANY]


def deletes_all(seller: Seller, name: str, *, confirm: str) -> Any:
    """All couplings of a mapping; only administrators may."""
    if not seller.client.session.get("is_boss"):
        seller.client.force_login(make_user("boss", "administrator"))
        session = seller.client.session
        session["is_boss"] = True
        session.save()
    address = reverse("coupling-table-uncouple", args=["default", name])
    return seller.client.post(address, {"name": confirm}, follow=True)


def coupled_salespeople(hub: World, count: int) -> list[Coupling]:
    hub.switch(ownership_model="person")
    users = [
        row["systemuserid"]
        for row in hub.sales.rows("systemusers", "systemuserid", "isdisabled", "applicationid")
        if not row["isdisabled"] and not row["applicationid"]
    ]
    return [
        hub.linked(hub.bc.create("salespeoplePurchasers", code=f"S{n}", displayName=f"S{n}"), UUID(user), "SALESPEOPLE")
        for n, user in enumerate(users[:count])
    ]


def test_39_deleting_all_of_a_table_clears_every_marker_stuck_ones_too(seller: Seller) -> None:
    """UC IntegarionTableMappingListUncoupleSingleInBackground"""
    hub = seller.hub
    pairs = [hub.pair(name) for name in ("Adatum", "Fabrikam")]
    stuck = hub.pair("Stuck")
    Coupling.objects.filter(pk=stuck.pk).delete()
    assert marker(hub, stuck)
    assert "Type CUSTOMER exactly" in deletes_all(seller, "CUSTOMER", confirm="CUSTOM").text
    assert Coupling.objects.count() == 2
    deletes_all(seller, "CUSTOMER", confirm="CUSTOMER")
    job = SynchJob.objects.get(mode=JobMode.UNCOUPLE)
    assert (job.uncoupled, job.failed) == (2, 0)
    assert not Coupling.objects.exists()
    assert [marker(hub, pair) for pair in (*pairs, stuck)] == [None] * 3
    deed = changes.CouplingChange.objects.filter(kind="uncouple").latest("pk").deed
    changes.undo(changes.undoable(hub.connection, deed), None)
    assert Coupling.objects.count() == 2


def test_40_tables_without_a_marker_are_freed_at_once_and_others_by_jobs(seller: Seller) -> None:
    """UC IntegarionTableMappingListUncoupleSingleInForeground, IntegarionTableMappingListUncoupleMultiple"""
    hub = seller.hub
    make_products(hub)
    hub.pair("Adatum")
    coupled_salespeople(hub, 2)
    currencies = hub.mapping("CURRENCY").couplings.count()
    assert currencies
    for name in ("SALESPEOPLE", "CUSTOMER", "ITEM-PRODUCT"):
        deletes_all(seller, name, confirm=name)
    assert set(SynchJob.objects.filter(mode=JobMode.UNCOUPLE).values_list("mapping__name", flat=True)) == {
        "CUSTOMER",
        "ITEM-PRODUCT",
    }
    assert not Coupling.objects.filter(mapping__name__in=("SALESPEOPLE", "CUSTOMER", "ITEM-PRODUCT")).exists()
    assert hub.mapping("CURRENCY").couplings.count() == currencies


def test_41_one_paused_item_is_deleted_from_the_errors_page(seller: Seller) -> None:
    """UC CRMSkippedRecordsUncoupleSingleInBackground, CRMSkippedRecordsUncoupleSingleInForeground"""
    hub = seller.hub
    make_products(hub)
    people = coupled_salespeople(hub, 2)
    items = list(hub.mapping("ITEM-PRODUCT").couplings.order_by("pk"))
    Coupling.objects.update(error_code="engine.test", skipped_at=hub.now())
    errors = reverse("error-list", args=["default"])
    for gone, jobs in ((items[1], 1), (people[1], 1)):
        seller.client.post(errors, {"action": "uncouple", "pk": [gone.pk], "confirmed": "1"})
        assert not Coupling.objects.filter(pk=gone.pk).exists()
        assert SynchJob.objects.filter(mode=JobMode.UNCOUPLE).count() == jobs, "salespeople need none"
    assert marker(hub, items[1], "products") is None
    assert marker(hub, items[0], "products") is not None
    assert Coupling.objects.filter(pk__in=[items[0].pk, people[0].pk]).count() == 2


def test_42_of_a_selection_the_coupled_ones_are_freed(seller: Seller) -> None:
    """UC CustomerListUncoupleMultiple, CustomerListUncoupleSingle, CustomerCardUncouple"""
    hub = seller.hub
    first, second, third = (hub.pair(name) for name in ("First", "Second", "Third"))
    alone = [hub.customer(name) for name in ("Fourth", "Fifth")]
    seller.reads("CUSTOMER")
    answer = seller.acts("customers", "uncouple", [first.bc_key, third.bc_key, *alone])
    assert "Couplings to delete: 2." in said(answer)
    assert list(Coupling.objects.values_list("pk", flat=True)) == [second.pk]
    job = SynchJob.objects.get(mode=JobMode.UNCOUPLE)
    assert counted(job)["uncoupled"] == 2
    assert [marker(hub, pair) is None for pair in (first, second, third)] == [True, False, True]
    assert hub.exists(BC, "customers", first.bc_key)
    assert hub.exists(SALES, "accounts", first.sales_key)
    seller.client.post(f"/c/default/couplings/{second.pk}/uncouple/")
    assert not Coupling.objects.exists()


@pytest.mark.parametrize(
    ("name", "in_job"),
    [("SALESPEOPLE", False), ("CURRENCY", False), ("UNIT OF MEASURE", False), ("ITEM-PRODUCT", True)],
)
def test_43_who_carries_no_marker_is_freed_at_once(seller: Seller, name: str, in_job: bool) -> None:
    """UC SalespersonsPurchasersUncoupleMultiple, CurrencyListUncoupleMultiple, UnitsOfMeasureUncoupleMultiple,
    ItemListUncoupleMultiple"""
    hub = seller.hub
    if name == "SALESPEOPLE":
        coupled_salespeople(hub, 3)
    else:
        make_products(hub)
    seller.reads(name)
    first, *others = hub.mapping(name).couplings.order_by("pk")
    assert others
    table = hub.mapping(name).business_central_table
    seller.acts(table, "uncouple", [first.bc_key])
    assert set(hub.mapping(name).couplings.all()) == set(others)
    assert SynchJob.objects.filter(mode=JobMode.UNCOUPLE).exists() == in_job


def test_44_contacts_of_both_go_with_their_customer(seller: Seller) -> None:
    """CT RemoveCouplingForCustomerWithContacts"""
    hub = seller.hub
    pair, other = hub.pair("Adatum"), hub.pair("Fabrikam")
    numbers = {each: company_number(hub, name) for each, name in ((pair, "Adatum"), (other, "Fabrikam"))}
    made = {
        letter: (
            make_person(hub, f"Person {letter}", numbers[bc]),
            make_contact(hub, "Person", letter, sales.sales_key),
        )
        for letter, bc, sales in (("A", pair, pair), ("B", pair, pair), ("C", pair, other), ("D", other, pair))
    }
    for system in (BC, SALES):
        service().refresh_table(connection=hub.connection, system=system, table="contacts")
    couplings = {letter: hub.linked(bc, sales, "CONTACT") for letter, (bc, sales) in made.items()}
    page = seller.page_of(pair)
    assert "Delete coupling and 2 contact couplings" in page
    seller.client.post(f"/c/default/couplings/{pair.pk}/uncouple/")
    left = set(Coupling.objects.values_list("pk", flat=True))
    assert left == {other.pk, couplings["C"].pk, couplings["D"].pk}


def test_45_error_lines_free_their_records_several_lines_of_one_once(seller: Seller) -> None:
    """UC IntegrationSynchJobErrorsUncoupleSingleInForeground, IntegrationSynchJobErrorsUncoupleSingleInBackground"""
    hub = seller.hub
    make_products(hub)
    item, kept = hub.mapping("ITEM-PRODUCT").couplings.order_by("pk")[:2]
    currency = hub.mapping("CURRENCY").couplings.first()
    lines = [
        Operation.objects.create(
            job=SynchJob.objects.latest("pk"), connection=hub.connection, mapping=coupling.mapping, coupling=coupling,
            system=SALES, table=coupling.sales_table, bc_key=coupling.bc_key, sales_key=coupling.sales_key,
            kind=OperationKind.UPDATE, state=OperationState.FAILED, record_name="Line",
        ).pk
        for coupling in (item, item, currency)
    ]  # fmt: skip
    address = reverse("operation-list", args=["default"])
    answer = seller.client.post(address, {"action": "uncouple", "pk": lines, "confirmed": "1"}, follow=True)
    assert "Couplings to delete: 2." in said(answer)
    assert not Coupling.objects.filter(pk__in=[item.pk, currency.pk]).exists()
    assert Coupling.objects.filter(pk=kept.pk).exists()
    assert SynchJob.objects.filter(mode=JobMode.UNCOUPLE).count() == 1
