"""Which company's rows of Sales a mapping takes, where several companies share one environment.

The mapping's filter is the only place that says it. This module reads that one condition and rewrites it; whatever else
the filter asks for stays as it is written.
"""

import re
from enum import StrEnum

from django.contrib.auth.models import User

from connector.choices import Direction
from connector.services.facts import MARKED
from coupling.exceptions import MappingError
from coupling.models import TableMapping
from coupling.services.filter_builder import joined
from coupling.services.mappings import update_mapping

_COLUMN = "_bcbi_companyid_value"
_OWN = f"{_COLUMN} eq {{company_row_id}}"
_OWN_OR_NONE = f"({_OWN} or {_COLUMN} eq null)"
_GAP = r"\s+"
_BOTH_IN_WORDS = _GAP.join(map(re.escape, _OWN_OR_NONE.strip("()").split()))
_OWN_IN_WORDS = _GAP.join(map(re.escape, _OWN.split()))
_BESIDE_OTHERS = rf"\(\s*{_BOTH_IN_WORDS}\s*\)"
_ALONE = re.compile(rf"\s*(?:{_BOTH_IN_WORDS}|{_BESIDE_OTHERS})\s*")
_NARROW = frozenset({"opportunity", "salesorder"})
"""Tables whose rows belong to one company for good: taking rows of nobody's would take another company's work."""


class Companies(StrEnum):
    """Whose rows take part."""

    OWN_OR_NONE = "own_or_none"
    OWN = "own"
    ALL = "all"
    BY_HAND = "by_hand"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Companies.OWN_OR_NONE: "This company's rows and those without a company",
    Companies.OWN: "Only this company's rows",
    Companies.ALL: "Rows of every company",
    Companies.BY_HAND: "As the filter says",
}


def companies_of(mapping: TableMapping) -> Companies | None:
    """None for a table whose rows carry no company."""
    if mapping.sales_entity not in MARKED:
        return None
    text = mapping.sales_filter
    if _COLUMN not in text:
        return Companies.ALL
    if _ALONE.fullmatch(text) or re.search(_BESIDE_OTHERS, text):
        return Companies.OWN_OR_NONE
    own = re.search(_OWN_IN_WORDS, text)
    return Companies.OWN if own and text.count(_COLUMN) == 1 else Companies.BY_HAND


def is_multi_company(mapping: TableMapping) -> bool:
    return companies_of(mapping) == (Companies.OWN if mapping.sales_entity in _NARROW else Companies.ALL)


def may_switch(mapping: TableMapping) -> bool:
    """Whether the one condition can be found in the filter, or be added to it."""
    found = companies_of(mapping)
    return found == Companies.OWN_OR_NONE or (found is not None and is_multi_company(mapping))


def what_changes(mapping: TableMapping) -> str:
    """The question before the switch, in words."""
    if is_multi_company(mapping):
        return "Rows of other companies no longer take part; pairs with them stay coupled and wait."
    if mapping.sales_entity in _NARROW:
        return (
            "Rows without a company no longer take part: where several companies work in one environment nobody knows "
            "whose they are."
        )
    words = "Rows of every company take part, also those that another connection synchronises."
    if mapping.direction == Direction.TO_BUSINESS_CENTRAL:
        return words
    return (
        f"{words} This mapping writes to Sales too: two companies may each make a row for the same partner. Rather let "
        "it go to Business Central only, or match before anything is created, or keep the companies apart by another "
        "condition of the filter; where their numbers overlap, a transformation rule can put a prefix before them."
    )


def consequence(was: Companies | None, mapping: TableMapping) -> str:
    """What a changed filter means for companies, where somebody may not have meant it; blank otherwise."""
    now = companies_of(mapping)
    if was == Companies.OWN_OR_NONE and now == Companies.OWN:
        return (
            "Rows without a company no longer take part. Rows that people make in Sales carry none until they are "
            "coupled, so these would not reach Business Central; add the condition again if they should."
        )
    if now == Companies.ALL and was not in (Companies.ALL, None):
        return "Rows of every company take part now, also those that another connection synchronises."
    return ""


def switch_companies(*, mapping: TableMapping, multi: bool, user: User | None) -> TableMapping:
    """Takes rows of other companies too, or keeps to this one again. Raises MappingError."""
    if multi == is_multi_company(mapping):
        return mapping
    if not may_switch(mapping):
        problem = "The filter says something of its own about companies; change it there."
        raise MappingError("The mapping was not changed.", fields={"sales_filter": [problem]})
    text = mapping.sales_filter
    if multi:
        text = _narrowed(text) if mapping.sales_entity in _NARROW else without_companies(text)
    elif mapping.sales_entity in _NARROW:
        text = re.sub(_OWN_IN_WORDS, lambda _: _OWN_OR_NONE, text, count=1)
    else:
        text = joined(text, _OWN_OR_NONE)
    return update_mapping(mapping=mapping, changes={"sales_filter": text}, user=user)


def without_companies(text: str) -> str:
    """The filter without the condition about companies. Raises MappingError where that is part of a larger one."""
    if _COLUMN not in text or _ALONE.fullmatch(text):
        return "" if _COLUMN in text else text
    for pattern in (rf"\s+and\s+{_BESIDE_OTHERS}", rf"{_BESIDE_OTHERS}\s+and\s+"):
        shorter, found = re.subn(pattern, "", text, count=1)
        if found:
            return shorter
    problem = "The condition about companies is part of a larger one; change the filter itself."
    raise MappingError("The mapping was not changed.", fields={"sales_filter": [problem]})


def _narrowed(text: str) -> str:
    """The filter with only this company's rows in place of those and rows without a company."""
    return _OWN if _ALONE.fullmatch(text) else re.sub(_BESIDE_OTHERS, lambda _: _OWN, text, count=1)
