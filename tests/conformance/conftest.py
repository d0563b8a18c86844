"""A sandbox for clients that nobody here wrote. They get nothing but its address, its CA file and credentials."""

from collections.abc import Iterator

import pytest

from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET
from tests.sandbox.conftest import ApiClient, get_token
from tests.sandbox_process import SandboxServer


@pytest.fixture(scope="module")
def stranger(sandbox_server: SandboxServer) -> Iterator[SandboxServer]:
    """A fresh sandbox whose CA the environment of this process trusts, as a foreign client would be set up."""
    sandbox_server.reset("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", sandbox_server.ca_file)
        patch.setenv("SSL_CERT_FILE", sandbox_server.ca_file)
        patch.setenv("NODE_EXTRA_CA_CERTS", sandbox_server.ca_file)
        yield sandbox_server


@pytest.fixture(scope="module")
def guest(stranger: SandboxServer) -> ApiClient:
    """The second registered client, for what has to be set up beside the client under test."""
    form = {"client_id": GUEST_CLIENT_ID, "client_secret": GUEST_CLIENT_SECRET}
    token = get_token(stranger, f"{stranger.url}/.default", **form).json()["access_token"]
    return ApiClient(stranger, f"{stranger.url}/api/data/v9.2/", token)
