"""Every scenario of the coupling document has a test that carries its number, here or among the engine's."""

import re
from pathlib import Path

LAST = 66
ENGINE = {
    46: "i64", 47: "i65", 50: "j71", 51: "j72", 52: "j74", 53: "j75", 55: "i69", 57: "j77", 58: "j79", 60: "j82",
}  # fmt: skip
"""Scenarios that need no page, with the engine's name of the same."""


def test_every_scenario_is_tested() -> None:
    here = Path(__file__).parent
    own = "".join(path.read_text(encoding="utf-8") for path in here.glob("test_*.py"))
    # "def test_35_and_36_…" stands for both.
    tested = {
        int(number)
        for found in re.findall(r"def test_((?:\d+_(?:and_)?)+)", own)
        for number in re.findall(r"\d+", found)
    }
    engines = "".join(path.read_text(encoding="utf-8") for path in (here.parent / "engine").glob("test_*.py"))
    tested |= {number for number, name in ENGINE.items() if f"def test_{name}_" in engines}
    assert set(range(1, LAST + 1)) - tested == set()
