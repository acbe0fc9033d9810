"""Two ways to operate a page with one interface, so that every walk can be run with either."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

MOST_STOPS = 150  # presses of the Tab key for one round through a page
HAS_FOCUS = "element => element === document.activeElement"
SHOWS_FOCUS = """() => {
    const style = getComputedStyle(document.activeElement);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
}"""


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.click()
        target.fill(text)

    def choose(self, target: Locator, option: int) -> None:
        """Choose an option of a select by its place, from 0."""
        target.select_option(index=option)


class Keyboard:
    """Only Tab, Enter and letters; wherever the focus stops, it must be visible."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        self._tab_to(target)
        self.page.keyboard.press("Enter")
        self.page.wait_for_load_state()

    def write(self, target: Locator, text: str) -> None:
        self._tab_to(target)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)

    def choose(self, target: Locator, option: int) -> None:
        """Choose an option of a select that shows its first, by its place, from 0."""
        self._tab_to(target)
        for _ in range(option):
            self.page.keyboard.press("ArrowDown")

    def _tab_to(self, target: Locator) -> None:
        target.wait_for()
        for _ in range(MOST_STOPS):
            if target.evaluate(HAS_FOCUS):
                return
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(SHOWS_FOCUS), self.page.evaluate("document.activeElement.outerHTML")
        raise AssertionError(f"the Tab key never comes to {target}")


InputDevice = Mouse | Keyboard
