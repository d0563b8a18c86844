"""The rows of the error table: see `connector.error_table` for how they are used.

`{remote}` in a sentence is the system's own message; other names come from the rule's pattern. Hints give the click
path in the product concerned.
"""

from connector.error_rules.business_central import BUSINESS_CENTRAL_RULES
from connector.error_rules.general import GENERAL_RULES, TRANSPORT_RULES
from connector.error_rules.sales import SALES_RULES
from connector.error_rules.shape import Rule, TransportRule
from connector.error_rules.sign_in import SIGN_IN_RULES

RULES = SIGN_IN_RULES + SALES_RULES + BUSINESS_CENTRAL_RULES + GENERAL_RULES

__all__ = ["RULES", "TRANSPORT_RULES", "Rule", "TransportRule"]
