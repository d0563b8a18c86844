"""What a table needs beyond its field mappings, registered by mapping name.

`base` has the hook points and the registry; each further module holds the rules of one kind of table.
"""

from connector.choices import System
from syncjobs.engine.blueprint import Blueprint
from syncjobs.engine.rules import (  # noqa: F401 - they register themselves
    contacts,
    currencies,
    invoices,
    opportunities,
    orders,
    prices,
    products,
    salespeople,
    units,
)
from syncjobs.engine.rules.base import Extra, Refusal, TableRule, rule_for

__all__ = ["Extra", "Refusal", "TableRule", "mirrored_properties", "rule_for"]


def mirrored_properties(blueprint: Blueprint, system: System) -> frozenset[str]:
    """What a mapping and its rule look at in `system`: it has to be mirrored, and its changes make pairs dirty."""
    return blueprint.properties(system) | rule_for(blueprint.name).properties(system)
