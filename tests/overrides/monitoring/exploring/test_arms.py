"""What came of explored positions: from answers through closed trades to the effect, the budget and the replay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from overrides.core.monitoring.replaying.json_diff import Difference
from overrides.models import ArmOutcome, ArmPosition
from overrides.monitoring.exploring.arms import ArmEffect, arm_effects
from overrides.monitoring.exploring.refresh_arms import refresh_arms
from overrides.monitoring.replaying.replay import Choice, replay
from overrides.serving.arms import POSITIONS
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.mode import lower_mode
from overrides.serving.resolve import resolve
from overrides.tasks import earned_task
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    make_correction,
    make_question,
    make_spec,
    make_trade,
    publish,
    set_mode,
    without_triggers,
)
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

ARM: dict[str, Any] = {
    "alternative": 2.0, "probability": 0.5, "share_percent": 100.0, "rr_per_week": 3.0, "rr_per_position": 0.25
}  # fmt: skip
OPENED, CLOSED = NOW - 2 * DAY, NOW - DAY


def furnish() -> None:
    publish(make_spec(), at=NOW - 9 * DAY)
    set_mode("on", arms={"entry_delay_bars": ARM}, at=NOW - 8 * DAY)


@pytest.fixture(scope="module", autouse=True)
def explored(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


@pytest.fixture(autouse=True)
def engines(explored: None, db: None) -> None:
    ENGINE_ROOM.refresh()


def ask(*keys: str) -> dict[str, dict[str, Any]]:
    """Ask about positions, log the decisions, and return by key an action that names its answer."""
    answers = resolve([make_question(position_key=key, at=utc_text(OPENED)) for key in keys], now=OPENED)
    record_decisions([each.record for each in answers])
    return {
        key: action_payload(at=utc_text(OPENED), decision_ids=[str(each.decided.decision_id)])
        for key, each in zip(keys, answers, strict=True)
    }


def arms(*keys: str) -> dict[bool, str]:
    """Return a key that drew the alternative (True) and one that did not, among positions asked about."""
    rows = ArmPosition.objects.filter(position_key__in=keys).order_by("-id")
    return {row.is_alternative: row.position_key for row in rows}


def replayed(action: dict[str, Any], alternative: float, served: float, taken: str = "0") -> dict[str, Any]:
    found = {"entry_delay_bars": {"2": alternative, "0": served}}
    return action | {"replays": found, "taken_arms": {"entry_delay_bars": taken}}


def close(*trades: Any, at: Any = NOW) -> None:
    record_trades(trades, now=at)
    attribute_trades(now=at)
    refresh_arms(now=at)


def trade(name: str, action: dict[str, Any], rr: float, **over: Any) -> Any:
    times = {"opened_at": utc_text(OPENED), "closed_at": utc_text(CLOSED)}
    return make_trade(name, rr=rr, **({"actions": [action]} | times | over))


KEYS = tuple(f"BTC/USDT {number}" for number in range(12))


def effect() -> ArmEffect:
    [found] = arm_effects("pm")
    return found


class TestTheOutcomes:
    def test_hold_both_replays_and_what_the_alternative_lost(self) -> None:
        actions = ask(*KEYS)
        key = arms(*KEYS)
        close(
            trade("a", replayed(actions[key[True]], -0.5, 0.75, "2"), -0.6),
            trade("s", replayed(actions[key[False]], -1.0, 1.0), 1.0),
        )

        one, other = (ArmOutcome.objects.get(position__position_key=key[arm]) for arm in (True, False))
        assert (one.rr, one.replay_alternative, one.replay_served, one.lost) == (-0.6, -0.5, 0.75, 1.25)
        assert (other.rr, other.replay_alternative, other.replay_served, other.lost) == (1.0, -1.0, 1.0, 0.0)
        found = effect()
        assert found.effect.doubly_robust.total == pytest.approx((-1.25 - 0.1 / 0.5) + (-2.0 - 0.0))
        admitted = ArmPosition.objects.filter(is_alternative=True).count()
        assert found.spent == pytest.approx(1.25 + 0.25 * (admitted - 1))
        assert found.most_spent == found.spent
        assert (found.drawn, found.refused, found.open) == (12, 0, 10)
        assert found.is_running

    def test_count_positions_without_both_replays_by_the_draw_alone(self) -> None:
        actions = ask(*KEYS)
        key = arms(*KEYS)
        lacks = action_payload() | actions[key[False]]
        only_taken = {"replays": {"entry_delay_bars": {"2": 0.5}}, "taken_arms": {"entry_delay_bars": "2"}}
        close(trade("a", actions[key[True]] | only_taken, 0.5), trade("s", lacks, 1.0))

        found = effect().effect
        assert (found.positions, found.without_replays) == (2, 2)
        assert found.doubly_robust.total == pytest.approx(0.5 / 0.5 - 1.0 / 0.5)
        assert ArmOutcome.objects.filter(lost__gt=0).count() == 0

    @pytest.mark.parametrize(
        ("report", "taken", "is_other"),
        [
            ({}, "0", (True, False)),
            ({}, "2.0", (False, True)),
            ({"applied": {"entry_delay_bars": 2.0}}, None, (False, True)),
            ({"applied": {"entry_delay_bars": 1.0}}, None, (True, True)),
            ({"applied": {"size_mult": 1.0}}, None, (False, False)),
        ],
    )
    def test_tell_where_the_bot_took_another_value_than_the_one_drawn(
        self, report: dict[str, Any], taken: str | None, is_other: tuple[bool, bool]
    ) -> None:
        actions = ask(*KEYS)
        key = arms(*KEYS)
        sent = {arm: actions[key[arm]] | report for arm in (True, False)}
        if taken is not None:
            replays = {"entry_delay_bars": {"2.0": 0.5, "0": 1.0}}
            sent = {
                arm: each | {"replays": replays, "taken_arms": {"entry_delay_bars": taken}}
                for arm, each in sent.items()
            }
        close(trade("a", sent[True], 0.5), trade("s", sent[False], 1.0))

        rows = {row.position.is_alternative: row for row in ArmOutcome.objects.select_related("position")}
        assert (rows[True].took_other, rows[False].took_other) == is_other
        assert rows[True].lost == (0.5 if taken == "2.0" else 0.0)
        found = effect().effect
        assert (found.other_than_alternative, found.other_than_served) == is_other
        assert found.positions == 2 - sum(is_other)

    def test_tell_a_value_that_only_a_later_action_did_not_take(self) -> None:
        key = arms(*ask(*KEYS))[True]
        one, other = (
            replayed(each, 0.5, 1.0, taken) for each, taken in zip([*ask(key).values()] * 2, "20", strict=True)
        )
        later = ask(key)[key]
        close(trade("a", one, 0.5, actions=[one, other | {"decision_ids": later["decision_ids"]}]))

        assert ArmOutcome.objects.get().took_other

    def test_follow_an_answer_that_was_given_without_the_draw(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An add that could not ask for the budget was served, and the bot did as it was told."""
        actions = ask(*KEYS)
        key = arms(*KEYS)[True]
        POSITIONS.forget()
        monkeypatch.setattr("overrides.serving.arms._asked", lambda *_, **__: {})
        unasked = ask(key)[key]
        close(trade("a", {}, 0.5, actions=[replayed(actions[key], 0.5, 1.0, "2"), replayed(unasked, 0.5, 1.0, "0")]))

        assert not ArmOutcome.objects.get().took_other

    def test_count_a_key_by_its_first_trade_and_leave_out_backtests(self) -> None:
        actions = ask(*KEYS)
        key = arms(*KEYS)
        late = {"closed_at": utc_text(CLOSED + DAY / 2)}
        close(
            trade("a", actions[key[True]], 1.0),
            trade("again", actions[key[True]], 5.0, **late),
            trade("b", actions[key[False]], 5.0, book="backtest"),
        )

        assert [row.rr for row in ArmOutcome.objects.all()] == [1.0]

    def test_follow_corrections_the_next_day(self) -> None:
        actions = ask(*KEYS)
        key = arms(*KEYS)
        close(trade("a", actions[key[True]], 1.0))
        times: dict[str, Any] = {"opened_at": utc_text(OPENED), "closed_at": utc_text(CLOSED)}
        close(make_correction("a", rr=3.0, actions=[actions[key[True]]], **times))
        same_day = ArmOutcome.objects.get().rr
        refresh_arms(now=NOW + DAY)

        assert (same_day, ArmOutcome.objects.get().rr) == (1.0, 3.0)

    def test_leave_out_days_that_are_not_over(self) -> None:
        actions = ask(*KEYS)
        close(trade("a", actions[KEYS[0]], 1.0, closed_at=utc_text(NOW)))

        assert (effect().effect.positions, ArmOutcome.objects.count()) == (0, 1)
        refresh_arms(now=NOW + DAY)
        assert effect().effect.positions == 1

    def test_leave_out_positions_that_the_budget_refused(self) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM | {"rr_per_week": 0.25}}, at=NOW - 7 * DAY)
        ENGINE_ROOM.refresh()
        actions = ask(*KEYS)
        close(*(trade(key, action, 1.0) for key, action in actions.items()))

        found = effect()
        assert found.refused == ArmPosition.objects.filter(is_admitted=False).count() > 0
        assert found.effect.positions == found.drawn - found.refused
        assert (found.effect.alternatives, found.spent) == (1, 0.25)

    def test_are_refreshed_with_what_was_earned(self) -> None:
        actions = ask(*KEYS)
        record_trades([trade("a", actions[KEYS[0]], 1.0)], now=NOW)
        attribute_trades(now=NOW)
        earned_task(now=utc_text(NOW))

        assert ArmOutcome.objects.count() == 1


