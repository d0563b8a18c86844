"""Transformation rules: what each kind makes of a value, what is refused, chains, and who uses them."""

from decimal import Decimal
from uuid import uuid4

import pytest

from coupling.exceptions import CouplingError, MappingError
from coupling.models import BusinessCentralRecord, TableCursor, TransformationRule
from coupling.services.transformations import delete_rule, save_rule, steps_of, try_rule
from coupling.transformations import RuleError, RuleKind, Step, check_parameters, transform
from tests.coupling.factories import make_connection


@pytest.mark.parametrize(
    ("kind", "parameters", "value", "expected"),
    [
        ("uppercase", {}, "Straße", "STRASSE"),
        ("lowercase", {}, "ÆBLE", "æble"),
        ("titlecase", {}, "jens hansen", "Jens Hansen"),
        ("trim", {}, "  a b ", "a b"),
        ("trim", {}, None, None),
        ("substring", {"start": "2", "length": "3"}, "abcdef", "bcd"),
        ("substring", {"after": "-"}, "DK-1234", "1234"),
        ("substring", {"after": "-"}, "none", ""),
        ("substring", {"before": "@"}, "jens@x.dk", "jens"),
        ("substring", {"start": "9"}, "abc", ""),
        ("replace", {"find": "ae", "replacement": "æ"}, "aeble", "æble"),
        ("replace", {"find": "-"}, "a-b-c", "abc"),
        ("regex_replace", {"find": r"(\d+) (\w+)", "replacement": r"\2 \1"}, "12 Main", "Main 12"),
        ("regex_match", {"find": r"(\d{4})"}, "DK 2100 Ø", "2100"),
        ("regex_match", {"find": r"\d+"}, "none", ""),
        ("alphanumeric", {}, "+45 12-34", "451234"),
        ("date_format", {"format": "%d.%m.%Y"}, "2026-11-24", "24.11.2026"),
        ("date_format", {"format": "%Y"}, "2026-11-24T10:00:00Z", "2026"),
        ("date_format", {"format": "%Y"}, "0001-01-01", ""),
        ("decimal_format", {"places": "2", "separator": ","}, Decimal("1234.5"), "1234,50"),
        ("round", {"precision": "0.05"}, Decimal("1.07"), Decimal("1.05")),
        ("round", {"precision": "0.05", "direction": "up"}, Decimal("1.06"), Decimal("1.10")),
        ("round", {"precision": "10", "direction": "down"}, Decimal(19), Decimal(10)),
        ("expression", {"expression": "upper(left(value, 2)) + '-' + right(value, 2)"}, "dk2100", "DK-00"),
        ("expression", {"expression": "value if length(value) < 4 else 'long'"}, "abcd", "long"),
        ("expression", {"expression": "round(number(value) * 1.25, 2)"}, Decimal("10.10"), Decimal("12.62")),
        ("expression", {"expression": "'x' in value and not value == 'x'"}, "xy", "true"),
        ("expression", {"expression": "middle(value, 2, 3)"}, None, ""),
    ],
)
def test_a_rule_makes_of_a_value(kind, parameters, value, expected):
    assert check_parameters(RuleKind(kind), parameters) == {}
    assert transform([Step(RuleKind(kind), parameters)], value) == expected


