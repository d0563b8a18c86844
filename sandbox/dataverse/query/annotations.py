"""Which annotations a request asked for with ``Prefer: odata.include-annotations``."""

from dataclasses import dataclass
from functools import lru_cache

FORMATTED = "OData.Community.Display.V1.FormattedValue"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount"
TOTAL_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
METADATA_VERSION = "Microsoft.Dynamics.CRM.globalmetadataversion"
_ALL = (FORMATTED, NAVIGATION, LOOKUP_TABLE, TOTAL, TOTAL_EXCEEDED, METADATA_VERSION)


@dataclass(frozen=True, slots=True)
class Annotations:
    """The names asked for; empty when none were."""

    names: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @property
    def any_on_values(self) -> bool:
        return bool(self.names & {FORMATTED, NAVIGATION, LOOKUP_TABLE})


NONE = Annotations()


@lru_cache(maxsize=128)
def parse(text: str | None) -> Annotations:
    """``*``, full names, prefixes with ``*``, and exclusions with a leading minus; the first that fits a name
    decides."""
    if not text:
        return NONE
    patterns = [part.strip() for part in text.split(",") if part.strip()]
    chosen = set()
    for name in _ALL:
        for pattern in patterns:
            excluded = pattern.startswith("-")
            wanted = pattern.lstrip("-")
            if wanted == name or (wanted.endswith("*") and name.startswith(wanted[:-1])):
                if not excluded:
                    chosen.add(name)
                break
    return Annotations(frozenset(chosen))
