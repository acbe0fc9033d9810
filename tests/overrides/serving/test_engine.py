"""The engines of a process: replaced when the database has a new version, and kept while it is unreachable."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError

from overrides.core.engine import compile_module as compile_module_file
from overrides.core.engine import staleness
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.compiled import Bucket, Compiled, Key
from overrides.models import Override, Version
from overrides.serving import engine as engine_module
from overrides.serving.engine import ENGINE_ROOM, Engine, EngineRoom, load_engine
from overrides.serving.resolve import Resolved, resolve
from overrides.versions.load_version import load_specs
from tests.builders import (
    KEY,
    NOW,
    approve_and_apply,
    database_away,
    draft,
    make_parameters,
    make_question,
    make_spec,
    publish,
    run_concurrently,
    set_mode,
    wait_until,
    without_triggers,
)

NEUTRAL = 1.0
ONE_STEP = 1.02


@pytest.fixture
def room(db: None) -> Iterator[EngineRoom]:
    """An engine room that polls only on request."""
    room = EngineRoom()
    yield room
    room.close()


@pytest.fixture
def polling(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineRoom]:
    """The engine room that `resolve` uses, polling fifty times a second."""
    monkeypatch.setattr(engine_module, "POLL_SECONDS", 0.02)
    yield ENGINE_ROOM
    ENGINE_ROOM.close()


def ask() -> Resolved:
    return resolve([make_question()], now=NOW)[0]


def size() -> float:
    return ask().answer.levers["size_mult"]


def buckets(engine: Engine) -> dict[Key, Bucket]:
    return {key: bucket for section in engine.compiled.sections for key, bucket in section.buckets.items()}


def rows(engine: Engine) -> dict[Key, list[Any]]:
    """What the columns of each bucket hold."""
    return {
        key: [
            each.ids.all(),
            each.lines.all(),
            each.weighing.formula,
            [np.nan_to_num(column).tolist() for column in (each.table, each.detail, *each.basis)],
            each.levers,
            None if each.ramps is None else [np.nan_to_num(column).tolist() for column in each.ramps],
        ]
        for key, each in buckets(engine).items()
    }


class TestLoadEngine:
    def test_compiles_nothing_to_neutral_before_the_first_version(self, db: None) -> None:
        engine = load_engine("pm")

        assert (engine.version, len(engine.compiled), engine.mode.mode) == (None, 0, "off")

    def test_takes_the_active_version_or_the_given_one(self, db: None) -> None:
        publish(make_spec())
        publish(make_spec(scope={"bucket": "nano"}))

        assert [load_engine("pm").version, load_engine("pm", number=1).version] == [2, 1]
        assert [len(load_engine("pm").compiled), len(load_engine("pm", number=1).compiled)] == [2, 1]

    def test_refuses_a_version_there_never_was(self, db: None) -> None:
        with pytest.raises(Version.DoesNotExist):
            load_engine("pm", number=7)

    def test_compiles_of_a_later_version_only_what_changed(self, db: None) -> None:
        publish(make_spec(), make_spec(pattern_key="ema.long.cross"))
        before = load_engine("pm")
        publish(make_spec({"size_mult": 1.2}), make_spec(action_category="add"))

        after = load_engine("pm", known=before)

        assert rows(after) == rows(load_engine("pm"))
        untouched, touched = ("pm", "ema.long.cross", "entry"), ("pm", KEY, "entry")
        assert buckets(after)[untouched] is buckets(before)[untouched]
        assert buckets(after)[touched] is not buckets(before)[touched]

    def test_forgets_what_a_later_version_withdrew(self, db: None) -> None:
        gone = make_spec()
        publish(gone, make_spec(pattern_key="ema.long.cross"))
        before = load_engine("pm")
        publish(withdraw=[gone.line])

        after = load_engine("pm", known=before)

        assert buckets(after).keys() == {("pm", "ema.long.cross", "entry")}

    def test_catches_up_over_several_versions_and_a_way_back(self, db: None) -> None:
        publish(make_spec(), make_spec(pattern_key="ema.long.cross"))
        before = load_engine("pm")
        publish(make_spec({"size_mult": 1.2}))
        publish(make_spec(scope={"bucket": "nano"}))
        approve_and_apply(draft(kind="rollback", content={"to": 2}))

        assert rows(load_engine("pm", known=before)) == rows(load_engine("pm"))

    def test_weighs_everything_anew_under_new_parameters_and_keeps_the_scopes(self, db: None) -> None:
        publish(make_spec())
        before = load_engine("pm")
        publish(parameters=make_parameters({"weights": {"specificity_alpha": 2.0}}))

        after = load_engine("pm", known=before)

        assert rows(after) == rows(load_engine("pm")) != rows(before)
        assert [each.scopes for each in buckets(after).values()] == [each.scopes for each in buckets(before).values()]

    def test_compiles_everything_anew_under_another_method(self, db: None) -> None:
        gone = make_spec()
        publish(gone)
        before = load_engine("pm")
        publish(
            make_spec({"size_mult": 1.2}, policy="evidence"),
            withdraw=[gone.line],
            parameters=make_parameters({"policy": "evidence", "combiner": "evidence"}),
        )

        assert rows(load_engine("pm", known=before)) == rows(load_engine("pm"))

    def test_compiles_only_what_changed_however_much_it_is(self, db: None) -> None:
        specs = [make_spec(pattern_key=f"ema.long.m{number}") for number in range(60)]
        publish(*specs, make_spec())
        before = load_engine("pm")
        publish(*(make_spec({"size_mult": 1.2}, pattern_key=each.pattern_key) for each in specs))

        after = load_engine("pm", known=before)

        assert rows(after) == rows(load_engine("pm"))
        shared = [key for key, bucket in buckets(after).items() if bucket is buckets(before)[key]]
        assert shared == [("pm", KEY, "entry")]

    @pytest.mark.parametrize("block", [1, 2, 2_000])
    def test_holds_what_compiling_the_specs_holds(self, db: None, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
        """Overrides with and without ramps, of several levers and channels, and with numbers that have two texts."""
        monkeypatch.setattr("overrides.versions.load_columns.BLOCK", block)
        publish(
            make_spec({"size_mult": 1.1, "entry_aggression_mult": 1.05}),
            make_spec({"entry_delay_bars": 0.0, "phase1_frac_mult": 0.8}, scope={"bucket": "nano"}, type="pm_tuning"),
            make_spec(scope={"bucket": "nano"}, stats={"edge_raw": 0.0, "n": 30, "variance": 0.0}),
            make_spec(scope={"bucket": "big"}, stats={"updated_at": "2026-03-02T12:00:00.000007Z", "edge_raw": 1e-7}),
            make_spec(scope={"bucket": "é"}, promise={"predicted": 0.1, "sd": 0.2, "mu0": 0.0, "s_p": 1}),
            make_spec(scope={"bucket": "mid"}, promise={"predicted": 0.1, "sd": 0.2, "mu0": -0.3, "s_p": 1}),
        )
        engine = load_engine("pm")

        compiled = compile_module(engine.parameters, load_specs("pm", 1))

        assert rows(engine) == rows(replace(engine, compiled=compiled))
        assert len(engine.compiled) == 6

    def test_compiles_the_challenger_beside_it(self, db: None) -> None:
        publish(make_spec())
        publish(make_spec(scope={"bucket": "nano"}))
        set_mode("shadow", challenger=1)

        challenger = load_engine("pm").challenger

        assert challenger is not None
        assert (challenger[0], len(challenger[1])) == (1, 1)


class TestEngineRoom:
    def test_keeps_an_engine_that_has_not_changed(self, room: EngineRoom) -> None:
        publish(make_spec())
        room.refresh()
        kept = room.engine("pm")

        room.refresh()

        assert room.engine("pm") is kept

    def test_reloads_the_module_that_changed_alone(self, room: EngineRoom) -> None:
        room.refresh()
        before = room.engine("dm")

        publish(make_spec())
        room.refresh()

        assert (room.engine("dm"), getattr(room.engine("pm"), "version", None)) == (before, 1)

    def test_reloads_on_a_change_of_mode_and_of_parameters(self, room: EngineRoom) -> None:
        publish(make_spec())
        room.refresh()

        set_mode("shadow")
        publish(parameters=make_parameters(protected_motifs=["halt"]))
        room.refresh()

        engine = room.engine("pm")
        assert engine is not None
        assert (engine.mode.mode, engine.parameters.protected_motifs) == ("shadow", ("halt",))

    def test_is_infinitely_stale_before_the_first_poll(self) -> None:
        assert EngineRoom().stale_seconds("pm") == float("inf")

    def test_forgets_when_closed(self, room: EngineRoom) -> None:
        room.refresh()

        room.close()

        assert room.stale_seconds("pm") == float("inf")

    def test_keeps_the_last_good_engine_of_a_version_whose_rows_were_rewritten(
        self, room: EngineRoom, caplog: pytest.LogCaptureFixture
    ) -> None:
        publish(make_spec())
        room.refresh()
        broken = make_spec({"size_mult": 1.2})
        publish(broken)
        set_mode("shadow", module="dm")
        with without_triggers():
            Override.objects.filter(pk=broken.id).update(levers={"size_mult": 9.0})

        room.refresh()

        pm, dm = room.engine("pm"), room.engine("dm")
        assert pm is not None
        assert dm is not None
        assert (pm.version, dm.mode.mode) == (1, "shadow")
        assert room.stale_seconds("pm") > room.stale_seconds("dm")
        assert {record.levelno for record in caplog.records} == {logging.ERROR}
        assert f"override {broken.id}: of pm version 2: its stored content has the hash" in caplog.text

    def test_takes_up_a_new_mode_even_then(self, room: EngineRoom) -> None:
        publish(make_spec())
        set_mode("on")
        room.refresh()
        broken = make_spec({"size_mult": 1.2})
        publish(broken)
        with without_triggers():
            Override.objects.filter(pk=broken.id).update(levers={"size_mult": 9.0})

        set_mode("off")
        room.refresh()

        engine = room.engine("pm")
        assert engine is not None
        assert (engine.version, engine.mode.mode) == (1, "off")

    def test_compiles_nothing_for_a_new_mode(self, room: EngineRoom, monkeypatch: pytest.MonkeyPatch) -> None:
        publish(make_spec())
        publish(make_spec(scope={"bucket": "nano"}))
        set_mode("on", challenger=1)
        room.refresh()

        monkeypatch.setattr(engine_module, "compile_rows", lambda *_: pytest.fail("compiled again"))
        monkeypatch.setattr(engine_module, "recompile_rows", lambda *_: pytest.fail("compiled again"))
        set_mode("shadow", challenger=1)
        room.refresh()

        engine = room.engine("pm")
        assert engine is not None
        assert (engine.version, engine.mode.mode, engine.challenger and engine.challenger[0]) == (2, "shadow", 1)

    def test_survives_whatever_goes_wrong_with_one_module(
        self, room: EngineRoom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        room.refresh()
        publish(make_spec())

        def fail(*_: object) -> None:
            raise KeyError("no such name")

        monkeypatch.setattr(engine_module, "compile_rows", fail)
        room.refresh()

        engine = room.engine("pm")
        assert engine is not None
        assert engine.version is None
        assert room.stale_seconds("pm") > room.stale_seconds("dm")

    def test_starts_one_thread_however_many_ask_first(self, transactional_db: None) -> None:
        room = EngineRoom()

        engines = run_concurrently(*[lambda: room.engine("pm")] * 8)

        assert len({id(engine) for engine in engines}) == 1
        for name, count in (("engine-room", 1), ("engine-compiler", 1)):
            assert [thread.name for thread in threading.enumerate()].count(name) == count
        room.close()
        assert not {"engine-room", "engine-compiler"} & {thread.name for thread in threading.enumerate()}


class TestPolling:
    def test_swaps_when_another_connection_publishes(self, polling: EngineRoom) -> None:
        set_mode("on")
        assert (size(), ask().record.version) == (NEUTRAL, None)

        run_concurrently(lambda: publish(make_spec()))
        wait_until(lambda: size() == ONE_STEP, "the first version to be served")

        run_concurrently(lambda: publish(make_spec({"size_mult": 0.9})))
        wait_until(lambda: ask().record.version == 2, "the second version to be served")
        assert size() == pytest.approx(1 / ONE_STEP, abs=1e-9)

    def test_goes_neutral_when_another_connection_switches_off(self, polling: EngineRoom) -> None:
        publish(make_spec())
        set_mode("on")
        assert size() == ONE_STEP

        run_concurrently(lambda: set_mode("off"))

        wait_until(lambda: size() == NEUTRAL, "the switch to be seen")
        assert ask().record.reason == "MODULE_OFF"

    def test_goes_neutral_while_a_version_compiles(self, polling: EngineRoom, monkeypatch: pytest.MonkeyPatch) -> None:
        """The switch and the other module do not wait for a compilation that takes as long as it likes."""
        publish(make_spec())
        set_mode("on")
        assert size() == ONE_STEP
        compiles, may_end = threading.Event(), threading.Event()
        compile_now = compile_module_file.recompile_rows

        def slowly(*given: Any) -> Compiled:
            compiles.set()
            assert may_end.wait(20)
            return compile_now(*given)

        monkeypatch.setattr(engine_module, "recompile_rows", slowly)
        run_concurrently(lambda: publish(make_spec({"size_mult": 0.9})))
        assert compiles.wait(20)
        seen = time.monotonic()

        run_concurrently(lambda: set_mode("off"))
        wait_until(lambda: ask().record.reason == "MODULE_OFF", "the switch to be seen")
        wait_until(lambda: polling.stale_seconds("dm") < time.monotonic() - seen, "dm to be confirmed")

        assert (ask().record.version, polling.stale_seconds("pm") > polling.stale_seconds("dm")) == (1, True)
        may_end.set()
        wait_until(lambda: ask().record.version == 2, "the version to be served")
        assert (ask().record.reason, ask().answer.levers["size_mult"]) == ("MODULE_OFF", NEUTRAL)

    def test_answers_on_while_the_database_is_away(
        self, polling: EngineRoom, monkeypatch: pytest.MonkeyPatch, now: datetime
    ) -> None:
        """First flagged, then neutral, and normal once the database is back.

        Limits are lowered; no clock is changed.
        """
        publish(make_spec())
        set_mode("on")
        assert (size(), ask().record.flags) == (ONE_STEP, ("STEP_LIMITED",))

        with database_away():
            with pytest.raises(OperationalError):
                polling.refresh()
            assert (size(), ask().record.version) == (ONE_STEP, 1)

            monkeypatch.setattr(staleness, "FRESH_SECONDS", 0.1)
            wait_until(lambda: "STALE_VERSION" in ask().record.flags, "the answers to be flagged")
            assert (size(), ask().record.reason) == (ONE_STEP, "SINGLE")

            monkeypatch.setattr(polling, "max_stale_seconds", 0.1)
            assert (size(), ask().record.reason, ask().record.flags) == (NEUTRAL, "STALE", ("STALE_VERSION",))
            monkeypatch.undo()

        wait_until(lambda: ask().record.flags == ("STEP_LIMITED",), "the database to confirm the engine again")
        assert size() == ONE_STEP

    def test_begins_neutral_without_a_database_and_recovers(self, polling: EngineRoom) -> None:
        publish(make_spec())
        set_mode("on")

        with database_away():
            first = ask()
        assert (first.answer.levers["size_mult"], first.record.reason, first.record.version) == (NEUTRAL, "STALE", None)

        wait_until(lambda: size() == ONE_STEP, "the engine to be loaded")
