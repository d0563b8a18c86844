"""Business rules of the base tables: what validating, inserting, changing and deleting a row does besides."""

from importlib import import_module
from pkgutil import iter_modules


def load_rules() -> None:
    """Imports every rule module, which registers what it decorates."""
    for module in iter_modules(__path__):
        if module.name != "registry":
            import_module(f"{__name__}.{module.name}")
