"""What somebody types for a new record: read as the wire has it, refused with a sentence otherwise."""

import pytest

from coupling.definitions import ValueKind
from coupling.services.new_values import NewValue, ValuesError, checked


def wanted(kind: ValueKind, **more: object) -> NewValue:
    return NewValue("it", "It", kind, **more)


@pytest.mark.parametrize(
    ("value", "given", "read"),
    [
        (wanted(ValueKind.TEXT, length=5), " abc ", "abc"),
        (wanted(ValueKind.CODE), "abc", "ABC"),
        (wanted(ValueKind.INTEGER), "12", 12),
        (wanted(ValueKind.DECIMAL, scale=2), "1,25", 1.25),
        (wanted(ValueKind.DECIMAL, scale=2), "3.0", 3),
        (wanted(ValueKind.BOOLEAN), "true", True),
        (wanted(ValueKind.BOOLEAN), False, False),
        (wanted(ValueKind.DATE), "2026-05-31", "2026-05-31"),
        (wanted(ValueKind.DATETIME), "2026-05-31T10:00", "2026-05-31T10:00:00Z"),
        (wanted(ValueKind.CHOICE, choices=((3, "Three"),)), "3", 3),
    ],
)
def test_a_value_is_read_as_the_wire_has_it(value, given, read):
    assert checked([value], {"it": given}, complete=True) == {"it": read}


@pytest.mark.parametrize(
    ("value", "given", "sentence"),
    [
        (wanted(ValueKind.TEXT), "  ", "It is needed."),
        (wanted(ValueKind.TEXT, length=2), "abc", "It: at most 2 characters, these are 3."),
        (wanted(ValueKind.TEXT), 5, "It: has to be text."),
        (wanted(ValueKind.INTEGER), "1.5", "It: has to be a whole number."),
        (wanted(ValueKind.INTEGER), "99999999999", "It: has to be a whole number of at most nine digits."),
        (wanted(ValueKind.DECIMAL, scale=2), "1.005", "It: at most 2 decimal places."),
        (wanted(ValueKind.DECIMAL), "NaN", "It: has to be a number below a million millions."),
        (wanted(ValueKind.BOOLEAN), "perhaps", "It: has to be yes or no."),
        (wanted(ValueKind.DATE), "31.5.2026", "It: has to be a date, such as 2026-05-31."),
        (wanted(ValueKind.CHOICE, choices=((3, "Three"),)), "4", "It: choose one of Three."),
    ],
)
def test_a_value_that_does_not_fit_is_named(value, given, sentence):
    with pytest.raises(ValuesError) as refused:
        checked([value], {"it": given}, complete=True)
    assert refused.value.problems == {"it": sentence}


def test_values_that_nothing_asks_for_are_refused_and_missing_ones_may_wait():
    value = wanted(ValueKind.TEXT)
    assert checked([value], {}, complete=False) == {}
    with pytest.raises(ValuesError) as refused:
        checked([value], {"other": "x"}, complete=False)
    assert set(refused.value.problems) == {"other"}
