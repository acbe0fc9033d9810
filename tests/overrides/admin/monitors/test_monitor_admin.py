"""Pages of monitors: the list, the curve with its limit, the override's page and the first page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import Line, Monitor
from overrides.monitoring.watching.monitor import monitor
from overrides.requests.emergency import acknowledge, retire_lines
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, NOW, publish, set_mode
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade
from tests.people import make_person, somebody

LIST = "/admin/overrides/monitor/"


@pytest.fixture
def line(db: None) -> OverrideSpec:
    spec = promising(levers={"size_mult": 1.2})
    publish(spec)
    set_mode("on")
    return spec


def reader() -> User:
    return make_person("reader", is_staff=True, is_superuser=True)


def trades(count: int, rr: float) -> None:
    for day in range(1, count + 1):
        served_trade(f"t{day}", rr, days=day)
    attribute()
    monitor(now=NOW + (count + 1) * DAY)


class TestPages:
    def test_the_list_and_the_page_show_the_curve_in_few_queries(
        self, line: OverrideSpec, django_assert_max_num_queries: Any
    ) -> None:
        trades(5, -1.5)
        browser = browser_of(reader())

        with django_assert_max_num_queries(MOST_QUERIES):
            listed = page(browser, LIST)
        with django_assert_max_num_queries(MOST_QUERIES):
            shown = page(browser, f"{LIST}{Monitor.objects.get().pk}/change/")

        assert "donchian" in listed
        assert ">strength</span>" in listed
        assert "last closed" in listed
        [picture] = [each for each in re.findall(r"<svg.*?</svg>", shown, flags=re.DOTALL) if "limit" in each]
        assert "the limit is 1,000" in picture
        assert "not shown: 5 of 30 whole days with trades" in shown

    def test_say_so_if_the_line_is_not_in_force(self, line: OverrideSpec) -> None:
        trades(2, 1.0)
        browser = browser_of(reader())
        assert "stayed below the limit" in page(browser, f"{LIST}{Monitor.objects.get().pk}/change/")

        retire_lines(module="pm", lines=[line.line], by=somebody(), reason="no longer wanted", at=NOW + 4 * DAY)

        assert "donchian" not in page(browser, LIST)
        assert ">not in force</span>" in page(browser, f"{LIST}?in_force=no")
        assert "donchian" not in page(browser, f"{LIST}?in_force=yes")
        shown = page(browser, f"{LIST}{Monitor.objects.get().pk}/change/")
        assert "stayed below the limit" not in shown
        assert "nothing is counted" in shown

    def test_the_first_page_counts_amber_ones_of_lines_in_force(self, line: OverrideSpec) -> None:
        trades(2, 1.0)
        Monitor.objects.update(state=Monitor.State.AMBER)
        browser = browser_of(reader())
        assert ">1 monitor</a>" in page(browser, "/admin/")

        retire_lines(module="pm", lines=[line.line], by=somebody(), reason="no longer wanted", at=NOW + 4 * DAY)

        assert "1 monitor</a>" not in page(browser, "/admin/")

    def test_the_page_says_in_words_what_is_watched(self, line: OverrideSpec) -> None:
        trades(2, 1.0)
        shown = page(browser_of(reader()), f"{LIST}{Monitor.objects.get().pk}/change/")

        [trail] = re.findall(r'<div class="breadcrumbs">.*?</div>', shown, flags=re.DOTALL)
        assert str(Line.objects.get()) in trail
        assert Line.objects.get().pk[:12] not in trail

    def test_say_that_a_line_is_above_the_limit_because_of_lines_beside_it(self, line: OverrideSpec) -> None:
        trades(2, 1.0)
        Monitor.objects.update(state="shared", level=1234.0, remaining=310.0)
        browser = browser_of(reader())

        shown = page(browser, f"{LIST}{Monitor.objects.get().pk}/change/")

        assert "It stays in force, and is judged again with each day." in shown
        assert re.search(r"Remains of it</dt><dd>.{0,60}310", shown)
        assert "is above the limit because of lines that acted beside it, and stays in force" in " ".join(
            re.sub(r"<[^>]+>", "", page(browser, "/admin/")).split()
        )

    def test_the_list_finds_a_line_by_its_words(self, line: OverrideSpec) -> None:
        trades(2, 1.0)
        browser = browser_of(reader())

        assert "donchian" in page(browser, f"{LIST}?q=donchian")
        assert "donchian" not in page(browser, f"{LIST}?q=rsi").replace('value="rsi"', "")

    def test_the_override_says_whether_it_still_works(self, line: OverrideSpec) -> None:
        browser = browser_of(reader())

        assert "Not watched: no closed trade" in page(browser, f"/admin/overrides/override/{line.content_id}/change/")

        trades(20, -8.0)

        shown = page(browser, f"/admin/overrides/override/{line.content_id}/change/")
        assert "Only a reviewed request brings it back." in shown
        assert "It was disabled on" in page(browser, f"{LIST}{Monitor.objects.get().pk}/change/")

    def test_the_first_page_says_what_the_monitor_did_until_somebody_looked(
        self, line: OverrideSpec, django_assert_max_num_queries: Any
    ) -> None:
        trades(20, -8.0)
        browser = browser_of(reader())

        with django_assert_max_num_queries(MOST_QUERIES):
            shown = page(browser, "/admin/")
        title = f"The monitor disabled {Line.objects.get()}, which lowers exposure"
        assert title in shown
        assert "entry [bucket=micro, macro_phase=Good], which lowers" in title
        assert "<strong>the monitor</strong> disabled a line of pm, in request" in shown

        request = Monitor.objects.get().request
        assert request is not None
        acknowledge(request_id=request.pk, by=somebody(), reason="it died", at=NOW + 22 * DAY)
        assert "What the monitor found" not in page(browser, "/admin/")
