"""Fixtures that every test may use: the session's servers, the sandbox, a browser.

The settings are in `tests/settings.py`. Asking for the database (`db`, `transactional_db`, the mark `django_db`) brings
PostgreSQL and Redis up; a test without it runs without them.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import servers
from tests.sandbox_process import SandboxServer, start_sandbox

logger = logging.getLogger(__name__)

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.end()


@pytest.fixture(scope="session")
def hub_servers() -> None:
    """PostgreSQL and Redis of the test session are running."""
    servers.ensure_started()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(hub_servers: None, django_db_modify_db_settings_parallel_suffix: None) -> None:
    """pytest-django's hook: before it makes the test database, the server has to run."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's hook: before it drops the test database, nobody else may be in it.

    A thread of a live server may still hold a session when the last test ends. Whoever does is named in the log.
    """
    yield
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, state, left(query, 300) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        for pid, state, query in cursor.fetchall():
            logger.warning("Still in the test database, %s: %s", state, query)
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.fixture(autouse=True)
def _empty_redis(request: pytest.FixtureRequest) -> Iterator[None]:
    """Queues, locks and budgets of one test are not there in the next."""
    yield
    if "hub_servers" in request.fixturenames or "django_db_setup" in request.fixturenames:
        from django_rq import get_connection

        with get_connection("default") as connection:
            connection.flushdb()


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """A running sandbox, shared by the tests of one worker; `sandbox` is the fixture to ask for."""
    server = start_sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def sandbox(sandbox_server: SandboxServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    """The sandbox with the dataset `empty`, its certificate authority trusted by the hub.

    The hub of this process waits less between attempts than it would for a service that is really down.
    """
    monkeypatch.setattr("connector.http.session.LONGEST_DELAY_SECONDS", 0.5)
    sandbox_server.reset("empty")
    settings.SANDBOX_CA_FILE = sandbox_server.ca_file
    return sandbox_server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium of this machine, shared by the tests of one worker."""
    # Playwright's synchronous interface runs an event loop in this thread, which Django takes for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=CHROMIUM_ARGUMENTS)
        try:
            yield chromium
        finally:
            chromium.close()
            if before is None:
                del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def browser_context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile: no cookies of another test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        yield context
    finally:
        context.close()


@pytest.fixture
def page(browser_context: BrowserContext) -> Page:
    return browser_context.new_page()


def _chromium() -> str:
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            return path
    pytest.fail("No Chromium on this machine: install the package chromium (make test does so where it may).")
