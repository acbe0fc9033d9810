"""Which decisions an action may name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from telemetry.core.decision_fit import (
    CLOCK_SKEW,
    REASONS,
    REPORTED_WITHIN,
    Acted,
    Asked,
    Misfit,
    misfit,
    scope_differences,
)
from tests.builders import KEY, NOW

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
ASKED = Asked("pm", KEY, "entry", NOW)
ACTED = Acted("pm", KEY, "entry", NOW, "paper")


class TestMisfit:
    def test_is_none_of_a_decision_made_for_the_action(self) -> None:
        assert misfit(ASKED, ACTED, longest=DAY) is None

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"module": "dm"}, Misfit.MODULE),
            ({"pattern_key": "rsi.long.dip"}, Misfit.PATTERN),
            ({"pattern_key": KEY.upper()}, Misfit.PATTERN),
            ({"action_category": "exit"}, Misfit.CATEGORY),
            ({"action_category": "add"}, Misfit.CATEGORY),
            ({"book": "live"}, Misfit.BOOK),
            ({"at": NOW + timedelta(minutes=5)}, Misfit.AFTER),
            ({"at": NOW + CLOCK_SKEW + TICK}, Misfit.AFTER),
            ({"at": NOW - DAY - TICK}, Misfit.OLD),
            ({"made_at": NOW + CLOCK_SKEW + TICK}, Misfit.LATE),
            ({"at": NOW - DAY, "made_at": NOW + DAY}, Misfit.LATE),
            ({"made_at": NOW, "reported_at": NOW + REPORTED_WITHIN + TICK}, Misfit.LATE),
        ],
    )
    def test_names_what_is_wrong(self, change: dict[str, object], reason: Misfit) -> None:
        assert misfit(ASKED._replace(**change), ACTED, longest=DAY) is reason  # type: ignore[arg-type]  # any field

    @pytest.mark.parametrize(
        "change",
        [
            {"at": NOW + CLOCK_SKEW},
            {"at": NOW - DAY},
            {"book": "paper"},
            {"made_at": NOW + CLOCK_SKEW},
            {"made_at": NOW, "reported_at": NOW + REPORTED_WITHIN},
            {"reported_at": NOW - DAY},
        ],
    )
    def test_allows_what_lies_within_the_limits(self, change: dict[str, object]) -> None:
        assert misfit(ASKED._replace(**change), ACTED, longest=DAY) is None  # type: ignore[arg-type]  # any field

    @pytest.mark.parametrize(
        ("book", "reason"),
        [("backtest", None), ("Backtest", Misfit.LATE), ("backtests", Misfit.LATE), ("dry", Misfit.LATE)],
    )
    def test_lets_backtests_alone_ask_about_the_past(self, book: str, reason: Misfit | None) -> None:
        later = NOW + 300 * DAY
        asked, acted = ASKED._replace(made_at=later, reported_at=later), ACTED._replace(book=book)

        assert misfit(asked, acted, longest=DAY) is reason
        assert misfit(asked._replace(at=NOW + DAY), acted, longest=DAY) is Misfit.AFTER

    def test_takes_the_longest_time_from_its_caller(self) -> None:
        asked = ASKED._replace(at=NOW - timedelta(hours=2))

        assert misfit(asked, ACTED, longest=timedelta(hours=2)) is None
        assert misfit(asked, ACTED, longest=timedelta(hours=1)) is Misfit.OLD

    def test_has_a_sentence_for_every_reason_that_can_be_stored(self) -> None:
        assert REASONS.keys() == set(Misfit)
        assert all(len(sentence) <= 200 for sentence in REASONS.values())
        assert all(len(reason) <= 10 for reason in Misfit)


class TestScopeDifferences:
    def test_are_none_between_equal_scopes(self) -> None:
        assert scope_differences({"bucket": "micro"}, {"bucket": "micro"}) == {}

    def test_list_values_added_missing_and_changed(self) -> None:
        found = scope_differences({"a": "1", "b": "2", "same": "x"}, {"b": "3", "c": "4", "same": "x"})

        assert found == {"a": ("1", None), "b": ("2", "3"), "c": (None, "4")}
