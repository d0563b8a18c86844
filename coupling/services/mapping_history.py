"""What was changed about a mapping, its fields and templates, by whom, and the way back of a single change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from connector.errors import ErrorKind, HubError
from connector.models import AuditEntry
from coupling.models import FieldMapping, TableMapping
from coupling.services.mappings import update_field, update_mapping

_MAPPING, _FIELD = "mapping.change", "field.change"
_LENGTH = 100
_ACTIONS = {
    _MAPPING: "Settings changed",
    "mapping.create": "Made",
    "mapping.import": "Replaced by a configuration file or copy",
    "mapping.reset": "Put back to the delivered setup",
    "mapping.criteria": "Matching rules changed",
    "mapping.uncouple": "Couplings deleted",
    _FIELD: "Field changed",
    "field.create": "Field added",
    "field.delete": "Field removed",
    "template.create": "Template made",
    "template.change": "Template changed",
    "template.delete": "Template removed",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the audit log. `subject`: the field or template concerned; blank for the mapping as a whole."""

    entry: AuditEntry
    words: str
    subject: str
    values: list[tuple[str, Any, Any]]
    may_go_back: bool


def changes_of_mapping(mapping: TableMapping) -> list[Change]:
    """The newest changes, newest first. Three queries."""
    fields = _fields(mapping)
    return [
        Change(
            entry=entry,
            words=_ACTIONS[entry.action],
            subject=entry.target.removeprefix(mapping.name).strip(),
            values=[(name, entry.before.get(name), entry.after.get(name)) for name in {**entry.before, **entry.after}],
            may_go_back=entry.action == _MAPPING or (entry.action == _FIELD and entry.target in fields),
        )
        for entry in _entries(mapping).select_related("user")[:_LENGTH]
    ]


def take_back(*, mapping: TableMapping, entry_id: int, user: User | None) -> AuditEntry:
    """Puts back the values from before a change of settings or of a field; itself a change that can be taken back.

    Raises HubError where that is not possible any more, MappingError where the rules of a mapping forbid it.
    """
    entry = _entries(mapping).filter(pk=entry_id, action__in=(_MAPPING, _FIELD)).first()
    if entry is None:
        raise HubError("This change cannot be taken back.", kind=ErrorKind.CONFLICT, code="mapping.no_way_back")
    before: Mapping[str, Any] = entry.before
    if entry.action == _MAPPING:
        update_mapping(mapping=mapping, changes=before, user=user)
        return entry
    field = _fields(mapping).get(entry.target)
    if field is None:
        raise HubError("The field is not mapped any more.", kind=ErrorKind.CONFLICT, code="mapping.no_way_back")
    update_field(field=field, changes=before, user=user)
    return entry


def _entries(mapping: TableMapping) -> QuerySet[AuditEntry]:
    """Entries name what they are about by words: the mapping's name, alone or before that of a field or template."""
    begin = f"{mapping.name} "
    longer = mapping.connection.mappings.filter(name__startswith=begin).values_list("name", flat=True)
    others = Q(pk=None)
    for name in longer:
        others |= Q(target=name) | Q(target__startswith=f"{name} ")
    about = Q(target=mapping.name) | Q(target__startswith=begin)
    return AuditEntry.objects.filter(about, connection=mapping.connection_id, action__in=_ACTIONS).exclude(others)


def _fields(mapping: TableMapping) -> dict[str, FieldMapping]:
    return {f"{mapping.name} {field}"[:200]: field for field in mapping.fields.select_related("mapping__connection")}
