"""The companion extension offers exactly what the hub asks for and what the sandbox shows in its place."""

import json
import re
from pathlib import Path

import pytest

from connector.business_central_addresses import COMPANION_ROUTE
from coupling.defaults import default_mappings

ROOT = Path(__file__).resolve().parents[2]
COMPANION = ROOT / "companion"
DEFINITIONS = ROOT / "sandbox" / "definitions" / "business-central-entities.json"
OBJECT = re.compile(r'^(?:page|permissionset) (\d+) "([^"]{1,30})"$', re.MULTILINE)


def pages() -> dict[str, str]:
    """Entity set → source of its page."""
    sources = [path.read_text(encoding="utf-8") for path in (COMPANION / "src").glob("*.Page.al")]
    return {re.search(r"EntitySetName = '(\w+)'", text)[1]: text for text in sources}  # type: ignore[index]


def offered() -> list[dict]:
    return list(json.loads(DEFINITIONS.read_text(encoding="utf-8"))["companionApi"]["entities"])


def test_pages_are_those_of_the_sandbox() -> None:
    assert set(pages()) == {entity["entitySet"] for entity in offered()}


@pytest.mark.parametrize("entity", offered(), ids=lambda entity: entity["entitySet"])
def test_page_has_the_properties_of_the_sandbox_and_binds_their_fields(entity: dict) -> None:
    source = pages()[entity["entitySet"]]
    bound = {
        name: quoted or plain
        for name, quoted, plain in re.findall(r'field\((\w+); (?:Rec\.)?(?:"([^"]+)"|(\w+))\)', source)
    }
    expected = {each["name"]: each["field"] for each in entity["properties"]}
    for name, variable in (("baseUnitOfMeasureCode", "BaseUnitCode"), ("quoteNumber", "QuoteNumber")):
        if name in bound:
            assert bound.pop(name) == variable
            expected.pop(name)
    for action in entity["actions"]:
        assert f"procedure {action['name'].rpartition('.')[2]}(var ActionContext" in source
    assert bound == expected
    publisher, group, version = COMPANION_ROUTE.split("/")
    for line in (f"APIPublisher = '{publisher}'", f"APIGroup = '{group}'", f"APIVersion = '{version}'"):
        assert line in source
    assert f"EntityName = '{entity['entity']}'" in source
    assert ("InsertAllowed = false" in source) != entity["operations"]["post"]
    assert ("DeleteAllowed = false" in source) != entity["operations"]["delete"]


def test_every_companion_route_of_the_delivered_mappings_has_its_page() -> None:
    found = pages()
    for mapping in default_mappings():
        routes = [*mapping.routes, *(route for field in mapping.fields for route in field.routes)]
        for route in routes:
            if route.service == "companion":
                assert route.entity_set in found, mapping.name
                assert not route.property or f"field({route.property};" in found[route.entity_set], route


def test_objects_have_numbers_of_their_own_inside_the_range() -> None:
    app = json.loads((COMPANION / "app.json").read_text(encoding="utf-8"))
    (span,) = app["idRanges"]
    seen: set[tuple[str, str]] = set()
    for path in (COMPANION / "src").glob("*.al"):
        text = path.read_text(encoding="utf-8")
        found = OBJECT.findall(text)
        assert len(found) == 1, path.name
        number, name = found[0]
        assert span["from"] <= int(number) <= span["to"]
        kind = "page" if ".Page." in path.name else "permissionset"
        assert (kind, number) not in seen
        seen.add((kind, number))
        assert text.count("{") == text.count("}"), name


def test_permission_sets_cover_every_page_and_its_table() -> None:
    sets = "".join(path.read_text(encoding="utf-8") for path in (COMPANION / "src").glob("*.PermissionSet.al"))
    for source in pages().values():
        name = OBJECT.search(source)[2]  # type: ignore[index]
        table = re.search(r"SourceTable = ([^;]+);", source)[1]  # type: ignore[index]
        assert f'page "{name}" = X' in sets
        assert f"tabledata {table} =" in sets
