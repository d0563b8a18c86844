"""Mappings, fields, templates and schedules as one document: to keep, to carry elsewhere, to compare and to put back.

The document is JSON and has no secrets and no addresses:

    {"format": "couplet-configuration", "version": 1,
     "mappings": [{"name": …, settings …, "fields": […], "templates": […], "schedule": {…} or null}],
     "rules": [{"code": …, "description": …, "kind": …, "parameters": {…}}],
     "connection": {settings of `syncjobs.services.connection_settings`; only where all mappings are exported}}

Rules that do not exist yet are added with their mappings; existing ones stay as they are.

Applying one replaces the mappings it names and leaves the others alone. What stood before is kept as a copy, so that
every reset and import can be undone the same way.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.models import model_to_dict

from connector.choices import Direction, System
from connector.errors import ErrorKind, HubError
from connector.models import Connection
from connector.services.audit import record_change
from coupling.defaults import delivered_transformations
from coupling.models import FieldMapping, RecordTemplate, TableMapping, TransformationRule
from coupling.services.defaults import Difference, coming_mappings, default_differences, reset_to_defaults
from coupling.services.mappings import filter_problem
from coupling.services.transformations import save_rule
from coupling.transformations import RuleKind, check_parameters
from syncjobs.choices import CopyOrigin
from syncjobs.models import ConfigurationCopy, Schedule
from syncjobs.services import connection_settings
from syncjobs.services.schedules import ensure_schedules
from syncjobs.windows import WEEKDAYS

FORMAT, VERSION = "couplet-configuration", 1
KEPT_COPIES = 50

_PLACE = ("kind", "business_central_table", "business_central_label", "business_central_service", "sales_table",
          "sales_entity", "sales_label", "sales_primary_key", "sales_primary_name", "order", "depends_on",
          "user_defined")  # fmt: skip
"""What says which tables a mapping joins; only mappings of one's own take it from a document."""

_SETTINGS = ("direction", "business_central_filter", "sales_filter", "synch_only_coupled_records",
             "create_new_in_case_of_no_match", "synch_after_bulk_coupling", "update_conflict_resolution",
             "deletion_conflict_resolution", "merge_fields", "enabled")  # fmt: skip
_NOT_IN_FIELDS = frozenset({"id", "mapping"})
_RULE = ("code", "description", "kind", "parameters")
_SCHEDULE = ("enabled", "interval_minutes", "inactivity_timeout_minutes", "weekdays", "from_time", "until_time",
             "reacts_at_once")  # fmt: skip


class DocumentError(HubError):
    """The document cannot be used; the sentence says where and why."""

    kind = ErrorKind.DATA
    code = "configuration.refused"


