"""Every scenario of the documents' list has a test that carries its number, or is named here as missing."""

import re
from pathlib import Path

LAST = 67
ELSEWHERE = {
    59: "tests/scenarios/engine, m104: the state of an invoice follows its payments",
}
MISSING: dict[int, str] = {}


def test_every_scenario_is_tested() -> None:
    names = "".join(path.read_text() for path in Path(__file__).parent.glob("test_a[1-9]_*.py"))
    tested = {int(number) for group in re.findall(r"def test((?:_a\d_\d+|_\d+)+)_", names)
              for number in re.findall(r"_(\d+)(?=_|$)", group)}  # fmt: skip
    assert set(range(1, LAST + 1)) - tested - set(ELSEWHERE) == set(MISSING)
