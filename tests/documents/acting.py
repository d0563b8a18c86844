"""The two products as their users see them: the sandbox's acting pages in a real browser."""

import re

from playwright.sync_api import Page, expect


class Desk:
    """Somebody at work in one product; `page` stands on the record worked on last."""

    def __init__(self, page: Page, url: str, product: str) -> None:
        self.page, self.root = page, f"{url}/{product}/"

    def find(self, area: str, words: str) -> None:
        """Opens the first record of the area that the search finds."""
        self.page.goto(f"{self.root}{area}/?q={words}")
        self.page.locator("main tbody tr a").first.click()

    def open(self, area: str, key: object) -> None:
        self.page.goto(f"{self.root}{area}/{key}/")

    def new(self, area: str, **values: str | bool) -> str:
        """Makes a record; its key."""
        self.page.goto(f"{self.root}{area}/new/")
        return self._create(values)

    def add(self, part: str, **values: str | bool) -> None:
        """Adds a row below the open record and comes back to it."""
        back = self.page.url
        self.page.locator("section", has=self.page.get_by_role("heading", name=part)).get_by_role(
            "link", name="Add"
        ).click()
        self._create(values)
        self.page.goto(back)

    def open_row(self, part: str, number: int = 0) -> None:
        """Opens a row below the open record."""
        section = self.page.locator("section", has=self.page.get_by_role("heading", name=part))
        section.locator("tbody tr").nth(number).get_by_role("link").first.click()

    def change(self, **values: str | bool) -> None:
        self._fill(values)
        self.page.get_by_role("button", name="Save").click()
        expect(self.page.locator("p.message")).to_have_text("Saved.")

    def press(self, label: str, part: str = "") -> str:
        """Runs an action of the open record; what the page says then. `part` is all that is done, of the first line."""
        for folded in self.page.locator(".actions details:not([open]) summary").all():
            folded.click()
        form = self.page.locator(".actions form", has=self.page.get_by_role("button", name=label, exact=True))
        if part:
            for number, field in enumerate(form.locator("input[inputmode=decimal]").all()):
                field.fill("0" if number else part)
        form.get_by_role("button", name=label, exact=True).click()
        said = self.page.locator("p.message").inner_text()
        assert not said.startswith("Not done"), said
        return said

    def delete(self) -> None:
        self.page.locator("form.danger").get_by_role("button", name="Delete").click()
        expect(self.page.locator("p.message")).to_have_text("Deleted.")

    def value(self, name: str) -> str:
        """What a field of the open record shows."""
        found = self.page.locator(f"#f-{name}")
        if found.evaluate("element => element.tagName") == "OUTPUT":
            return found.inner_text()
        if found.evaluate("element => element.tagName") == "SELECT":
            return found.locator("option:checked").inner_text()
        return found.input_value()

    @property
    def key(self) -> str:
        found = re.search(r"/([0-9a-f-]{36})/", self.page.url)
        assert found is not None, self.page.url
        return found[1]

    @property
    def timeline(self) -> list[str]:
        return self.page.locator(".timeline li").all_inner_texts()

    def _create(self, values: dict[str, str | bool]) -> str:
        self._fill(values)
        self.page.get_by_role("button", name="Save").click()
        expect(self.page.locator("p.message")).to_have_text("Created.")
        return self.key

    def _fill(self, values: dict[str, str | bool]) -> None:
        for details in self.page.locator("form.record details:not([open]) summary").all():
            details.click()
        for name, value in values.items():
            field = self.page.locator(f"#f-{name}")
            if isinstance(value, bool):
                field.set_checked(value)
            elif field.evaluate("element => element.tagName") == "SELECT":
                field.select_option(label=value)
            else:
                field.fill(value)