def export_configuration(*, connection: Connection, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The document of all mappings with the connection's settings, or of those named. Four queries."""
    names = None if names is None else set(names)
    mappings = connection.mappings.prefetch_related("fields", "templates", "schedules")
    if names is not None:
        mappings = mappings.filter(name__in=names)
    exported = [_exported(mapping) for mapping in mappings]
    rules = connection.transformation_rules.values(*_RULE)
    document = {"format": FORMAT, "version": VERSION, "mappings": exported, "rules": list(rules)}
    if names is None or connection_settings.SUBJECT in names:
        document["connection"] = connection_settings.exported(connection)
    return document


def _exported(mapping: TableMapping) -> dict[str, Any]:
    schedule = next(iter(mapping.schedules.all()), None)
    return {
        "name": mapping.name,
        **{name: getattr(mapping, name) for name in (*_PLACE, *_SETTINGS)},
        "fields": [_plain(field) for field in mapping.fields.all()],
        "templates": [_plain(template) for template in mapping.templates.all()],
        "schedule": _exported_schedule(schedule) if schedule else None,
    }


def _exported_schedule(schedule: Schedule) -> dict[str, Any]:
    values = {name: getattr(schedule, name) for name in _SCHEDULE}
    return {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in values.items()}


def _plain(row: FieldMapping | RecordTemplate) -> dict[str, Any]:
    values = {name: value for name, value in model_to_dict(row).items() if name not in _NOT_IN_FIELDS}
    if isinstance(row, RecordTemplate):
        values["values"] = {name: value if _is_json(value) else str(value) for name, value in row.values.items()}
    return values


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def differences(*, connection: Connection, document: Mapping[str, Any]) -> list[Difference]:
    """What applying the document would change: `now` is what stands here, `delivered` what the document says.

    Raises DocumentError.
    """
    wanted = _checked(connection, document)
    now = {each["name"]: each for each in export_configuration(connection=connection, names=list(wanted))["mappings"]}
    found: list[Difference] = []
    for name, mapping in wanted.items():
        if name not in now:
            found.append(Difference(name, "mapping", None, "present"))
            continue
        own, other = now[name], mapping
        names = (*_SETTINGS, *(_PLACE if own["user_defined"] else ()))
        found += [
            Difference(name, key, own[key], other[key]) for key in names if key in other and own[key] != other[key]
        ]
        found += _row_differences(name, own["fields"], other.get("fields", own["fields"]), _pair)
        found += _row_differences(name, own["templates"], other.get("templates", own["templates"]), _template)
        # Files from before schedules had days and hours say nothing about them.
        if "schedule" in other and {**(own["schedule"] or {}), **(other["schedule"] or {})} != (own["schedule"] or {}):
            found.append(Difference(name, "schedule", own["schedule"], other["schedule"]))
    return found + connection_settings.differences_of(connection, document.get("connection", {}))


def _row_differences(
    mapping: str, now: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]], name_of: Any
) -> list[Difference]:
    here, there = {name_of(row): row for row in now}, {name_of(row): row for row in wanted}
    found = [Difference(mapping, name, "present", None) for name in here if name not in there]
    found += [Difference(mapping, name, None, "present") for name in there if name not in here]
    for name in here.keys() & there.keys():
        found += [
            Difference(mapping, f"{name}: {key}", here[name].get(key), value)
            for key, value in there[name].items()
            if key != "order" and here[name].get(key) != value
        ]
    return sorted(found, key=lambda each: each.subject)


def _pair(row: Mapping[str, Any]) -> str:
    source = row.get("business_central_property") or row.get("business_central_label") or row.get("constant_value")
    return f"{source} - {row.get('sales_attribute')}"


def _template(row: Mapping[str, Any]) -> str:
    return f"template {row.get('priority')} in {row.get('system')}"


@transaction.atomic
def apply_configuration(
    *, connection: Connection, document: Mapping[str, Any], user: User | None, origin: CopyOrigin
) -> list[Difference]:
    """Replaces the mappings that the document names; couplings stay. Keeps what stood before as a copy of `origin`.

    Raises DocumentError, or SettingsError where a setting of the connection is refused.
    """
    wanted = _checked(connection, document)
    found = differences(connection=connection, document=document)
    changed = {difference.mapping for difference in found}
    if not found:
        return []
    settings_change = connection_settings.SUBJECT in changed
    # Settings may take mappings away, or make them anew.
    kept = {*changed, *connection.mappings.values_list("name", flat=True)} if settings_change else changed
    keep_copy(connection=connection, names=kept, origin=origin, user=user)
    for rule in _new_rules(connection, document):
        save_rule(rule=rule, user=user)
    if settings_change:
        # First, since they bring mappings that the document describes. What the systems refuse leaves all as it was.
        connection_settings.apply_settings(connection=connection, values=document.get("connection", {}), user=user)
        connection = Connection.objects.get(pk=connection.pk)
        changed |= {each.mapping for each in differences(connection=connection, document=document)}
    named = sorted(changed & wanted.keys())
    for name in named:
        _replace(connection, wanted[name])
        record_change(
            connection=connection,
            user=user,
            action="mapping.import",
            target=name,
            before={each.subject: str(each.now) for each in found if each.mapping == name},
            after={each.subject: str(each.delivered) for each in found if each.mapping == name},
        )
    ensure_schedules(connection=connection)
    for name in named:
        if schedule := wanted[name].get("schedule"):
            Schedule.objects.filter(connection=connection, name=name).update(**schedule)
    return found


