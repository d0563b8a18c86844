"""Transformation rules of a connection: making, changing, trying and deleting them, and what the engine applies."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from connector.models import Connection
from connector.services.audit import record_change
from coupling.exceptions import CouplingError, MappingError
from coupling.models import FieldMapping, TransformationRule
from coupling.services.lookup_rules import lookup_pairs, lookup_problems
from coupling.transformations import RuleError, RuleKind, Step, check_parameters, transform


@transaction.atomic
def save_rule(*, rule: TransformationRule, user: User | None) -> TransformationRule:
    """Creates or changes a rule. Raises MappingError naming each refused setting."""
    rule.code = " ".join(rule.code.upper().split())
    kind = RuleKind(rule.kind)
    errors = check_parameters(kind, rule.parameters)
    others = rule.connection.transformation_rules.exclude(pk=rule.pk)
    if not rule.code:
        errors["code"] = ["A rule needs a code."]
    elif others.filter(code=rule.code).exists():
        errors["code"] = [f"There is a rule {rule.code} already."]
    if kind is RuleKind.CHAIN and "rules" not in errors:
        try:
            _resolve(rule, {other.code: other for other in others} | {rule.code: rule}, ())
        except RuleError as error:
            errors["rules"] = [str(error)]
    if kind is RuleKind.LOOKUP and not errors:
        errors |= lookup_problems(rule.connection, rule.parameters)
    if errors:
        raise MappingError("The rule was not saved.", fields=errors)
    created = rule.pk is None
    before = {} if created else _shown(TransformationRule.objects.get(pk=rule.pk))
    if before and before["code"] != rule.code and users_of(rule.connection, before["code"]).exists():
        raise MappingError(
            "The rule was not saved.", fields={"code": ["Field mappings use the rule under its present code."]}
        )
    rule.save()
    record_change(
        connection=rule.connection,
        user=user,
        action="rule.create" if created else "rule.change",
        target=rule.code,
        before=before,
        after=_shown(rule),
    )
    return rule


@transaction.atomic
def delete_rule(*, rule: TransformationRule, user: User | None) -> None:
    """Raises CouplingError while a field mapping or a chain uses the rule."""
    fields = list(users_of(rule.connection, rule.code)[:3])
    chains = [
        other.code
        for other in rule.connection.transformation_rules.filter(kind=RuleKind.CHAIN).exclude(pk=rule.pk)
        if rule.code in _codes(other)
    ]
    used = [f"{field.mapping.name} {field}" for field in fields] + chains
    if used:
        raise CouplingError(
            f"{rule.code} is in use: {', '.join(used)}.", code="rule.in_use", hint="Take it out there first."
        )
    record_change(connection=rule.connection, user=user, action="rule.delete", target=rule.code, before=_shown(rule))
    rule.delete()


def users_of(connection: Connection, code: str) -> Any:
    """Field mappings that use a rule."""
    return FieldMapping.objects.filter(mapping__connection=connection, transformation=code).select_related("mapping")


def steps_of(connection: Connection, codes: Iterable[str]) -> dict[str, tuple[Step, ...]]:
    """What the rules of these codes do, chains resolved; one query. Unknown codes and broken chains are left out."""
    rules = {rule.code: rule for rule in connection.transformation_rules.all()}
    found = {}
    for code in codes:
        if code in rules:
            try:
                found[code] = _resolve(rules[code], rules, ())
            except RuleError:
                continue
    return found


def try_rule(*, rule: TransformationRule, value: str) -> str:
    """What the rule makes of a text; for the try-it box. Raises RuleError."""
    rules = {other.code: other for other in rule.connection.transformation_rules.all()} | {rule.code: rule}
    problems = check_parameters(RuleKind(rule.kind), rule.parameters)
    if not problems and rule.kind == RuleKind.LOOKUP:
        problems = lookup_problems(rule.connection, rule.parameters)
    if problems:
        name, sentences = next(iter(problems.items()))
        raise RuleError(f"{name}: {sentences[0]}")
    result = transform(_resolve(rule, rules, ()), value)
    return "" if result is None else str(result)


def _resolve(
    rule: TransformationRule, rules: Mapping[str, TransformationRule], above: tuple[str, ...]
) -> tuple[Step, ...]:
    if rule.code in above:
        raise RuleError(f"The chain runs in a circle: {' → '.join((*above, rule.code))}.")
    if rule.kind == RuleKind.LOOKUP:
        return (Step(RuleKind.LOOKUP, rule.parameters, lookup_pairs(rule.connection, rule.parameters)),)
    if rule.kind != RuleKind.CHAIN:
        return (Step(RuleKind(rule.kind), rule.parameters),)
    steps: list[Step] = []
    for code in _codes(rule):
        if code not in rules:
            raise RuleError(f"There is no rule {code}.")
        steps += _resolve(rules[code], rules, (*above, rule.code))
    return tuple(steps)


def _codes(rule: TransformationRule) -> list[str]:
    return [code.strip().upper() for code in str(rule.parameters.get("rules") or "").split(",") if code.strip()]


def _shown(rule: TransformationRule) -> dict[str, Any]:
    return {"code": rule.code, "kind": rule.kind, "parameters": rule.parameters}
