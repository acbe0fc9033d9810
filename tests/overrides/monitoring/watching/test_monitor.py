"""The monitor disables a line that stopped working, at once and for good, and counts each trade once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connection

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.monitoring.watching.e_detector import LIMIT
from overrides.core.monitoring.watching.watched_stream import Counted, Stream
from overrides.models import (
    ChangeRequest,
    Mandate,
    Membership,
    ModuleGuard,
    ModuleMode,
    Monitor,
    MonitorDay,
    MonitorTrade,
)
from overrides.monitoring.watching.monitor import monitor
from overrides.requests.auto_publish import publish_within_mandates
from overrides.requests.emergency import acknowledge, retire_lines
from telemetry.audit.notices import unread
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    approve_and_apply,
    draft,
    make_correction,
    make_parameters,
    make_spec,
    make_trades,
    publish,
    set_mode,
)
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade
from tests.overrides.monitoring.verify_trail.world import found
from tests.people import somebody

DEAD = -8.0  # the outcome of a trade that speaks as loudly as one may against a line that raises
DAYS = 20


def lose(days: int = DAYS, rr: float = DEAD, first: int = 1) -> None:
    """Close one such trade on each day."""
    for day in range(first, first + days):
        served_trade(f"t{day}", rr, days=day)
    attribute()


def at(days: int) -> datetime:
    return NOW + days * DAY


def state() -> dict[str, Any]:
    """Return all that the monitor stores."""
    rows: dict[str, Any] = {
        model.__name__: sorted(map(str, model.objects.values())) for model in (Monitor, MonitorDay, MonitorTrade)
    }
    return rows | {"requests": ChangeRequest.objects.count()}


def lowering_applies() -> None:
    """Let changes that lower exposure apply by themselves."""
    approve_and_apply(draft(kind="policy", content={"lowering_applies": True}))


def counted(row: MonitorTrade) -> Counted:
    return Counted(row.closed_at, row.trade, row.u, row.earned, row.good)


def republished(spec: OverrideSpec, days: int) -> ChangeRequest | None:
    """Let the builder publish an override within mandates."""
    return publish_within_mandates(module="pm", proposed={spec.line: spec}, source="lesson", at=at(days))


def check_at_commit(spec: OverrideSpec) -> None:
    """Let the builder publish, and have the database check it as it would when the transaction commits."""
    republished(spec, DAYS + 1)
    connection.check_constraints()


@pytest.fixture
def line(db: None) -> OverrideSpec:
    """A line in force that raises exposure and promises .2 R, in a module that is on."""
    record_trades(make_trades([1.0] * 30, prefix="m"), now=NOW)
    spec = promising(levers={"size_mult": 1.2}, stats={"n": 20, "edge_raw": 0.8, "variance": 0.5})
    publish(spec)
    set_mode("on")
    return spec


class TestDisabling:
    def test_takes_a_dead_line_out_of_force_at_once_and_leaves_a_request_to_look_at(self, line: OverrideSpec) -> None:
        lose()

        monitor(now=at(DAYS + 1))

        row, request = Monitor.objects.get(), ChangeRequest.objects.get(route="at_once")
        assert (row.state, row.name, row.request, row.level >= LIMIT) == ("disabled", line.line, request, True)
        assert not Membership.objects.filter(line_id=line.line, to_version=None).exists()
        assert (request.author, request.author_name, request.state) == (None, "the monitor", "applied")
        assert "lowers exposure" in request.title
        [notice] = unread(somebody())
        assert "disable" in notice.entry.content
        acknowledge(request_id=request.pk, by=somebody(), reason="it died", at=at(DAYS + 1))

    def test_takes_out_what_was_above_the_limit_on_a_day_before_the_monitor_ran(self, line: OverrideSpec) -> None:
        lose()
        lose(6, rr=9.0, first=DAYS + 1)

        monitor(now=at(DAYS + 7))

        row, highest = Monitor.objects.get(), max(MonitorDay.objects.values_list("level", flat=True))
        assert (row.state, row.level < LIMIT <= highest) == ("disabled", True)
        assert f"reached {highest:,.0f}, above the limit" in ChangeRequest.objects.get(route="at_once").reason

    def test_says_that_disabling_a_cut_raises_exposure(self, line: OverrideSpec) -> None:
        cut = promising(-0.2, levers={"size_mult": 0.9}, stats={"n": 20, "edge_raw": -0.8})
        publish(cut)
        lose(rr=9.0)

        monitor(now=at(DAYS + 1))

        assert "raises exposure" in ChangeRequest.objects.get(route="at_once").title

    def test_ends_the_mandate_and_the_builder_cannot_publish_the_line_again(self, line: OverrideSpec) -> None:
        lose()
        monitor(now=at(DAYS + 1))

        assert not Mandate.objects.filter(revoked_at=None).exists()
        assert republished(line, DAYS + 1) is None

    def test_the_builder_cannot_publish_a_disabled_cut_where_lowering_applies(
        self, line: OverrideSpec, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cut = promising(-0.2, levers={"size_mult": 0.9}, stats={"n": 20, "edge_raw": -0.8})
        publish(cut)
        lowering_applies()
        lose(rr=9.0)
        monitor(now=at(DAYS + 1))

        assert republished(cut, DAYS + 1) is None
        monkeypatch.setattr("overrides.requests.auto_publish.gone_at_once", lambda lines: set())
        with pytest.raises(IntegrityError, match="went at once"):
            check_at_commit(cut)

    def test_neither_can_it_bring_back_a_cut_that_a_person_retired(self, line: OverrideSpec) -> None:
        cut = promising(-0.2, levers={"size_mult": 0.9}, stats={"n": 20, "edge_raw": -0.8})
        publish(cut)
        lowering_applies()
        retire_lines(module="pm", lines=[cut.line], by=somebody(), reason="wrong", at=at(1))

        assert republished(cut, 2) is None

    def test_a_reviewed_request_brings_it_back_and_its_monitor_begins_anew(self, line: OverrideSpec) -> None:
        lose()
        monitor(now=at(DAYS + 1))
        publish(line, at=at(DAYS + 2))

        served_trade("again", 1.0, days=DAYS + 3)
        attribute()
        monitor(now=at(DAYS + 3))

        row = Monitor.objects.get()
        assert (row.state, row.trades, row.since) == ("watching", 1, at(DAYS + 2))
        assert republished(promising(levers={"size_mult": 1.1}, stats={"n": 20, "edge_raw": 0.8}), DAYS + 3)

    def test_leaves_the_trail_and_what_it_says_in_agreement(self, line: OverrideSpec) -> None:
        lose()
        monitor(now=at(DAYS + 1))

        assert found() == []


class TestBlame:
    """Two lines of the evidence method that raise exposure and promise .2 R each: the wide one always acts."""

    WIDE: ClassVar = {"macro_phase": "Good"}

    @pytest.fixture
    def narrow(self, db: None) -> OverrideSpec:
        record_trades(make_trades([1.0] * 30, prefix="m"), now=NOW)
        publish(parameters=make_parameters({"policy": "evidence", "combiner": "evidence"}))
        narrow = promising(policy="evidence", levers={"size_mult": 1.1})
        publish(narrow, promising(policy="evidence", levers={"size_mult": 1.1}, scope=self.WIDE))
        set_mode("on")
        return narrow

    def test_leaves_a_line_above_the_limit_in_force_whose_neighbour_fell_short(self, narrow: OverrideSpec) -> None:
        """The wide line loses alone as it does beside the narrow one, so the loss is its own."""
        for day in range(1, 29):
            served_trade(f"t{day}", -3.0, days=day, scope=self.WIDE | {"bucket": "micro" if day % 2 else "mid"})
        attribute()

        monitor(now=at(29))

        row, wide = Monitor.objects.get(name=narrow.line), Monitor.objects.exclude(name=narrow.line).get()
        assert (row.state, wide.state) == ("shared", "disabled")
        assert row.level >= LIMIT > (row.remaining or 0.0) > 0
        assert Membership.objects.filter(line_id=narrow.line, to_version=None).exists()
        assert monitor(now=at(29)) == 0
        assert Monitor.objects.get(pk=row.pk).state == "shared"


class TestCounting:
    def test_running_again_changes_nothing(self, line: OverrideSpec) -> None:
        lose(5)
        assert monitor(now=at(6)) == 5
        before = state()

        assert monitor(now=at(6)) == 0
        assert state() == before

    def test_a_late_trade_is_counted_as_if_it_had_come_in_time(self, line: OverrideSpec) -> None:
        for day in (1, 2, 4, 5):
            served_trade(f"t{day}", -1.0 * day, days=day)
        attribute()
        monitor(now=at(6))
        served_trade("late", 2.0, days=3)
        attribute(401)
        monitor(now=at(6))

        found = Monitor.objects.get()
        stream, _ = Stream().plus(counted(row) for row in MonitorTrade.objects.order_by("closed_at", "trade"))
        stream, _ = stream.closed(at(6).toordinal())
        assert (found.trades, found.level) == (5, stream.detector.level)
        assert found.days.count() == 5

    def test_a_corrected_trade_replaces_what_was_counted(self, line: OverrideSpec) -> None:
        lose(3, rr=-1.0)
        monitor(now=at(4))
        level = Monitor.objects.get().level

        served_trade("t2", -8.0, days=2, revision=2, correction_reason="the fee was wrong")
        attribute(401)
        monitor(now=at(4))

        found = Monitor.objects.get()
        assert (found.trades, MonitorTrade.objects.count()) == (3, 3)
        assert found.level > level

    def test_a_correction_that_names_no_answer_any_more_is_not_counted(self, line: OverrideSpec) -> None:
        lose(3, rr=-1.0)
        monitor(now=at(4))

        record_trades([make_correction("t2", actions=[action_payload()])], now=at(401))
        attribute(401)
        monitor(now=at(4))

        assert (Monitor.objects.get().trades, MonitorTrade.objects.count()) == (2, 2)

    def test_the_open_day_waits_for_its_end(self, line: OverrideSpec) -> None:
        lose(1)
        monitor(now=at(1))
        assert (Monitor.objects.get().trades, Monitor.objects.get().level) == (1, 0.0)

        monitor(now=at(2))
        assert Monitor.objects.get().level > 1

    def test_a_line_without_a_promise_is_not_watched(self, line: OverrideSpec) -> None:
        publish(make_spec({"size_mult": 1.1}, scope={"bucket": "micro"}))
        lose(1)

        monitor(now=at(2))

        assert [row.name for row in Monitor.objects.all()] == [line.line]


class TestGuard:
    def test_takes_a_module_to_shadow_that_surely_lost(self, line: OverrideSpec) -> None:
        lose(40, rr=-1.0)

        monitor(now=at(42))

        guard = ModuleGuard.objects.get(module="pm")
        assert guard.state == "dropped"
        assert (ModuleMode.objects.get().mode, ModuleMode.objects.get().changed_by) == ("shadow", "the monitor")
        assert guard.request is not None
        assert (guard.request.kind, guard.request.author) == ("mode", None)

    def test_leaves_a_module_alone_that_earned(self, line: OverrideSpec) -> None:
        lose(40, rr=1.0)

        monitor(now=at(42))

        guard = ModuleGuard.objects.get(module="pm")
        assert (guard.state, guard.days, ModuleMode.objects.get().mode) == (
            "watching",
            37,  # the plan's weight has decayed below the floor in the last three
            "on",
        )
        assert guard.low is not None

    def test_begins_anew_when_the_module_is_switched_on_again(self, line: OverrideSpec) -> None:
        lose(40, rr=-1.0)
        monitor(now=at(42))
        set_mode("on", at=at(43))

        monitor(now=at(43))

        guard = ModuleGuard.objects.get(module="pm")
        assert (guard.state, guard.days, guard.since) == ("watching", 0, at(43))