@transaction.atomic
def reset_configuration(*, connection: Connection, names: Sequence[str] | None, user: User | None) -> list[Difference]:
    """Puts delivered mappings back, keeping a copy of how they were. Raises HubError where nothing differs."""
    changed = {difference.mapping for difference in default_differences(connection=connection, names=names)}
    if not changed:
        raise HubError(
            "These mappings are as delivered already.", kind=ErrorKind.CONFLICT, code="configuration.unchanged"
        )
    keep_copy(connection=connection, names=changed, origin=CopyOrigin.BEFORE_RESET, user=user)
    found = reset_to_defaults(connection=connection, names=names, user=user)
    ensure_schedules(connection=connection)
    return found


def keep_copy(
    *, connection: Connection, names: Iterable[str], origin: CopyOrigin, user: User | None
) -> ConfigurationCopy:
    """Keeps how these mappings stand; the oldest copies go."""
    copy = ConfigurationCopy.objects.create(
        connection=connection,
        origin=origin,
        document=export_configuration(connection=connection, names=names),
        user=user if user is not None and user.pk else None,
    )
    kept = connection.configuration_copies.order_by("-id").values_list("pk", flat=True)[:KEPT_COPIES]
    connection.configuration_copies.exclude(pk__in=list(kept)).delete()
    return copy


def _replace(connection: Connection, wanted: Mapping[str, Any]) -> None:
    mapping = connection.mappings.filter(name=wanted["name"]).first()
    if mapping is None:
        mapping = TableMapping(connection=connection, name=wanted["name"])
    names = (*_SETTINGS, *(_PLACE if mapping.pk is None or mapping.user_defined else ()))
    for name in names:
        if name in wanted:
            setattr(mapping, name, wanted[name])
    mapping.save()
    if "fields" in wanted:
        mapping.fields.all().delete()
        FieldMapping.objects.bulk_create(FieldMapping(mapping=mapping, **row) for row in wanted["fields"])
    if "templates" in wanted:
        mapping.templates.all().delete()
        RecordTemplate.objects.bulk_create(RecordTemplate(mapping=mapping, **row) for row in wanted["templates"])


def _new_rules(connection: Connection, document: Mapping[str, Any]) -> list[TransformationRule]:
    """Rules of the document that the connection lacks, chains last. Raises DocumentError."""
    known = set(connection.transformation_rules.values_list("code", flat=True))
    rows = document.get("rules", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) and set(row) <= set(_RULE) for row in rows):
        raise DocumentError("The file's “rules” are not understood.")
    rules = [TransformationRule(connection=connection, **row) for row in rows if row.get("code") not in known]
    kinds = {str(kind): kind for kind in RuleKind}
    for rule in rules:
        if rule.kind not in kinds:
            raise DocumentError(f"Rule {rule.code}: there is no kind “{rule.kind}”.")
        if problems := check_parameters(kinds[rule.kind], rule.parameters):
            name, sentences = next(iter(problems.items()))
            raise DocumentError(f"Rule {rule.code}: {name}: {sentences[0]}")
    return sorted(rules, key=lambda rule: rule.kind == RuleKind.CHAIN)


