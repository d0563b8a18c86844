"""Secrets that the hub makes for itself once and keeps in its data directory.

Several machines have to share their secrets and get them from the environment; a hub on one machine should start
without any preparation. Its secrets belong beside the data they protect: losing the encryption key means losing the
stored credentials.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def kept_secret(data_dir: Path, name: str, make: Callable[[], str]) -> str:
    """The secret in `data_dir`/secrets/`name`, made and written first (mode 0600) where there is none."""
    path = data_dir / "secrets" / name
    try:
        if not path.exists():
            _write_first(path, make())
        return path.read_text(encoding="ascii").strip()
    except PermissionError as error:
        raise ImproperlyConfigured(
            f"{error.filename} is not accessible: an earlier start ran as another account. Give the data directory to "
            f"yourself (sudo chown -R $(id -un) {data_dir}) or set COUPLET_DATA_DIR to another one."
        ) from error


def _write_first(path: Path, secret: str) -> None:
    """Writes the file unless another process that starts at the same time was quicker."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_text(secret + "\n", encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def new_secret_key() -> str:
    return secrets.token_urlsafe(50)


def new_encryption_key() -> str:
    return Fernet.generate_key().decode("ascii")


def new_password() -> str:
    return secrets.token_urlsafe(9)
