"""A served hub with the data of the web tests, and people signed in with a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.web.conftest import hub, people, sandbox_is_off  # noqa: F401  (fixtures)

AXE = Path(__file__).parent / "axe-core-4.14.1" / "axe.min.js"


@pytest.fixture
def served(transactional_db, live_server, hub, people) -> str:  # noqa: F811
    """Address of the hub."""
    return str(live_server.url)


@pytest.fixture
def sign_in(served: str, page: Page) -> Callable[[str], Page]:
    return lambda name: sign_in_on(page, served, name)


def sign_in_on(page: Page, served: str, name: str) -> Page:
    """Signs a person of the web tests in on a page of any browser context."""
    page.goto(f"{served}/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{served}/")
    return page


def violations(page: Page) -> list[str]:
    """What axe finds on the page: rule and the first element concerned."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found]