def _checked(connection: Connection, document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The document's mappings by name. Raises DocumentError naming the first thing that is wrong."""
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise DocumentError("This is no configuration file of Couplet.")
    if document.get("version") != VERSION:
        raise DocumentError(f"The file has version {document.get('version')}; this hub reads version {VERSION}.")
    rows = document.get("mappings")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("name") for row in rows):
        raise DocumentError("The file's “mappings” have to be a list, each with a name.")
    wanted = {str(row["name"]): row for row in rows}
    if problem := connection_settings.problem_of(document.get("connection", {})):
        raise DocumentError(problem)
    known = _known(connection, document.get("connection", {}))
    codes = {rule.code for rule in _new_rules(connection, document)}
    codes |= {"", *connection.transformation_rules.values_list("code", flat=True), *delivered_transformations()}
    for name, row in wanted.items():
        _check_mapping(connection, name, row, known.get(name))
        named = {field.get("transformation", "") for field in row.get("fields", [])}
        if unknown := sorted(named - codes):
            raise DocumentError(f"{name}: there is no transformation rule “{unknown[0]}”.")
    return wanted


def _known(connection: Connection, settings: Mapping[str, Any]) -> dict[str, TableMapping]:
    """The mappings that there are once the document's settings are in force, by name."""
    future = connection_settings.with_values(connection, settings)
    stored = {mapping.name: mapping for mapping in connection.mappings.all()}
    own = {name: mapping for name, mapping in stored.items() if mapping.user_defined}
    return {name: stored.get(name, coming) for name, coming in coming_mappings(future).items()} | own


def _check_mapping(connection: Connection, name: str, row: Mapping[str, Any], mapping: TableMapping | None) -> None:
    allowed = {"name", "fields", "templates", "schedule", *_PLACE, *_SETTINGS}
    if unknown := sorted(row.keys() - allowed):
        raise DocumentError(f"{name}: “{unknown[0]}” is not known.")
    if mapping is None and not row.get("user_defined"):
        raise DocumentError(f"{name} is not a mapping of this connection, and not one of somebody's own either.")
    if mapping is None and (missing := sorted({"business_central_table", "sales_table", "direction"} - row.keys())):
        raise DocumentError(f"{name} is new here, so its “{missing[0]}” has to be said.")
    subject = mapping or TableMapping(
        connection=connection, name=name, **{key: row[key] for key in _PLACE if key in row}
    )
    if row.get("direction", Direction.TO_SALES) not in Direction.values:
        raise DocumentError(f"{name}: direction “{row['direction']}” is not known.")
    for key, system in (("business_central_filter", System.BUSINESS_CENTRAL), ("sales_filter", System.SALES)):
        if row.get(key) and (problem := filter_problem(subject, system, row[key])):
            raise DocumentError(f"{name}: {key}: {problem}")
    for part, model in (("fields", FieldMapping), ("templates", RecordTemplate)):
        columns = {column.name for column in model._meta.fields} - _NOT_IN_FIELDS
        for number, values in enumerate(row.get(part, []), start=1):
            if not isinstance(values, dict):
                raise DocumentError(f"{name}: {part} {number} is not understood.")
            if unknown := sorted(values.keys() - columns):
                raise DocumentError(f"{name}: {part} {number}: “{unknown[0]}” is not known.")
            try:
                model(mapping=subject, **values).clean_fields(exclude=["mapping"])
            except ValidationError as error:
                named = next(iter(error.message_dict.items()))
                raise DocumentError(f"{name}: {part} {number}: {named[0]}: {named[1][0]}") from error
    schedule = row.get("schedule")
    if schedule is not None and (not isinstance(schedule, dict) or schedule.keys() - set(_SCHEDULE)):
        raise DocumentError(f"{name}: the schedule is not understood.")
    if schedule:
        try:
            Schedule(**schedule).clean_fields(exclude={each.name for each in Schedule._meta.fields} - set(_SCHEDULE))
        except (ValidationError, TypeError) as error:
            raise DocumentError(f"{name}: the schedule is not understood.") from error
        if not all(day in range(len(WEEKDAYS)) for day in schedule.get("weekdays", [])):
            raise DocumentError(f"{name}: a weekday is a number from 0, Monday, to 6.")
