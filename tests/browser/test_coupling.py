"""Coupling in a real browser: the couplings home, and a coupling that is deleted and taken back by its note."""

import pytest

from connector.choices import System
from coupling.models import Coupling
from tests.browser.conftest import AXE, violations
from tests.coupling.factories import make_coupling, make_record

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("sandbox_is_off")]


def test_a_deleted_coupling_comes_back_from_its_note(served, sign_in, hub):
    mapping = hub.connection.mappings.get(name="CURRENCY")
    code = make_record(hub.connection, System.BUSINESS_CENTRAL, "currencies", number="USD", name="US dollar")
    row = make_record(hub.connection, System.SALES, "transactioncurrencies", number="USD", name="US dollar")
    coupling = make_coupling(mapping, code, row)
    page = sign_in("salesperson")
    page.goto(f"{served}/c/default/couplings/")
    assert page.get_by_role("heading", name="Customers and accounts").is_visible()
    page.evaluate(AXE.read_text())
    assert violations(page) == []
    page.goto(f"{served}/c/default/couplings/{coupling.pk}/")
    page.get_by_role("button", name="Delete coupling").click()
    undo = page.get_by_role("button", name="Undo")
    undo.wait_for()
    assert not Coupling.objects.filter(mapping=mapping).exists()
    undo.press("Enter")
    page.get_by_text("Coupled again: 1.").wait_for()
    assert Coupling.objects.filter(mapping=mapping).exists()
