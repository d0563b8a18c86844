"""The hub's settings as the tests use them: servers and secrets of the test session, work done at once.

All processes of a session share one directory with one PostgreSQL and one Redis; each pytest-xdist worker has a
database and a Redis database number of its own.
"""

import os
import tempfile
from pathlib import Path

_SESSION_VARIABLE = "COUPLET_TEST_SESSION_DIR"
if _SESSION_VARIABLE not in os.environ:
    # Inherited by the workers of pytest-xdist and by every program that a test starts.
    os.environ[_SESSION_VARIABLE] = tempfile.mkdtemp(prefix="couplet-tests-")
SESSION_DIR = Path(os.environ[_SESSION_VARIABLE])

for name in ("DATABASE_URL", "REDIS_URL", "SANDBOX_CA_FILE"):
    os.environ.pop(name, None)
for name in [name for name in os.environ if name.startswith("COUPLET_") and name != _SESSION_VARIABLE]:
    del os.environ[name]
os.environ["COUPLET_DATA_DIR"] = str(SESSION_DIR)

from config.settings import *  # noqa: E402, F403
from config.settings import REDIS_URL as SERVER_URL  # noqa: E402
from config.settings import STATIC_ROOT  # noqa: E402

# One Redis database for each worker, the first for a run without workers.
REDIS_DATABASES = 64
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
REDIS_URL = f"{SERVER_URL}?db={int(_worker.removeprefix('gw')) + 1 if _worker else 0}"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
RQ_QUEUES = {name: {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 3600, "ASYNC": False} for name in ("high", "default", "low")}

STATIC_ROOT.mkdir(exist_ok=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
