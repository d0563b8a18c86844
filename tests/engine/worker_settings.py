"""Settings of a worker process that a test starts: the test's own database instead of the hub's."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["WORKER_TEST_DATABASE"]
