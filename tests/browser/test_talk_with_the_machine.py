"""A reviewer requests changes of the machine, and rejects; the author of a returned request reads what he can do.

Each walk is run with the mouse and with the keyboard alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from learning.models import Lesson
from learning.proposals.materialize import materialize
from overrides.models import ChangeRequest
from tests.browser.conftest import Enter
from tests.browser.input_devices import InputDevice, Keyboard, Mouse
from tests.browser.test_walks import fact, link, panel
from tests.browser.world import SECOND_KEY, World
from tests.builders import attempt

HOLD, HALF = 1, 3  # places among the choices of somebody who may not veto: as proposed, hold, ¾, ½, ¼
pytestmark = pytest.mark.parametrize("device_type", [Mouse, Keyboard], ids=["with the mouse", "with the keyboard"])


def elsewhere(work: Callable[[], Any]) -> Any:
    """Do work on the database in another thread, because the browser's event loop runs in this one."""
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(attempt(work)))
    thread.start()
    thread.join()
    assert not isinstance(done[0], Exception), done[0]
    return done[0]


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def proposed_lines(request: ChangeRequest | None) -> set[str]:
    return set() if request is None else set(request.lines.values_list("line__pattern_key", flat=True))


class TestRequestingChanges:
    def test_leads_to_a_next_draft_that_honours_them(
        self, enter: Enter, device_type: type[InputDevice], world: World
    ) -> None:
        page = enter("reviewer")
        device = device_type(page)

        device.press(link(page, re.compile("Lessons: 3 new")))
        device.press(link(page, "Request changes…"))
        expect(page.get_by_text(re.compile("drafts its next request at once"))).to_be_visible()
        choices = page.get_by_role("combobox", name=re.compile("in the next draft$"))
        expect(choices).to_have_count(3)
        for place, option in ((0, HOLD), (1, HALF)):
            device.choose(choices.nth(place), option)
        expect(choices.nth(0).locator("option:checked")).to_have_text("hold as it is (pin)")
        expect(choices.nth(1).locator("option:checked")).to_have_text(re.compile("^½ of the movement"))
        device.write(page.get_by_label("What should be different, and why"), "half of it is enough")
        device.press(page.get_by_role("button", name="Request changes"))

        expect(page.get_by_text(f"Request {world.waiting.pk} was returned and is cancelled")).to_be_visible()
        expect(fact(page, "State")).to_have_text("in review")
        expect(panel(page, re.compile("^What would change: 2 lines"))).to_be_visible()
        expect(page.get_by_text(re.compile("half of it is enough")).first).to_be_visible()
        device.press(link(fact(page, "Drafted after"), re.compile("^request")))
        expect(fact(page, "State")).to_have_text("cancelled")


class TestRejecting:
    def test_is_remembered_until_the_evidence_moves(
        self, enter: Enter, device_type: type[InputDevice], world: World
    ) -> None:
        page = enter("reviewer")
        device = device_type(page)

        device.press(link(page, re.compile("Lessons: 3 new")))
        device.press(link(page, "Reject…"))
        expect(page.get_by_text(re.compile("^3 proposed lines will be pinned until"))).to_be_visible()
        device.write(page.get_by_label("Reason"), "forty trades are not enough")
        device.press(page.get_by_role("button", name="Reject"))
        expect(fact(page, "State")).to_have_text("rejected")

        assert SECOND_KEY not in elsewhere(lambda: proposed_lines(materialize(module="pm", now=tomorrow())))
        elsewhere(self.more_trades)
        again = elsewhere(lambda: materialize(module="pm", now=tomorrow() + timedelta(days=1)))
        assert again is not None
        page.goto("/admin/")
        device.press(link(page, re.compile("Lessons: 3 new")))
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"request {again.pk}")

    @staticmethod
    def more_trades() -> None:
        """Let the lessons of the rejected lines rest on half as many trades again."""
        for lesson in Lesson.objects.filter(module="pm", pattern_key=SECOND_KEY):
            lesson.stats = lesson.stats | {"n": 1.5 * lesson.stats["n"]}
            lesson.save()


class TestAReturnedRequest:
    def test_says_to_its_author_what_he_can_do(
        self, enter: Enter, device_type: type[InputDevice], world: World
    ) -> None:
        page = enter("reviewer")
        device = device_type(page)
        device.press(link(page, re.compile("Switch dm on")))
        device.press(link(page, "Request changes…"))
        device.write(page.get_by_label("Reason"), "begin in shadow")
        device.press(page.get_by_role("button", name="Request changes"))
        expect(fact(page, "State")).to_have_text("changes requested")

        page = enter("author")
        device = device_type(page)
        row = page.get_by_role("row").filter(has_text="Switch dm on")
        expect(row).to_contain_text("Edit, Submit again, Cancel")
        device.press(row.get_by_role("link"))
        expect(page.get_by_role("status")).to_contain_text("begin in shadow")
        expect(page.get_by_role("status")).to_contain_text("You can edit it, submit it again, or cancel it.")
        device.press(link(page, "Submit…"))
        device.press(page.get_by_role("button", name="Submit"))
        expect(fact(page, "State")).to_have_text("in review")
