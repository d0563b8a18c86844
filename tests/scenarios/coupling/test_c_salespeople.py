"""Couple Salespeople (scenarios 30 to 33 of the coupling document)."""

from uuid import UUID

import pytest
from django.urls import reverse

from coupling.models import Coupling
from coupling.views.salespeople import _PREFIX as FIELD
from tests.scenarios.coupling.pages import Seller, said
from tests.scenarios.engine.test_k_by_hand import users

ADDRESS = reverse("salesperson-couple", kwargs={"connection": "default"})


@pytest.fixture
def people(seller: Seller) -> tuple[UUID, list[UUID]]:
    """A salesperson, and two users."""
    seller.hub.switch(ownership_model="person")
    person = seller.hub.bc.create("salespeoplePurchasers", code="SP", displayName="Sam Park")
    found = users(seller.hub)[:2]
    seller.reads("SALESPEOPLE")
    return person, found


def held(seller: Seller) -> dict[UUID, UUID | None]:
    """Who the page shows for each user."""
    return {line.user.key: chosen for line, chosen, _ in seller.client.get(ADDRESS).context["rows"]}


def save(seller: Seller, **chosen: str) -> str:
    return said(seller.client.post(ADDRESS, {f"{FIELD}{user}": code for user, code in chosen.items()}, follow=True))


def test_30_chosen_salesperson_is_coupled_on_save(seller: Seller, people: tuple[UUID, list[UUID]]) -> None:
    """CR CRMSystemUserPageCoupletoSalesperson, CRMSystemUserPageShowsCoupledSalesperson"""
    person, (user, _) = people
    assert held(seller)[user] is None
    assert not Coupling.objects.exists()
    assert "1 coupled, 0 uncoupled." in save(seller, **{str(user): str(person)})
    assert held(seller)[user] == person
    row = seller.hub.sales.row("systemusers", user, "fullname")
    assert seller.hub.bc.row("salespeoplePurchasers", person, "displayName")["displayName"] == row["fullname"]


@pytest.mark.parametrize("left", ["", "same"])
def test_31_salesperson_chosen_for_another_user_leaves_the_first(
    seller: Seller, people: tuple[UUID, list[UUID]], left: str
) -> None:
    """CT CRMSystemUserPageCoupleSalespersonToOtherCRMUser; with a script the first line empties, without it stays."""
    person, (first, second) = people
    save(seller, **{str(first): str(person)})
    save(seller, **{str(first): str(person) if left else "", str(second): str(person)})
    assert (held(seller)[first], held(seller)[second]) == (None, person)
    assert Coupling.objects.get().sales_key == second


def test_32_emptied_line_is_free_after_save(seller: Seller, people: tuple[UUID, list[UUID]]) -> None:
    """CT CRMSystemUserPageRemoveCoupling"""
    person, (user, _) = people
    save(seller, **{str(user): str(person)})
    assert "0 coupled, 1 uncoupled." in save(seller, **{str(user): ""})
    assert not Coupling.objects.exists()


def test_33_opened_to_pick_from_there_is_creating_only(seller: Seller, people: tuple[UUID, list[UUID]]) -> None:
    """CT CRMSystemUserPageCoupleControlsVisibility"""
    both = [seller.client.get(ADDRESS, query).text for query in ({}, {"pick": "1"})]
    present = [[f'name="{FIELD}' in page, 'value="uncouple"' in page, 'value="create"' in page] for page in both]
    assert present == [[True, True, True], [False, False, True]]