class TestTheEffects:
    def test_begin_before_the_first_position_and_outlive_the_arm(self) -> None:
        before = effect()
        assert (before.is_running, before.drawn, before.since, before.spent) == (True, 0, None, None)

        actions = ask(*KEYS)
        close(trade("a", actions[KEYS[0]], 1.0))
        lower_mode(module="pm", by="ada", reason="enough", at=NOW, end_arm="entry_delay_bars")
        after = effect()
        assert (after.is_running, after.arm, after.effect.positions) == (False, None, 1)

    def test_are_told_apart_by_alternative(self) -> None:
        ask(*KEYS)
        set_mode("on", arms={"entry_delay_bars": ARM | {"alternative": 1.0}})
        ENGINE_ROOM.refresh()
        ask("another")

        found = arm_effects("pm")
        assert [(each.alternative, each.is_running, each.drawn) for each in found] == [(1.0, True, 1), (2.0, False, 12)]

    def test_are_none_in_a_module_that_never_explored(self) -> None:
        assert arm_effects("dm") == []

    def test_are_read_in_few_queries(self, django_assert_max_num_queries: Any) -> None:
        ask(*KEYS)
        with django_assert_max_num_queries(5):
            arm_effects("pm")


class TestTheReplay:
    def differences(self) -> list[str]:
        found: list[Difference] = []
        report = replay(Choice(), now=NOW + DAY, on_difference=found.append)
        assert report.replayed == len(KEYS)
        return [str(each) for each in found]

    def test_reproduces_every_draw(self) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM | {"rr_per_week": 0.5}}, at=NOW - 7 * DAY)
        ENGINE_ROOM.refresh()
        ask(*KEYS)
        set_mode("on", arms={})

        assert {row.levers["entry_delay_bars"]["served"] for row in Decision.objects.all()} == {0.0, 2.0}
        assert self.differences() == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [("draw", 0.123), ("share_draw", 1.5), ("admitted", True), ("spent", 0.125), ("served", 0.5)],
    )
    def test_tells_a_draw_that_was_changed(self, field: str, value: object) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM | {"rr_per_week": 0.25}}, at=NOW - 7 * DAY)
        ENGINE_ROOM.refresh()
        ask(*KEYS)
        refused = set(ArmPosition.objects.filter(is_admitted=False).values_list("position_key", flat=True))
        of_refused = field == "admitted"
        row = next(row for row in Decision.objects.all() if (row.request["position_key"] in refused) == of_refused)
        changed = row.request["arms"]["entry_delay_bars"] | {field: value}
        with without_triggers():
            Decision.objects.filter(pk=row.pk).update(request=row.request | {"arms": {"entry_delay_bars": changed}})

        assert any(f"entry_delay_bars.{field}" in each or "levers" in each for each in self.differences())

    def test_tells_a_lever_that_was_changed(self) -> None:
        actions = ask(*KEYS)
        assert actions
        row = next(row for row in Decision.objects.all() if row.levers["entry_delay_bars"]["served"] == 2.0)
        changed = row.request["arms"]["entry_delay_bars"] | {"alternative": 3.0}
        with without_triggers():
            Decision.objects.filter(pk=row.pk).update(request=row.request | {"arms": {"entry_delay_bars": changed}})

        assert any("entry_delay_bars" in each for each in self.differences())
