"""What random requests contain: values, filters and query options that fit the metadata, and some that do not."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

from tests.fuzz.metadata import EntitySet, Model, Property

ODD = (
    "'", "''", "%", "%25", "[", "]", "[^a]", "\\", "é", "Å", "😀", "a" * 300, "null", "true", "1e400", "-0",
    "2025-02-30", "2025-01-01T25:00:00Z", "0001-01-01", "9999-12-31T23:59:59Z", "NaN", "{}", "[]", "()", "$1", "..",
    "/", "//", "?", "#", "&", "=", "+", "@p", "'a','b'", "00000000-0000-0000-0000-000000000000",
    "99999999999999999999", "-1", "1.5", "\u202e", "<x>", " ", "",
)  # fmt: skip
_OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le", "in", "has")
_NEVER = "11111111-2222-4333-8444-555555555555"


@dataclass
class Draws:
    """Random choices of one history. ``ids`` are keys seen in answers, by entity set, as they stand in a URL."""

    random: Random
    model: Model
    ids: dict[str, list[str]] = field(default_factory=dict)

    def one(self, options: Any) -> Any:
        return self.random.choice(list(options))

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def some(self, options: Any, most: int) -> list[Any]:
        listed = list(options)
        return self.random.sample(listed, min(len(listed), self.random.randint(0, most)))

    def number(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def key(self, name: str) -> str:
        """A key in parentheses, mostly of a row that exists."""
        known = self.ids.get(name)
        if known and self.chance(85):
            return str(self.one(known[-30:]))
        return str(self.one((_NEVER, quote(self.one(ODD)), f"'{quote(self.one(ODD), safe='')}'")))

    def value(self, prop: Property) -> Any:
        if self.chance(8):
            return self.one((None, True, 0, -1, 1.5, 10**20, "", [], {}, {"a": 1}, *ODD[:12]))
        match prop.type:
            case "Edm.Boolean":
                return self.one((True, False))
            case "Edm.Int32" | "Edm.Int64" | "Edm.Int16":
                return self.one((0, 1, 2, 3, 5, 10, 690970000, 2**31 - 1, 2**31, -5))
            case "Edm.Decimal" | "Edm.Double":
                return self.one((0, 1, 2, 12.5, 1.005, 0.333333, -3.3, 99999999, 123456789.12345))
            case "Edm.Guid":
                return self.one((_NEVER, "00000000-0000-0000-0000-000000000000", *self._any_ids()))
            case "Edm.Date":
                return self.one(("2025-01-02", "0001-01-01", "2026-11-30", "1752-12-31"))
            case "Edm.DateTimeOffset":
                return self.one(("2025-01-02T03:04:05Z", "2025-01-02T03:04:05.678+02:00", "2026-12-31", "1753-01-01"))
            case "Edm.String":
                length = min(prop.max_length or 20, 4000)
                return self.one(("A", "Ab 1", "GUEST", "x" * length, "y" * (length + 1), "ß Å 7", *ODD[:8]))
        return self.one(prop.members) if prop.members else "A"

    def _any_ids(self) -> list[str]:
        return [keys[-1] for keys in list(self.ids.values())[:40] if keys and len(keys[-1]) == 36]

    def literal(self, prop: Property) -> str:
        if self.chance(15):
            return str(self.one((*ODD, "'x'", "5", "null")))
        value = self.value(prop)
        if isinstance(value, str) and prop.type not in ("Edm.Guid", "Edm.Date", "Edm.DateTimeOffset"):
            return "'{}'".format(value.replace("'", "''"))
        return json.dumps(value).strip('"')

    def filter(self, entity: EntitySet, functions: tuple[str, ...] = (), depth: int = 0) -> str:
        prop = entity.properties[self.one(entity.properties)]
        kind = self.one(("compare", "compare", "compare", "text", "both", "not", "path", "any", "function"))
        if kind == "text":
            function = self.one(("contains", "startswith", "endswith", "tolower", "nothing"))
            return f"{function}({prop.name},{self.literal(prop)})"
        if kind == "both" and depth < 3:
            left, right = (self.filter(entity, functions, depth + 1) for _ in range(2))
            return f"({left} {self.one(('and', 'or', 'xor'))} {right})"
        if kind == "not" and depth < 3:
            return f"not ({self.filter(entity, functions, depth + 1)})"
        if kind in ("path", "any") and entity.navigations:
            link = entity.navigations[self.one(entity.navigations)]
            target = self.model.of_type(link.target)
            if target is not None:
                far = target.properties[self.one(target.properties)]
                if link.many:
                    return f"{link.name}/{self.one(('any', 'all'))}(x:x/{far.name} eq {self.literal(far)})"
                return f"{link.name}/{far.name} {self.one(_OPERATORS)} {self.literal(far)}"
        if kind == "function" and functions:
            return str(self.one(functions)).format(name=prop.name, value=self.literal(prop))
        return f"{prop.name} {self.one(_OPERATORS)} {self.literal(prop)}"

    def options(self, entity: EntitySet, functions: tuple[str, ...] = ()) -> str:
        """A query string."""
        found = []
        names = [*entity.properties, "nothing"]
        if self.chance(40):
            found.append("$select=" + ",".join(self.some(names, 4) or ["nothing"]))
        if self.chance(60):
            found.append("$filter=" + quote(self.filter(entity, functions), safe="()',:/$= "))
        if self.chance(30):
            found.append(f"$orderby={self.one(names)}{self.one(('', ' asc', ' desc', ' up'))}")
        if self.chance(25):
            found.append(f"$top={self.one((0, 1, 5, 'x', 99999, -1))}")
        if self.chance(15):
            found.append("$count=true")
        if self.chance(25) and entity.navigations:
            inner = self.one(("", "", "($select=id)", "($top=1)", "(", "($filter=1 eq 1)", "($expand=x)"))
            found.append(f"$expand={self.one(entity.navigations)}{inner}")
        if self.chance(4):
            found.append(self.one(("$skip=1", "foo=bar", "$skiptoken=x", "$search=a", "$apply=groupby((x))", "&&")))
        return "&".join(found)

    def body(self, entity: EntitySet, most: int = 6) -> dict[str, Any]:
        """A body for a create or update; usually of properties that can be written."""
        names = [name for name, prop in entity.properties.items() if prop.writable and not name.startswith("_")]
        chosen = self.some(names, most)
        if self.chance(5):
            chosen.append(self.one(entity.properties))
        body = {name: self.value(entity.properties[name]) for name in chosen}
        if self.chance(3):
            body[self.one(ODD)] = 1
        return body
