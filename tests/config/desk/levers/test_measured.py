"""What the page of a lever says of its effect: by alternatives, by reviewed draws and by windows of its gate."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from config.desk.levers import alternatives
from overrides.models import ArmOutcome
from telemetry.recording.record_episodes import receive_episodes
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, set_mode
from tests.config.desk.levers.test_page import LIST, page_of, words
from tests.learning.levers import GAIN, UNSURE, make_lever_run
from tests.overrides.admin.serving.test_arms_page import ARM, explored
from tests.telemetry.core.episode_builders import GATES, entered_payload, episode_payload, window_payload

pytestmark = pytest.mark.django_db
GATE = "min_ts_for_add"


class TestAlternatives:
    def test_stand_beside_what_doing_nothing_would_have_earned(self, reviewer: User) -> None:
        make_lever_run(walks={"trail_mult": UNSURE}, alternatives={"trail_mult": ["2"]})

        shown = words(page(browser_of(reviewer), page_of("trail_mult")))

        assert "doing nothing would have earned 0" in shown
        assert "Replay of alternatives." in shown

    def test_of_a_gate_say_which_are_no_candidates_and_why(
        self, reviewer: User, django_assert_max_num_queries: object
    ) -> None:
        make_lever_run(walks={GATE: GAIN}, by_windows={GATE: UNSURE}, alternatives={GATE: ["0.5"]})
        client = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):  # type: ignore[operator]  # untyped fixture
            shown = words(page(client, page_of(GATE)))

        assert "Replay of its gate." in shown
        assert shown.index("Over all windows of its gate") < shown.index("Over all trades")
        assert "per 1,000 windows" in shown
        assert "0.55 900 +0.1500 R 61.5 R 20.5 R +0.0800 R" in shown
        assert "no candidate: it changes 3 episodes, and 20 are needed" in shown
        assert shown.count("The other table decides about this lever") == 1
        assert f"{GATE} replay of its gate" in words(page(client, LIST))

    def test_that_nobody_told_of_are_said_to_be_missing(self, reviewer: User) -> None:
        shown = words(page(browser_of(reviewer), page_of("trail_mult")))

        assert "Neither a trade nor a window told of an alternative of it" in shown
        assert "Not identified." in shown

    def test_have_no_walk_forward_without_learning(self, monkeypatch: pytest.MonkeyPatch, reviewer: User) -> None:
        monkeypatch.setattr(alternatives, "LEARNS", False)

        assert "Walk-forward is not available" in words(page(browser_of(reviewer), page_of("trail_mult")))


class TestDraws:
    def test_are_shown_with_their_interval(self, reviewer: User, django_assert_max_num_queries: object) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM})
        explored(40)
        client = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):  # type: ignore[operator]  # untyped fixture
            shown = words(page(client, page_of("entry_delay_bars")))

        assert "Reviewed draws." in shown
        assert f"{ArmOutcome.objects.count()} drawn" in shown
        assert "entry_delay_bars reviewed draws" in words(page(client, LIST))

    def test_of_a_size_are_refused_with_the_reason(self, reviewer: User) -> None:
        shown = words(page(browser_of(reviewer), page_of("size_mult")))

        assert "It is not drawn: its effect is known exactly from the replay of sizes" in shown


class TestGates:
    def test_count_what_became_of_windows(self, reviewer: User) -> None:
        receive_episodes([episode_payload(windows=[window_payload(), entered_payload()])], gates=GATES, now=NOW)

        shown = words(page(browser_of(reviewer), page_of("min_ts_for_add")))

        assert "missed 1 1 success 1 0" in shown

    def test_without_windows_say_what_bots_have_to_send(self, reviewer: User) -> None:
        client = browser_of(reviewer)

        assert "No window of it was recorded." in words(page(client, page_of("min_ts_for_add")))
        assert "windows of its gate" not in words(page(client, page_of("trail_mult")))
