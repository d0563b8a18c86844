"""Base of all tables: the columns a person chose, a stable order, and words for the empty case."""

from typing import Any

import django_tables2 as tables

from config.web.parts import DASH


class Table(tables.Table):
    """A list's table.

    `Meta.default_columns` are shown until the person chooses others; `Meta.caption` names the table for screen
    readers; `Meta.empty_title` and `Meta.empty_hint` say what to do when there is nothing. `Meta.order_by` should end
    in a unique column, so that pages never overlap.
    """

    ALWAYS = ("selection",)

    class Meta:
        attrs = {"class": "table table-list"}
        orderable = True
        default = DASH

    def __init__(self, *args: Any, chosen: list[str] | None = None, selectable: bool = False, **kwargs: Any) -> None:
        names = list(self.base_columns)
        wanted = [name for name in chosen or self._setting("default_columns", names) if name in names]
        shown = [name for name in self.ALWAYS if name in names and selectable] + [
            name for name in wanted if name not in self.ALWAYS
        ]
        kwargs.setdefault("sequence", shown)
        kwargs["exclude"] = [name for name in names if name not in shown]
        super().__init__(*args, **kwargs)
        self.shown = shown

    def _setting(self, name: str, default: Any) -> Any:
        return getattr(type(self).Meta, name, default)

    @property
    def caption(self) -> str:
        return str(self._setting("caption", ""))

    @property
    def empty_title(self) -> str:
        return str(self._setting("empty_title", "Nothing here yet"))

    @property
    def empty_hint(self) -> str:
        return str(self._setting("empty_hint", ""))

    def column_choices(self) -> list[tuple[str, str, bool]]:
        """(name, label, shown) of every column that may be chosen, the shown ones first and in their order."""
        rest = [name for name in self.base_columns if name not in self.shown]
        return [
            (name, str(self.base_columns[name].verbose_name or name.replace("_", " ").capitalize()), name in self.shown)
            for name in [*self.shown, *rest]
            if name not in self.ALWAYS
        ]
