"""Arms of a served module: which positions are drawn, once and for all, and within the budget of the week."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overrides.core.engine.definitions.arms import Arm, ArmDraw, arm_draws
from overrides.models import ArmOutcome, ArmPosition, ModuleMode
from overrides.serving import arms
from overrides.serving.arms import POSITIONS
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.holdback import holdback_secret
from overrides.serving.mode import lower_mode
from overrides.serving.resolve import Resolved, resolve
from tests.builders import (
    DAY,
    NOW,
    make_parameters,
    make_question,
    make_spec,
    publish,
    set_mode,
    told,
    without_triggers,
)

DELAY: dict[str, Any] = {
    "alternative": 2.0, "probability": 0.5, "share_percent": 100.0, "rr_per_week": 100.0, "rr_per_position": 0.5
}  # fmt: skip
KEYS = [f"BTC/USDT {number}" for number in range(60)]


def explore(lever: str = "entry_delay_bars", **over: Any) -> None:
    set_mode("on", arms={lever: DELAY | over})
    ENGINE_ROOM.refresh()


def ask(*keys: str | None, at: datetime = NOW, dry: bool = False, **over: Any) -> list[Resolved]:
    stated: list[dict[str, Any]] = [{} if key is None else {"position_key": key} for key in keys]
    return resolve([make_question(**each, **over) for each in stated], now=at, dry=dry)


def delays(answers: list[Resolved]) -> list[float]:
    return [each.answer.levers["entry_delay_bars"] for each in answers]


def drawn(key: str, probability: float = 0.5) -> bool:
    return arm_draws(holdback_secret(), "entry_delay_bars", key)[1] < probability


def spent() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(week) FROM overrides_armposition")
        cursor.execute("SELECT arm_spent('pm', 'entry_delay_bars', %s)", [cursor.fetchone()[0]])
        return float(cursor.fetchone()[0])


@pytest.fixture
def served(db: None) -> None:
    publish(make_spec())


@pytest.mark.usefixtures("served")
class TestAPosition:
    def test_gets_what_its_draw_says_and_keeps_it(self) -> None:
        explore()
        expected = [2.0 if drawn(key) else 0.0 for key in KEYS]

        first = ask(*KEYS)
        POSITIONS.forget()
        assert delays(first) == delays(ask(*KEYS)) == [delays(ask(key))[0] for key in KEYS] == expected
        assert 10 < expected.count(2.0) < 50
        assert ArmPosition.objects.count() == len(KEYS)

    def test_is_told_what_is_explored_and_stores_everything_that_was_drawn(self) -> None:
        explore()
        key = next(key for key in KEYS if drawn(key))
        [found] = ask(key)

        explored = {"arm": "alternative", "served": 0.0, "alternative": 2.0, "probability": 0.5}
        assert told(found)["arms"] == {"entry_delay_bars": explored}
        share_draw, draw = arm_draws(holdback_secret(), "entry_delay_bars", key)
        stored = {"share_draw": share_draw, "draw": draw, "admitted": True, "spent": 0.0, "served": 0.0}
        assert found.record.request["arms"] == {"entry_delay_bars": DELAY | stored}

    def test_without_a_key_is_served(self) -> None:
        explore()
        [found] = ask(None)

        assert delays([found]) == [0.0]
        assert "arms" not in told(found)
        assert "arms" not in found.record.request

    def test_outside_the_share_is_served_and_costs_no_query(self, django_assert_num_queries: Any) -> None:
        explore(share_percent=0.01)
        ask("warm up")
        with django_assert_num_queries(0):
            found = ask(*KEYS)

        assert set(delays(found)) == {0.0}
        assert not any("arms" in told(each) for each in found)
        assert ArmPosition.objects.count() == 0

    def test_is_drawn_by_one_transaction_for_a_whole_list_and_none_once_it_is_known(
        self, django_assert_max_num_queries: Any, django_assert_num_queries: Any
    ) -> None:
        explore()
        ask("warm up")
        with django_assert_max_num_queries(5):
            ask(*KEYS)
        with django_assert_num_queries(0):
            ask(*KEYS)

    def test_of_a_long_list_is_drawn_when_it_is_asked_about_next(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arms, "MOST_DRAWN", 40)
        explore()
        expected = [2.0 if drawn(key) else 0.0 for key in KEYS]

        assert delays(ask(*KEYS)) == expected[:40] + [0.0] * 20
        assert delays(ask(*KEYS)) == expected
        POSITIONS.forget()
        assert delays(ask(*KEYS)) == expected

    def test_is_drawn_for_each_lever_apart(self) -> None:
        set_mode("on", arms={"entry_delay_bars": DELAY, "min_ts_for_add": DELAY | {"alternative": 0.5}})
        ENGINE_ROOM.refresh()
        found = ask(*KEYS)

        pairs = {(each.answer.levers["entry_delay_bars"], each.answer.levers["min_ts_for_add"]) for each in found}
        assert pairs == {(0.0, 0.5), (0.0, 0.6), (2.0, 0.5), (2.0, 0.6)}

    def test_of_another_action_has_no_arm_of_a_lever_that_it_lacks(self) -> None:
        explore()
        ask(*KEYS, action_category="exit")

        assert ArmPosition.objects.count() == 0

    @pytest.mark.parametrize(
        "over",
        [{"pattern_key": "donchian.long.stop"}, {"scope": {"bucket": "big"}}],
    )
    def test_that_is_not_served_is_not_drawn(self, over: dict[str, Any]) -> None:
        set_mode("on", arms={"entry_delay_bars": DELAY}, allow={"bucket": ["micro"]})
        ENGINE_ROOM.refresh()

        assert set(delays(ask(*KEYS, **over))) == {0.0}
        assert ArmPosition.objects.count() == 0

    @pytest.mark.parametrize("mode", ["off", "shadow"])
    def test_of_a_module_that_is_not_on_is_not_drawn(self, mode: str) -> None:
        set_mode(mode, arms={"entry_delay_bars": DELAY})
        ENGINE_ROOM.refresh()

        assert set(delays(ask(*KEYS))) == {0.0}
        assert ArmPosition.objects.count() == 0

    def test_that_is_held_back_is_not_drawn(self) -> None:
        set_mode("on", arms={"entry_delay_bars": DELAY}, holdback_percent=20)
        ENGINE_ROOM.refresh()
        found = ask(*KEYS)

        held = {str(each.decided.question.position_key) for each in found if each.answer.reason == "HOLDBACK"}
        assert held
        assert set(ArmPosition.objects.values_list("position_key", flat=True)) == set(KEYS) - held

    def test_that_has_closed_is_explored_no_more_under_its_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key that comes again, such as that of a pair, would otherwise get the alternative for nothing, for ever."""
        explore()
        key = next(key for key in KEYS if drawn(key))
        assert delays(ask(key, at=NOW + 21 * DAY)) == [2.0]
        row = ArmPosition.objects.get()
        ArmOutcome.objects.create(position=row, book="paper", day=NOW.date(), rr=0.0, lost=0.0, computed_at=NOW)
        remembered = delays(ask(key, at=NOW + 28 * DAY))
        monkeypatch.setattr(arms, "CHECKED_SECONDS", -1.0)
        [found] = ask(key, at=NOW + 28 * DAY)

        assert (remembered, delays([found])) == ([2.0], [0.0])
        assert "arms" not in told(found)
        assert ArmPosition.objects.get() == row

    def test_asked_about_dry_is_not_drawn_and_sees_what_was(self) -> None:
        explore()
        assert set(delays(ask(*KEYS, dry=True))) == {0.0}
        assert ArmPosition.objects.count() == 0

        ask(*KEYS)
        POSITIONS.forget()
        assert delays(ask(*KEYS, dry=True)) == [2.0 if drawn(key) else 0.0 for key in KEYS]

    def test_is_not_explored_outside_bounds_that_were_tightened_since(self) -> None:
        explore()
        channels = make_parameters().to_document()["channels"]
        channels["pm_tuning"]["weights"]["bounds"] = {"entry_delay_bars": [0, 1.5]}
        publish(make_spec({"size_mult": 1.05}), parameters=make_parameters(channels=channels))
        ENGINE_ROOM.refresh()

        assert set(delays(ask(*KEYS))) == {0.0}


