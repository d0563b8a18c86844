"""Who may do what: the four roles and their capabilities, in one table.

Roles are Django groups, so an administrator can give a person several; a superuser is capable of everything. Which
capability an address needs stands in `config.access`, which also enforces it. Views whose request body decides (a run
over all records needs more than one over the changes) ask `require` first thing.
"""

from enum import StrEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, PermissionsMixin
from django.core.exceptions import PermissionDenied

User = AbstractBaseUser | AnonymousUser


class Role(StrEnum):
    """Names of the groups; also the names of the users that `manage.py up` makes."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    SALESPERSON = "salesperson"
    VIEWER = "viewer"


class Capability(StrEnum):
    """What a role may allow; the rows of the role table in docs/api.md, the last one split by subject."""

    READ = "read"
    """Records, couplings, jobs, operations and documents."""
    READ_SETTINGS = "read_settings"
    """Settings, mappings and schedules; never secrets."""
    COUPLE = "couple"
    """Couple, uncouple, create the other side, synchronise records, match, settle errors and conflicts."""
    PROCESS_DOCUMENTS = "process_documents"
    """Create or process sales documents."""
    OPERATE = "operate"
    """Test, preview, runs over changes, run or pause a schedule, cancel and retry jobs."""
    RUN_FULL = "run_full"
    """Start a full synchronisation or a run over all records."""
    UNDO = "undo"
    """Undo or delete a job."""
    CHANGE_SETTINGS = "change_settings"
    """Change settings, mappings and intervals; reset."""


_EVERYBODY = frozenset({Capability.READ, Capability.COUPLE, Capability.PROCESS_DOCUMENTS})
_OPERATOR = _EVERYBODY | {Capability.READ_SETTINGS, Capability.OPERATE}

ROLE_CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.SALESPERSON: _EVERYBODY,
    Role.OPERATOR: _OPERATOR,
    Role.VIEWER: frozenset({Capability.READ, Capability.READ_SETTINGS}),
    Role.ADMINISTRATOR: frozenset(Capability),
}


def capabilities_of(user: User) -> frozenset[Capability]:
    """All that `user` is capable of; empty for strangers and inactive accounts. One query per user object."""
    if not (isinstance(user, PermissionsMixin) and user.is_active):
        return frozenset()
    if user.is_superuser:
        return frozenset(Capability)
    known: frozenset[Capability] | None = getattr(user, "_couplet_capabilities", None)
    if known is None:
        names = set(user.groups.values_list("name", flat=True))
        known = frozenset().union(*(allowed for role, allowed in ROLE_CAPABILITIES.items() if role in names))
        user._couplet_capabilities = known  # type: ignore[attr-defined]
    return known


def require(user: User, capability: Capability) -> None:
    """Raises PermissionDenied (403 for pages and API alike) where `user` lacks `capability`."""
    if capability not in capabilities_of(user):
        raise PermissionDenied


class Can:
    """What templates ask: `{% if can.change_settings %}`. A misspelt capability raises instead of hiding a button."""

    def __init__(self, capabilities: frozenset[Capability]) -> None:
        self._capabilities = capabilities

    def __getitem__(self, name: str) -> bool:
        return Capability(name) in self._capabilities


def ensure_groups() -> None:
    """Makes the groups of all roles where they are missing; safe to repeat."""
    for role in Role:
        Group.objects.get_or_create(name=role)
