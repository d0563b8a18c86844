"""Every scenario of the engine's list has a test that carries its letter and number."""

import re
from pathlib import Path

LAST = {
    "a": 7, "b": 18, "c": 32, "d": 40, "e": 43, "f": 49, "g": 54, "h": 63, "i": 70, "j": 84, "k": 90, "l": 97, "m": 106,
}  # fmt: skip
"""The last number of each group; a group begins where the one before it ends."""


def test_every_scenario_is_tested() -> None:
    names = "".join(path.read_text() for path in Path(__file__).parent.glob("test_[a-m]_*.py"))
    tested = {(letter, int(number)) for letter, number in re.findall(r"(?<=_)([a-m])(\d+)(?=_)", names)}
    expected, first = set(), 1
    for letter, last in LAST.items():
        expected |= {(letter, number) for number in range(first, last + 1)}
        first = last + 1
    assert expected - tested == set()