@pytest.mark.usefixtures("served")
class TestTheEnd:
    def test_of_an_arm_comes_at_once_and_leaves_the_others(self) -> None:
        set_mode("on", arms={"entry_delay_bars": DELAY, "min_ts_for_add": DELAY | {"alternative": 0.5}})
        ask(*KEYS)
        row = lower_mode(module="pm", by="ada", reason="enough", at=NOW, end_arm="entry_delay_bars")
        ENGINE_ROOM.refresh()

        assert set(row.arms) == {"min_ts_for_add"}
        assert set(delays(ask(*KEYS))) == {0.0}

    def test_is_known_to_the_database_before_a_process_knows(self) -> None:
        """The engine of this process still explores; the database writes no further position."""
        explore()
        [first] = delays(ask(key := next(key for key in KEYS if drawn(key))))
        lower_mode(module="pm", by="ada", reason="enough", at=NOW, end_arm="entry_delay_bars")
        POSITIONS.forget()
        found = dict(zip(KEYS, delays(ask(*KEYS)), strict=True))

        assert first == found.pop(key) == 2.0  # until the engine of this process knows, within a second
        assert set(found.values()) == {0.0}
        assert ArmPosition.objects.count() == 1

    def test_leaves_old_positions_out_of_what_is_explored_next(self) -> None:
        explore()
        ask(*KEYS)
        explore(alternative=1.0)

        assert set(delays(ask(*KEYS))) == {0.0}
        assert set(delays(ask(*(f"new {key}" for key in KEYS)))) == {0.0, 1.0}


