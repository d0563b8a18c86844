"""What the hub's processes of a chaos campaign have in common; imported before Django's settings are read.

A campaign has servers of its own, because it restarts them: nothing of the test session or of a running hub may be
near. Its directory comes from the environment, so that workers which it starts find the same one.
"""

import os
import tempfile
from pathlib import Path

from tests.chaos import DIRECTORY_VARIABLE

if DIRECTORY_VARIABLE not in os.environ:
    os.environ[DIRECTORY_VARIABLE] = tempfile.mkdtemp(prefix="couplet-chaos-")
DIRECTORY = Path(os.environ[DIRECTORY_VARIABLE])
DATABASE = "couplet"
TEMPLATE = "couplet_migrated"
CA_FILE = DIRECTORY / "ca.pem"

# Requests of a killed worker go on in the sandbox, which shares the machine with everything else here.
GRACE_SECONDS = 3


def prepare() -> None:
    """Points the hub's settings at the campaign's servers."""
    for name in [name for name in os.environ if name.startswith("COUPLET_") and name != DIRECTORY_VARIABLE]:
        del os.environ[name]
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "COUPLET_DATA_DIR": str(DIRECTORY),
        "COUPLET_SANDBOX": "0",
        "COUPLET_CREATE_GRACE_SECONDS": str(GRACE_SECONDS),
        "SANDBOX_CA_FILE": str(CA_FILE),
    }
