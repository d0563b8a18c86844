import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config import keys


def test_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = keys.kept_secret(tmp_path, "encryption_key", keys.new_encryption_key)
    Fernet(first)
    assert keys.kept_secret(tmp_path, "encryption_key", keys.new_encryption_key) == first
    assert stat.S_IMODE((tmp_path / "secrets" / "encryption_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_secret_of_two_that_start_together_is_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: keys.kept_secret(tmp_path, "secret_key", keys.new_secret_key), range(16)))
    assert len(secrets) == 1
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["secret_key"]


def test_secret_that_is_not_accessible_says_what_to_do(tmp_path: Path) -> None:
    def forbidden() -> str:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    with pytest.raises(ImproperlyConfigured, match="another account"):
        keys.kept_secret(tmp_path, "secret_key", forbidden)