@pytest.mark.usefixtures("served")
class TestTheBudget:
    def test_stops_both_arms_once_the_next_position_would_not_fit(self) -> None:
        explore(rr_per_week=2.0, rr_per_position=0.5)
        found = ask(*KEYS)

        assert delays(found).count(2.0) == 4
        rows = list(ArmPosition.objects.order_by("id"))
        assert [row.is_admitted for row in rows] == [row.spent <= 1.5 for row in rows]
        assert {row.is_alternative for row in rows if not row.is_admitted} == {False}
        assert False in {row.is_admitted for row in rows if row.draw >= 0.5}
        assert spent() == 2.0

    def test_of_ten_tenths_admits_ten(self) -> None:
        explore(rr_per_week=1.0, rr_per_position=0.1)

        assert delays(ask(*KEYS)).count(2.0) == 10

    def test_begins_anew_on_monday(self) -> None:
        explore(rr_per_week=0.5)
        saturday, monday = NOW + 5 * DAY, NOW + 7 * DAY
        counts = [delays(ask(*(f"{at:%A} {key}" for key in KEYS), at=at)).count(2.0) for at in (NOW, saturday, monday)]

        assert counts == [1, 0, 1]

    def test_counts_what_was_lost_where_that_is_more_than_was_reserved(self) -> None:
        explore(rr_per_week=2.0, rr_per_position=0.5)
        ask(next(key for key in KEYS if drawn(key)))
        row = ArmPosition.objects.filter(is_alternative=True).first()
        assert row is not None
        ArmOutcome.objects.create(position=row, book="paper", day=NOW.date(), rr=-1.0, lost=1.6, computed_at=NOW)

        assert delays(ask(*(f"later {key}" for key in KEYS))).count(2.0) == 0

    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        budget=st.integers(1, 60).map(lambda tenths: tenths / 10),
        position=st.integers(1, 20).map(lambda tenths: tenths / 10),
        lists=st.lists(st.integers(1, 12), min_size=1, max_size=6),
        losses=st.lists(st.floats(0, 3), max_size=6),
    )
    def test_is_never_exceeded_by_what_is_admitted(
        self, budget: float, position: float, lists: list[int], losses: list[float]
    ) -> None:
        """Whatever is asked in whatever lists, and whatever is lost in between."""
        with without_triggers():
            ArmOutcome.objects.all().delete()
            ArmPosition.objects.all().delete()
        POSITIONS.forget()
        explore(rr_per_week=max(budget, position), rr_per_position=position)
        lost = iter(losses)
        for at, count in enumerate(lists):
            ask(*(f"{budget} {position} {at} {number}" for number in range(count)))
            open_ones = ArmPosition.objects.filter(is_alternative=True, outcome=None).order_by("id")[:1]
            for row, loss in zip(open_ones, lost, strict=False):
                ArmOutcome.objects.create(position=row, book="p", day=NOW.date(), rr=0.0, lost=loss, computed_at=NOW)
        total = 0.0
        for row in ArmPosition.objects.order_by("id"):
            assert row.is_admitted == (row.spent + position <= row.rr_per_week + 1e-9)
            total += position if row.is_alternative else 0.0
        assert total <= max(budget, position) + 1e-9


