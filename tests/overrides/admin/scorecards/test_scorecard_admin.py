"""The list and the pages of scorecards, and the panels on the pages of overrides and requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from overrides.models import ChangeRequest, Scorecard
from overrides.monitoring.scoring.scorecards import score
from tests.admin_pages import browser_of, page
from tests.builders import NOW, publish, set_mode
from tests.conftest import make_user
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db
LIST = "/admin/overrides/scorecard/"
SPEC = promising(0.2)
UNIDENTIFIED = promising(0.2, levers={"entry_aggression_mult": 1.1}, scope={"macro_phase": "Good"})


def furnish() -> None:
    publish(SPEC, UNIDENTIFIED)
    set_mode("on")
    served_trade("t1", 1.5)
    attribute()
    score(now=NOW)


@pytest.fixture(scope="class")
def scored(shared: Shared) -> Iterator[None]:
    """Two lines and one trade; the levers of one line have no identified effect."""
    with shared(furnish):
        yield


@pytest.fixture
def viewer(db: None) -> User:
    return make_user(
        "viewer", "overrides.view_scorecard", "overrides.view_override", "overrides.view_changerequest",
        "telemetry.view_decision",
    )  # fmt: skip


@pytest.mark.usefixtures("scored")
class TestTheList:
    def test_begins_with_lines_and_says_how_many_would_look_good_by_chance(self, viewer: User) -> None:
        text = page(browser_of(viewer), LIST)

        assert "2 lines were looked at; no outcome is realised on enough days for an interval." in text
        assert "not identified" in text
        assert "scorecards of lines" in text

    def test_counts_intervals_that_exclude_zero(self, viewer: User) -> None:
        lines = Scorecard.objects.filter(group="line").order_by("pk")
        lines.update(realised=0.1, realised_low=0.05, realised_high=0.15)

        text = page(browser_of(viewer), LIST)

        assert 'an interval in <span class="cw-num">2</span> of them' in text
        assert 'up to <span class="cw-num">0.1</span> would exclude zero by chance' in text

    @pytest.mark.parametrize(
        ("address", "found"),
        [
            ("?group=any", "machine"),
            ("?group=author", "machine"),
            ("?group=reviewer", "too few to say"),
            ("?method=manual", "donchian.long.breakout"),
            ("?q=donchian", "donchian.long.breakout"),
            ("?group=author&q=mach", "machine"),
            ("?module=pm", "donchian.long.breakout"),
        ],
    )
    def test_is_narrowed_by_group_module_method_and_words(self, viewer: User, address: str, found: str) -> None:
        assert found in page(browser_of(viewer), LIST + address)

    @pytest.mark.parametrize("column", range(2, 8))
    @pytest.mark.parametrize("way", ["", "-"])
    def test_sorts_by_every_figure_and_lists_rows_without_it_last(self, viewer: User, column: int, way: str) -> None:
        text = page(browser_of(viewer), f"{LIST}?o={way}{column}")

        if column == 7:  # what was earned
            assert text.index("+0.030") < text.index("not identified")

    def test_is_exported_as_a_table(self, viewer: User) -> None:
        answer = browser_of(viewer).get(f"{LIST}list.csv?group=any")

        lines = answer.getvalue().decode().splitlines()
        assert lines[0].startswith("id,group,module,name,method,line_id,lines")
        assert len(lines) == 1 + Scorecard.objects.count()

    def test_takes_few_queries(self, viewer: User) -> None:
        browser = browser_of(viewer)
        with CaptureQueriesContext(connection) as asked:
            browser.get(f"{LIST}?group=any")

        assert len(asked) <= 12


@pytest.mark.usefixtures("scored")
class TestThePages:
    @pytest.mark.parametrize("group", ["line", "pattern", "method", "module", "author", "reviewer"])
    def test_say_what_is_missing(self, viewer: User, group: str) -> None:
        card = Scorecard.objects.filter(group=group).latest("trades")

        text = page(browser_of(viewer), f"{LIST}{card.pk}/change/")

        assert ("2 lines decided: too few to say" if group == "reviewer" else "An interval takes 30.") in text
        assert "None" not in text

    def test_of_a_group_draws_outcomes_beside_promises(self, viewer: User) -> None:
        bins = [{"n": 50, "predicted": each, "realised": each, "low": 0.0, "high": 1.0} for each in (0.1, 0.3)]
        Scorecard.objects.filter(group="module").update(bins=bins, slope=0.9)
        card = Scorecard.objects.get(group="module")

        text = page(browser_of(viewer), f"{LIST}{card.pk}/change/")

        assert "in 2 groups with 95 % intervals" in text

    def test_of_an_override_shows_what_it_promised_and_earned(self, viewer: User) -> None:
        text = page(browser_of(viewer), f"/admin/overrides/override/{SPEC.id}/change/")

        assert "Promised and earned" in text
        assert "Outcomes lie on 1 day: too few days. An interval takes 30." in text

    def test_of_an_override_name_levers_without_an_identified_effect(self, viewer: User) -> None:
        text = page(browser_of(viewer), f"/admin/overrides/override/{UNIDENTIFIED.id}/change/")

        assert "none of its levers has an identified effect on the outcome" in text

    def test_of_a_request_shows_the_lines_it_decided(self, viewer: User) -> None:
        request = ChangeRequest.objects.get(kind="lines")

        text = page(browser_of(viewer), f"/admin/overrides/changerequest/{request.pk}/change/")

        assert "Promised and earned" in text
        assert "not identified" in text


def test_an_override_that_touched_nothing_says_so(viewer: User) -> None:
    publish(SPEC)

    text = page(browser_of(viewer), f"/admin/overrides/override/{SPEC.id}/change/")

    assert "Not scored yet" in text
