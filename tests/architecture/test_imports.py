"""Imports only point downwards: syncjobs → coupling → connector, and the sandbox shares nothing with the hub."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HUB = ("connector", "coupling", "syncjobs")
FORBIDDEN = {
    "connector": {"coupling", "syncjobs", "sandbox"},
    "coupling": {"syncjobs", "sandbox"},
    "syncjobs": {"sandbox"},
    "config": {"sandbox"},
    "sandbox": {"config", *HUB},
}
CONFIG_FOR_APPS = {"config.web", "config.roles", "config.access", "config.rest"}
"""What the apps may use of `config`: the visual language, the roles, and the REST ground rules."""


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_package_imports_nothing_above_it(package):
    files = _files(package)
    assert files, f"{package} is missing"
    upward = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in _imports(path)
        if name.split(".")[0] in FORBIDDEN[package]
    }
    assert upward == set()


@pytest.mark.parametrize("package", HUB)
def test_apps_use_only_the_shared_part_of_config(package):
    other = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in _files(package)
        for name in _imports(path)
        if name.startswith("config.") and not any(f"{name}.".startswith(f"{shared}.") for shared in CONFIG_FOR_APPS)
    }
    assert other == set()
