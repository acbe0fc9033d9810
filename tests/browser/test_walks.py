"""What a reviewer and an operator do, by what they see: inspect weights, change a mode, audit contributions.

Each walk is run with the mouse and with the keyboard alone. Targets are identified by role and visible name.
"""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Enter
from tests.browser.input_devices import InputDevice, Keyboard, Mouse

pytestmark = pytest.mark.parametrize("device_type", [Mouse, Keyboard], ids=["with the mouse", "with the keyboard"])


def link(page: Page | Locator, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("link", name=name, exact=isinstance(name, str)).first


def panel(page: Page, title: str | re.Pattern[str]) -> Locator:
    """Return the panel below a heading."""
    heading = page.get_by_role("heading", name=title, exact=isinstance(title, str))
    return page.locator("section").filter(has=heading)


def fact(page: Page, name: str) -> Locator:
    """Return the value below a term in a list of facts."""
    return page.locator("dl > div").filter(has=page.get_by_role("term").get_by_text(name, exact=True)).locator("dd")


def form(page: Page, button: str) -> Locator:
    """Return the form that contains the button."""
    return page.locator("form").filter(has=page.get_by_role("button", name=button, exact=True))


def cells(row: Locator) -> list[str]:
    return [text.strip() for text in row.locator("th, td").all_inner_texts()]


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-").split()[0])


def open_override(page: Page, device: InputDevice) -> None:
    """Open the override that moved a decision: breakouts in a Good phase."""
    device.press(link(page, "Overrides"))
    row = page.get_by_role("row").filter(has_text="donchian.long.breakout").filter(has_text="Good")
    row = row.filter(has_text="size_mult")
    device.press(row.get_by_role("link"))


class TestInspectingWeights:
    def test_leads_from_the_home_page_to_the_factors_of_an_override(
        self, enter: Enter, device_type: type[InputDevice]
    ) -> None:
        page = enter("reviewer")
        device = device_type(page)

        device.press(link(page, re.compile("Lessons: 3 new")))
        expect(page.get_by_role("heading", level=1)).to_contain_text("Lessons: 3 new")
        changes = panel(page, re.compile("^What would change"))
        device.press(changes.get_by_role("row").filter(has_text="rsi.long.dip").first.get_by_role("link").first)

        weighs = panel(page, "What it weighs")
        expect(weighs).to_be_visible()
        factors = {name: float(value) for name, _, value, _ in map(cells, weighs.locator("tbody tr").all()[:5])}
        total = float(cells(weighs.locator("tbody tr").last)[-1])
        assert list(factors) == ["edge", "sample", "variance", "specificity", "decay"]
        assert total == pytest.approx(math.prod(factors.values()), abs=1e-3)
        expect(weighs).to_contain_text("floor 0.02")
        expect(fact(page, "Meets the floor")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d$"))
        expect(panel(page, "What it asks for").get_by_role("img", name="Target of each lever")).to_be_visible()
        expect(fact(page, "Trades")).to_have_text("40")

    def test_shows_the_decisions_it_moved(self, enter: Enter, device_type: type[InputDevice]) -> None:
        page = enter("reviewer")
        device = device_type(page)

        open_override(page, device)

        moved = panel(page, "What it moved")
        expect(moved).to_contain_text("Its line has earned +0.06000 R per unit of size in 1 closed trade;")
        device.press(moved.get_by_role("row").get_by_role("link").first)
        expect(page.get_by_role("heading", level=1)).to_contain_text("donchian.long.breakout entry")


class TestChangingAMode:
    def test_goes_from_on_to_shadow_to_off_with_a_reason_each(
        self, enter: Enter, device_type: type[InputDevice]
    ) -> None:
        page = enter("operator")
        device = device_type(page)
        device.press(link(page, "Modes"))
        device.press(link(page, "pm"))
        expect(fact(page, "Mode")).to_have_text("on")

        for to, words in (
            ("shadow", "Module pm is in shadow mode"),
            ("off", "Module pm is off and serves neutral levers"),
        ):
            device.write(form(page, f"Set to {to}").get_by_label("Reason"), f"odd fills: {to}")
            device.press(page.get_by_role("button", name=f"Set to {to}"))

            expect(page.get_by_text(words)).to_be_visible()
            expect(fact(page, "Mode")).to_have_text(to)
            expect(panel(page, "Current state")).to_contain_text(f"odd fills: {to}")

        expect(page.get_by_text("pm is off: nothing is served")).to_be_visible()

    def test_is_refused_without_a_reason(self, enter: Enter, device_type: type[InputDevice]) -> None:
        page = enter("operator")
        device = device_type(page)
        device.press(link(page, "Modes"))
        device.press(link(page, "pm"))

        device.press(page.get_by_role("button", name="Set to off"))
        reason = form(page, "Set to off").get_by_label("Reason")
        assert reason.evaluate("field => field.validity.valueMissing")
        device.write(reason, "  ")
        device.press(page.get_by_role("button", name="Set to off"))

        expect(page.get_by_role("alert")).to_contain_text("Nothing was changed or drafted")
        expect(fact(page, "Mode")).to_have_text("on")

    def test_goes_to_on_through_a_request_that_somebody_else_decides(
        self, enter: Enter, device_type: type[InputDevice]
    ) -> None:
        page = enter("reviewer")
        device = device_type(page)

        device.press(link(page, re.compile("Switch dm on")))
        device.press(link(page, re.compile("^Approve")))
        device.write(page.get_by_label("Reason"), "the shadow's answers were sound")
        device.press(page.get_by_role("button", name="Approve"))
        expect(fact(page, "State")).to_have_text("approved")
        device.press(link(page, re.compile("^Apply")))
        device.press(page.get_by_role("button", name="Apply"))
        expect(fact(page, "State")).to_have_text("applied")

        device.press(link(page, "Modes"))
        device.press(link(page, "dm"))
        expect(fact(page, "Mode")).to_have_text("on")


class TestAuditingContributions:
    def test_leads_from_an_override_through_a_decision_to_its_outcome(
        self, enter: Enter, device_type: type[InputDevice]
    ) -> None:
        page = enter("reviewer")
        device = device_type(page)

        open_override(page, device)
        device.press(link(panel(page, "What it moved"), "All decisions it moved"))
        expect(page.get_by_text("1 decision", exact=True)).to_be_visible()
        device.press(page.locator("#result_list tbody").get_by_role("link").first)

        size = page.locator("section").filter(has=page.get_by_role("heading", name=re.compile("^size_mult 1.02")))
        expect(size).to_be_visible()
        rows = [cells(row) for row in size.locator("tbody tr").all()]
        part, target, step, bounds, served = (number(row[2]) for row in rows[:5])
        assert part == target == 0.030694
        assert served == pytest.approx(target + step + bounds, abs=2e-6)
        assert served == pytest.approx(math.log(1.02), abs=1e-6)
        expect(size.get_by_role("img")).to_be_visible()
        expect(panel(page, "What became of it")).to_contain_text("+3.000 R")
        expect(panel(page, "What became of it")).to_contain_text("overrides +0.0600 R, coefficients nothing")
        device.press(link(panel(page, "What became of it"), "served 3 R"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("served 3 R")

    def test_finds_the_decisions_of_a_pattern_by_their_reason(
        self, enter: Enter, device_type: type[InputDevice]
    ) -> None:
        page = enter("reviewer")
        device = device_type(page)

        device.press(link(page, "Decisions"))
        device.write(page.get_by_role("textbox", name="Search decisions"), "donchian")
        device.press(page.get_by_role("button", name="Search"))
        expect(page.get_by_text("3 decisions")).to_be_visible()
        device.press(link(page.get_by_role("navigation", name="Filter"), "one override"))

        expect(page.get_by_text("1 decision", exact=True)).to_be_visible()
