"""Makes the virtual environment and keeps it in step with the pinned requirements.

Runs under the machine's own Python with nothing installed, so it uses the standard library alone. A stamp in the
environment says which requirements it holds, therefore a start with nothing to install costs a few milliseconds, and an
installation that was interrupted is simply done again.

    python3 config/bootstrap.py         what `make run` needs
    python3 config/bootstrap.py --dev   what `make test` needs, a Chromium included where it may be installed
"""

import sys

OLDEST_PYTHON = (3, 11)
if sys.version_info < OLDEST_PYTHON:
    sys.exit(
        "Couplet needs Python 3.11 or newer, and this is "
        + sys.version.split()[0]
        + ". Name another one: make run PYTHON=/path/to/python3.12"
    )

import argparse  # noqa: E402
import fcntl  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
from pathlib import Path  # noqa: E402

PROJECT_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT_DIR / ".venv"
ENVIRONMENT_PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "couplet-requirements.json"
RUNTIME = PROJECT_DIR / "requirements.txt"
DEVELOPMENT = PROJECT_DIR / "requirements-dev.txt"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes .venv and installs what the project needs.")
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    development = parser.parse_args().dev
    # Two `make` at once take turns; the lock ends with the process, so nothing stale can stay behind.
    with RUNTIME.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        ensure_requirements(development=development)
    if development:
        ensure_chromium()


def ensure_requirements(*, development: bool) -> None:
    files = [RUNTIME, DEVELOPMENT] if development else [RUNTIME]
    wanted = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    usable = environment_is_usable()
    if usable and wanted.items() <= installed().items():
        return
    if not usable:
        make_environment()
    say(f"Installing {' and '.join(path.name for path in files)} into .venv (a minute or two the first time) …")
    STAMP.unlink(missing_ok=True)
    command = [str(ENVIRONMENT_PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    # --no-user: a user-wide pip configuration must not lead the installation out of the environment.
    if subprocess.run([*command, "--no-user", "-r", str(files[-1])], cwd=PROJECT_DIR, check=False).returncode:
        sys.exit(installation_advice())
    STAMP.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def installed() -> dict[str, str]:
    """Digests of the requirement files that the environment was last filled from."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def environment_is_usable() -> bool:
    """Whether .venv is whole and of a supported Python; one whose making was interrupted has no pip."""
    if not ENVIRONMENT_PYTHON.exists():
        return False
    question = f"import pip, sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    return subprocess.run([str(ENVIRONMENT_PYTHON), "-c", question], check=False, capture_output=True).returncode == 0


def make_environment() -> None:
    say(f"Making the virtual environment .venv with Python {sys.version.split()[0]} …")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        install_system_package(f"python{sys.version_info.major}.{sys.version_info.minor}-venv", "make .venv")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=False)
    if made.returncode or not environment_is_usable():
        sys.exit(f"The virtual environment cannot be made in {ENVIRONMENT}; the lines above say why.")


def ensure_chromium() -> None:
    """Browser tests use the machine's Chromium; where none can be installed, they say so themselves."""
    if any(shutil.which(name) for name in CHROMIUM_NAMES):
        return
    if can_install():
        install_system_package("chromium", "run the browser tests")
    else:
        say("No Chromium here, which the browser tests need: install the package chromium.")


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_system_package(package: str, purpose: str) -> None:
    """Installs a Debian package where this process may, and otherwise ends with the sentence that says what to do."""
    if not can_install():
        sys.exit(f"To {purpose}, the system package {package} is needed: sudo apt-get install {package}")
    say(f"Installing the system package {package}, needed to {purpose} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", package]
    for command in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed; install {package} by hand, then try again.")


def installation_advice() -> str:
    advice = "The requirements could not be installed; the lines above are pip's. Is the package index reachable?"
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        advice += (
            "\nIf pip tried to build a package: this machine has no C compiler. Install one "
            "(apt-get install build-essential python3-dev), or use a Python the package has ready-made files for."
        )
    return advice


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the next start takes it up again.")
