"""What a table needs beyond its field mappings, registered by mapping name.

`base` has the hook points and the registry; each further module holds the rules of one kind of table.
"""

from syncjobs.engine.rules import currencies, customers, salespeople  # noqa: F401 - they register themselves
from syncjobs.engine.rules.base import Extra, Refusal, TableRule, rule_for

__all__ = ["Extra", "Refusal", "TableRule", "rule_for"]
