import pytest
from playwright.sync_api import ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.browser


@pytest.mark.django_db(transaction=True)
def test_sign_in_page_breaks_no_content_policy(live_server: LiveServer, page: Page) -> None:
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", note)
    page.goto(f"{live_server.url}/")
    page.wait_for_load_state("networkidle")
    assert page.url == f"{live_server.url}/accounts/login/?next=/"
    assert page.locator("input[name=username]").is_visible()
    assert errors == []
