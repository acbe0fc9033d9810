"""Plan targets from the facts behind lessons: half-lives fitted to weeks, tuning targets from counterfactuals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Lesson
from learning.proposals.materialize import materialize
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import ChangeLine
from telemetry.core.trades import Trade as TradeValue
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, action_payload, make_trade, make_trades, publish
from tests.shared_world import Shared

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}


def parameters(*channels: str, **weights: Any) -> ModuleParameters:
    """Return parameters with channels on which one dimension of eight is heavy enough; others keep the floor."""
    document = ModuleParameters.default("pm").to_document()
    for channel in channels:
        document["channels"][channel]["weights"] |= {"min_total_weight": 0.0, **weights}
    return ModuleParameters.from_document("pm", document)


def learn(*trades: TradeValue) -> None:
    record_trades(trades, now=NOW)
    aggregate_dirty(now=NOW)
    build_lessons(module="pm", now=NOW)


def tuning(scope: Mapping[str, str] = GOOD, category: str = "entry") -> Lesson:
    return Lesson.objects.get(type="pm_tuning", scope=scope, action_category=category)


def two_phases(good: Mapping[str, Any], dip: Mapping[str, Any] | None = None, **action: Any) -> list[TradeValue]:
    """Return twenty trades at 2 R in Good with the fields `good`, twenty at 0 R in Dip: baseline 1 R."""
    return [
        *make_trades([2.0] * 20, scope=GOOD, prefix="g", **good, **action),
        *make_trades([0.0] * 20, scope=DIP, prefix="d", **(dip or {}), **action),
    ]


def trimmed(prefix: str, count: int, scope: Mapping[str, str], **trim: Any) -> list[TradeValue]:
    """Return trades of 1 R, one a day, with an entry and a trim in the scope, the trim with these fields."""
    return [
        make_trade(
            f"{prefix}{number}",
            rr=1.0,
            opened_at=utc_text(NOW - (number + 2) * DAY),
            closed_at=utc_text(NOW - (number + 1) * DAY),
            actions=[
                action_payload(scope=scope, at=utc_text(NOW - (number + 2) * DAY)),
                action_payload(action_category="trim", scope=scope, at=utc_text(NOW - (number + 1) * DAY), **trim),
            ],
        )
        for number in range(count)
    ]


@pytest.mark.django_db
class TestHalfLife:
    @pytest.fixture(autouse=True)
    def strength_acts(self, db: None) -> None:
        publish(parameters=parameters("pm_strength"))

    def test_is_fitted_on_the_weeks_of_the_cell(self) -> None:
        """Good earns 4 R, halving every week for eight weeks, around a baseline that Dip keeps near 0."""
        fading = [4.0 * 0.5 ** (day // 7) for day in range(56)]
        learn(
            *make_trades(fading, scope=GOOD, prefix="g"), *make_trades([0.0] * 560, scope=DIP, prefix="d", per_day=10)
        )

        good = Lesson.objects.get(scope=GOOD, type="pm_strength")
        fit = good.stats["half_life"]

        assert fit["points"] in (8, 9)
        assert fit["fitted"] == pytest.approx(7.0, rel=0.15)
        assert fit["fitted"] < fit["shrunk"] < 90
        assert fit["low"] < fit["shrunk"] < fit["high"]
        assert good.stats["half_life_days"] == fit["shrunk"]

    def test_stays_the_default_with_the_reason_where_weeks_are_few(self) -> None:
        learn(*two_phases({}))

        good = Lesson.objects.get(scope=GOOD)
        assert good.stats["half_life_days"] == 90.0
        assert good.stats["half_life"] == {
            "shrunk": 90.0, "fitted": None, "low": None, "high": None, "r2": None, "points": 3,
            "reason": "3 of the 5 weeks with trades that a fit needs",
        }  # fmt: skip

    def test_of_constant_outcomes_is_a_number(self) -> None:
        """Seventy days at 2 R: no variance, no decay."""
        learn(*make_trades([2.0] * 70, scope=GOOD, prefix="g"), *make_trades([0.0] * 70, scope=DIP, prefix="d"))

        assert Lesson.objects.get(scope=GOOD, type="pm_strength").stats["half_life_days"] == 365.0


@pytest.fixture(scope="class")
def tuning_acts(shared: Shared) -> Iterator[None]:
    with shared(lambda: publish(parameters=parameters("pm_tuning"))):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("tuning_acts")
class TestTuning:
    def test_learns_to_wait_from_what_waiting_would_have_made(self) -> None:
        later = {"counterfactuals": {"entry_delay_bars": {"1": 0.2, "2": 0.9, "3": -0.4}}}
        learn(*two_phases(later, {"counterfactuals": {"entry_delay_bars": {"1": -0.2, "2": -0.1}}}))

        good, dip = tuning(GOOD), Lesson.objects.filter(type="pm_tuning", scope=DIP)
        assert (good.policy, good.status, good.edge_raw) == ("plan", "active", 1.0)
        assert good.targets == {"phase1_frac_mult": 0.85, "entry_delay_bars": 2.0, "min_ts_for_add": 0.55}
        assert good.stats["tuning"] == {
            "grade": "medium", "alternative": "2", "is_later": True, "mean": pytest.approx(0.9), "se": pytest.approx(0),
            "n": 20,
        }  # fmt: skip
        assert not dip.exists()  # its edge is below .3 and no alternative was better

    def test_reads_the_grades_of_trades_that_tell_no_deltas(self) -> None:
        learn(*two_phases({"cf_entry_improvement_bucket": "large"}))

        assert tuning().targets == {"phase1_frac_mult": 0.7, "entry_delay_bars": 3.0, "min_ts_for_add": 0.55}

    @pytest.mark.parametrize(
        ("reported", "delay"),
        [
            ({"cf_exit_improvement_bucket": "large"}, 0.5),
            ({"counterfactuals": {"trim_delay_mult": {"0.667": 0.7, "never": -1.0}}}, 0.8),
            ({"counterfactuals": {"trim_delay_mult": {"0.667": -0.7, "never": 1.6}}}, 2.0),
        ],
    )
    def test_learns_when_to_trim(self, reported: Mapping[str, Any], delay: float) -> None:
        """Judged by -rr_after: selling gains 1 R in Good and loses 1 R in Dip."""
        learn(*trimmed("g", 20, GOOD, rr_after=-1.0, **reported), *trimmed("d", 20, DIP, rr_after=1.0))

        good, dip = tuning(GOOD, "trim"), tuning(DIP, "trim")
        assert good.targets["trim_delay_mult"] == delay
        assert good.targets["min_ox_for_trim"] == 0.4
        assert good.targets["trail_mult"] < 1 < dip.targets["trail_mult"]
        assert dip.targets.keys() == {"trail_mult"}

    def test_judges_a_trim_over_the_trades_that_were_not_trimmed_too(self) -> None:
        """A sooner trim costs each of twenty trimmed trades .2 R, and would have saved .8 R of forty that never came
        so far: .467 R a trade, although every trim says the opposite."""
        sooner = {"counterfactuals": {"trim_delay_mult": {"0.667": -0.2}}}
        times = {"action_category": "exit", "scope": GOOD, "at": utc_text(NOW - 3 * DAY)}
        untrimmed = action_payload(**times, counterfactuals={"trim_delay_mult": {"0.667": 0.8}})
        learn(
            *trimmed("g", 20, GOOD, rr_after=-1.0, **sooner),
            *trimmed("d", 20, DIP, rr_after=1.0),
            *(
                make_trade(f"u{number}", actions=[action_payload(scope=GOOD, at=utc_text(NOW - 3 * DAY)), untrimmed])
                for number in range(40)
            ),
        )

        said = tuning(GOOD, "trim").stats["tuning"]
        assert (said["grade"], said["n"], said["is_later"]) == ("small", 60, False)
        assert said["mean"] == pytest.approx((20 * -0.2 + 40 * 0.8) / 60)

    def test_tells_an_exit_nothing_but_its_trail(self) -> None:
        reported: dict[str, Any] = {"counterfactuals": {"trail_mult": {"2": 3.0}, "trim_delay_mult": {"0.667": 3.0}}}
        learn(
            *make_trades([1.0] * 20, scope=GOOD, prefix="g", rr_after=-1.0, action_category="exit", **reported),
            *make_trades([1.0] * 20, scope=DIP, prefix="d", rr_after=1.0, action_category="exit", **reported),
        )

        assert tuning(GOOD, "exit").targets.keys() == {"trail_mult"}

    def test_adds_up_what_the_actions_of_a_trade_tell(self) -> None:
        """Five entries of one Good trade report a gain of 2 R each: one of 21 trades, and 10 R for it."""
        trades = two_phases({"counterfactuals": {"entry_delay_bars": {"2": -0.4}}})
        counterfactuals = {"entry_delay_bars": {"2": 2.0}}
        entry = action_payload(scope=GOOD, at=utc_text(NOW - 3 * DAY), counterfactuals=counterfactuals)
        learn(*trades, make_trade("adds", rr=2.0, actions=[entry] * 5))

        said = tuning().stats["tuning"]
        assert (said["n"], said["mean"]) == (21, pytest.approx((10.0 - 20 * 0.4) / 21))

    def test_reads_replays_where_the_bot_sends_them(self) -> None:
        replayed = {"replays": {"entry_delay_bars": {"0": 2.0, "2": 2.9}}, "taken_arms": {"entry_delay_bars": "0"}}
        learn(*two_phases(replayed))

        assert tuning().stats["tuning"]["mean"] == pytest.approx(0.9)

    def test_leaves_dm_alone(self) -> None:
        dm: dict[str, Any] = {
            "module": "dm",
            "pattern_key": "dm_pattern.allocation.allocation",
            "action_category": "allocation",
        }
        record_trades(two_phases({}, **dm), now=NOW)
        aggregate_dirty(now=NOW)

        build_lessons(module="dm", now=NOW)

        assert set(Lesson.objects.values_list("type", flat=True)) == {"dm_alloc"}

    def test_is_withdrawn_with_the_edge_of_its_cell(self) -> None:
        learn(*two_phases({"counterfactuals": {"entry_delay_bars": {"2": 0.9}}}))

        even = make_trades([1.0] * 60, scope=GOOD, prefix="later")
        learn(*even, *make_trades([1.0] * 60, scope=DIP, prefix="later d"))

        assert tuning().status == "withdrawn"

    def test_is_proposed_as_execution_levers(self) -> None:
        learn(*two_phases({"counterfactuals": {"entry_delay_bars": {"2": 0.9}}}))

        request = materialize(module="pm", now=NOW + timedelta(hours=1))

        assert request is not None
        after = ChangeLine.objects.get(line=tuning().line_id).after
        assert after is not None
        assert (after.line.channel, after.line.policy) == ("pm_tuning", "plan")
        assert after.levers == {"phase1_frac_mult": 0.85, "entry_delay_bars": 2.0, "min_ts_for_add": 0.55}

    def test_keeps_tightened_bounds(self) -> None:
        publish(parameters=parameters("pm_tuning", bounds={"entry_delay_bars": [0, 1]}), at=NOW)
        learn(*two_phases({"counterfactuals": {"entry_delay_bars": {"2": 0.9}}}))

        assert tuning().targets["entry_delay_bars"] == 1.0


@pytest.mark.django_db
def test_a_cell_too_light_for_tuning_is_told_once() -> None:
    publish(parameters=parameters("pm_strength"))

    learn(*two_phases({"counterfactuals": {"entry_delay_bars": {"2": 0.9}}}))

    assert set(Lesson.objects.values_list("type", "status")) == {("pm_strength", "active")}