@pytest.mark.parametrize(
    ("kind", "parameters", "named"),
    [
        ("regex_replace", {"find": "("}, "find"),
        ("regex_match", {}, "find"),
        ("substring", {"start": "x"}, "start"),
        ("round", {"precision": "0"}, "precision"),
        ("round", {"precision": "1", "direction": "sideways"}, "direction"),
        ("uppercase", {"colour": "red"}, "colour"),
        ("lookup", {"table": "t", "source": "a", "target": "b", "keep": "perhaps"}, "keep"),
        ("expression", {"expression": "value +"}, "expression"),
        ("expression", {"expression": "__import__('os')"}, "expression"),
        ("expression", {"expression": "value.__class__"}, "expression"),
        ("expression", {"expression": "[x for x in value]"}, "expression"),
        ("expression", {"expression": "2 ** 9999"}, "expression"),
        ("expression", {"expression": "other"}, "expression"),
        ("expression", {"expression": "upper()"}, "expression"),
        ("expression", {"expression": "value" + " + value" * 200}, "expression"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(kind, parameters, named):
    assert named in check_parameters(RuleKind(kind), parameters)


def test_a_group_that_the_pattern_has_not_is_refused_when_it_is_needed():
    with pytest.raises(RuleError, match="cannot be used"):
        transform([Step(RuleKind.REGEX_REPLACE, {"find": "a", "replacement": r"\1"})], "a")


def test_a_pattern_that_would_take_for_ever_is_refused():
    with pytest.raises(RuleError, match="too long"):
        transform([Step(RuleKind.REGEX_MATCH, {"find": r"(x+x+)+y"})], "x" * 4000)


@pytest.fixture
def connection(db):
    return make_connection()


def rule(connection, code, kind="trim", **parameters):
    return save_rule(
        rule=TransformationRule(connection=connection, code=code, kind=kind, parameters=parameters), user=None
    )


def test_a_chain_does_its_rules_in_order_and_never_runs_in_a_circle(connection):
    rule(connection, "T")
    rule(connection, "U", "uppercase")
    chain = rule(connection, "both", "chain", rules="t, U")
    assert chain.code == "BOTH"
    assert steps_of(connection, ["BOTH"])["BOTH"] == (Step(RuleKind.TRIM, {}), Step(RuleKind.UPPERCASE, {}))
    assert try_rule(rule=chain, value=" a ") == "A"
    chain.parameters = {"rules": "T,BOTH"}
    with pytest.raises(MappingError) as refused:
        save_rule(rule=chain, user=None)
    assert "circle" in refused.value.fields["rules"][0]


def test_a_rule_in_use_is_neither_deleted_nor_renamed(connection):
    trim = rule(connection, "T")
    field = connection.mappings.get(name="CUSTOMER").fields.filter(transformation="").first()
    type(field).objects.filter(pk=field.pk).update(transformation="T")
    with pytest.raises(CouplingError, match="in use"):
        delete_rule(rule=trim, user=None)
    trim.code = "OTHER"
    with pytest.raises(MappingError):
        save_rule(rule=trim, user=None)


def test_codes_are_unique(connection):
    rule(connection, "T")
    with pytest.raises(MappingError, match="not saved"):
        rule(connection, "t")


@pytest.mark.parametrize("text", ["1 / 0", "number('one')", "1 < 2 < 3", "upper", "1e40 * 1e40"])
def test_an_expression_that_cannot_be_worked_out_fails_its_value_with_a_sentence(text):
    with pytest.raises(RuleError):
        transform([Step(RuleKind.EXPRESSION, {"expression": text})], "a")


def test_an_expression_makes_no_text_without_end():
    longer = Step(RuleKind.EXPRESSION, {"expression": "value + value"})
    with pytest.raises(RuleError, match="too long"):
        transform([longer] * 40, "abc")


def read_terms(connection) -> None:
    TableCursor.objects.create(
        connection=connection, system="business_central", table="paymentTerms", properties=["code", "displayName"]
    )
    for code, name in (("14D", "14 days"), ("COD", "Cash on delivery")):
        BusinessCentralRecord.objects.create(
            connection=connection, table="paymentTerms", key=uuid4(), number=code, values={"displayName": name}
        )


def test_a_lookup_takes_what_another_table_says_and_asks_once(connection, django_assert_num_queries):
    read_terms(connection)
    found = {"table": "paymentTerms", "source": "number", "target": "displayName"}
    terms = rule(connection, "TERMS", "lookup", **found)
    rule(connection, "KEEP", "lookup", **found, keep="yes")
    assert (try_rule(rule=terms, value="14D"), try_rule(rule=terms, value="90D")) == ("14 days", "")
    with django_assert_num_queries(3):
        steps = steps_of(connection, ["KEEP"])["KEEP"]
    assert [transform(steps, value) for value in ("COD", "90D", None)] == ["Cash on delivery", "90D", None]


def test_a_lookup_in_what_the_hub_does_not_read_is_refused_and_never_empties_a_value(connection):
    parameters = {"table": "paymentTerms", "source": "code", "target": "colour"}
    with pytest.raises(MappingError) as refused:
        rule(connection, "TERMS", "lookup", **parameters)
    assert "a mapping has read" in refused.value.fields["table"][0]
    read_terms(connection)
    with pytest.raises(MappingError) as refused:
        rule(connection, "TERMS", "lookup", **parameters)
    assert list(refused.value.fields) == ["target"]
    with pytest.raises(RuleError, match="has not read"):
        transform([Step(RuleKind.LOOKUP, parameters)], "14D")