@pytest.mark.usefixtures("served")
class TestAFailure:
    def test_of_the_database_serves_the_value_and_is_not_asked_again_at_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        explore()
        calls = []

        def fail(*_: object, **__: object) -> dict[object, ArmDraw]:
            calls.append(1)
            raise DatabaseError("gone")

        monkeypatch.setattr(arms, "_asked", fail)
        found = ask(*KEYS)
        ask(*KEYS)

        assert set(delays(found)) == {0.0}
        assert len(calls) == 1
        assert "not explored for a while: gone" in caplog.text
        stored = found[0].record.request["arms"]["entry_delay_bars"]
        assert (stored["admitted"], stored["spent"]) == (False, None)

    def test_of_anything_else_serves_the_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        explore()
        monkeypatch.setattr(arms, "arm_draws", lambda *_: 1 / 0)

        assert delays(ask("never drawn", *KEYS[:2])) == [0.0] * 3

    def test_of_the_database_that_the_poll_has_seen_costs_no_question_any_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        explore()
        monkeypatch.setattr(arms, "FRESH_SECONDS", -1.0)
        monkeypatch.setattr(arms, "_asked", lambda *_, **__: pytest.fail("it was asked"))

        assert set(delays(ask(*KEYS))) == {0.0}

    def test_to_answer_holds_up_one_question_and_leaves_open_positions_as_they_were(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The database is silent while one thread waits for it: the others are served, and known draws stay."""
        explore()
        key = next(key for key in KEYS if drawn(key))
        assert delays(ask(key)) == [2.0]
        monkeypatch.setattr(POSITIONS, "patience_seconds", 0.01)
        monkeypatch.setattr(arms, "CHECKED_SECONDS", -1.0)
        monkeypatch.setattr(arms, "_asked", lambda *_, **__: pytest.fail("it was asked"))
        with POSITIONS._turn:
            assert delays(ask(key, *(f"new {each}" for each in KEYS))) == [2.0] + [0.0] * len(KEYS)

    def test_of_a_lock_ends_with_the_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        explore()
        monkeypatch.setattr(arms, "DRAW", "SELECT pg_sleep(10), %(at)s")
        monkeypatch.setattr(POSITIONS, "patience_seconds", 0.01)

        assert set(delays(ask(*KEYS))) == {0.0}


@pytest.mark.django_db(transaction=True)
class TestManyProcesses:
    @pytest.fixture(autouse=True)
    def explored(self) -> None:
        publish(make_spec())
        explore(rr_per_week=3.0, rr_per_position=0.5)

    def test_never_exceed_the_budget_together_and_agree_on_every_position(self) -> None:
        """Eight askers at once, each with a memory of its own and the same positions in an order of its own."""
        agreed: list[dict[tuple[str, str, str], ArmDraw]] = []
        arm = Arm(**DELAY | {"rr_per_week": 3.0})
        places = {
            ("pm", "entry_delay_bars", key): ArmDraw(arm, *arm_draws(holdback_secret(), "entry_delay_bars", key))
            for key in KEYS
        }

        def work(turn: int) -> None:
            known: dict[tuple[str, str, str], ArmDraw] = {}
            mine = arms.Positions()
            items = list(places.items())
            for start in range(turn, len(items) + turn, 4):
                some = dict(items[each % len(items)] for each in range(start, start + 4))
                known |= mine.of("pm", some, NOW, may_draw=True)
            agreed.append(known)
            connections.close_all()

        threads = [threading.Thread(target=work, args=(turn,)) for turn in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert all(each.keys() == places.keys() for each in agreed)
        assert all(each == agreed[0] for each in agreed)
        assert sum(each.is_alternative for each in agreed[0].values()) == 6
        assert ArmPosition.objects.count() == len(KEYS)
        assert spent() == 3.0


def test_the_module_mode_row_names_its_arms(served: None) -> None:
    explore()

    assert ModuleMode.objects.get(module="pm").arms == {"entry_delay_bars": DELAY}
