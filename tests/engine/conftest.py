"""Fixtures of the engine's tests against the running sandbox."""

from typing import Any

import pytest

from tests.engine.live import Hub, connect
from tests.sandbox_process import SandboxServer


@pytest.fixture
def hub(sandbox: SandboxServer, transactional_db: None, settings: Any) -> Hub:
    """A hub connected with an empty sandbox; jobs run in this process, on real transactions."""
    settings.COUPLET_CREATE_GRACE_SECONDS = 0
    connection = connect(sandbox)
    sandbox.control("DELETE", "/requests")
    return Hub(connection, sandbox)
