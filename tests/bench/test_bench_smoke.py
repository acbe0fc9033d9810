"""Each benchmark at a tiny size: it runs, the two ways it compares agree, and it prints JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from overrides.core.monitoring.watching.neighbours import Acted, evidence_paths
from telemetry.core.file_formats import freqtrade_fields
from telemetry.core.file_formats.decision_journal import JournalJoin, JournalLine
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.recording.record_trades import record_trades
from tests.bench import (
    aggregate,
    arms,
    attribute,
    build_plan,
    challenge,
    client,
    combine,
    context,
    cube,
    earned,
    earned_table,
    effects,
    engine,
    episodes,
    first_look,
    freqtrade_release,
    import_files,
    learning,
    lifetime,
    lifetime_rows,
    load,
    log,
    monitor,
    mutated_exports,
    neighbours,
    never_matched,
    nothing_new,
    pages,
    publish,
    real_table,
    record,
    replay,
    scorecards,
    serve,
    stream,
    tuning,
    two_by_two,
    walk_forward,
    what_if,
)
from tests.bench.simulator import Simulator
from tests.builders import DAY, NOW, approve_and_apply, draft, make_spec, make_trades
from tests.builders import publish as publish_override
from tests.overrides.requests.impact.test_what_if import MICRO
from tests.overrides.requests.impact.test_what_if import ask as log_questions

Figures = Callable[[], dict[str, float]]


@pytest.fixture
def figures(capsys: pytest.CaptureFixture[str]) -> Figures:
    def read() -> dict[str, float]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {line["figure"]: line["value"] for line in lines}

    return read


@pytest.mark.django_db(transaction=True)
class TestBenches:
    def test_monitor_disables_what_is_harmful_and_counts_at_a_steady_cost(self, figures: Figures) -> None:
        monitor.run(streams=40, guarded=2, days=40, rounds=5, stored=3, pasts=(10,), scratch=nullcontext)

        found = figures()
        assert found["harmful overrides caught"] > 0.9
        assert {"modules dropped", "a trade", "a trade, stored"} <= found.keys()

    def test_neighbours_are_judged_as_the_monitor_judges_them(self, figures: Figures) -> None:
        neighbours.run(streams=3, worlds=neighbours.WORLDS[3:4], trades=100)
        rng, days, lines = np.random.default_rng(2), 30, neighbours.crossed(np.random.default_rng(1), 30, 3)
        surprise, group, rows = rng.normal(-1, 1, (days, 3)), neighbours.Group(1, 5), []
        for day in range(days):
            group.add(lines[day][None], surprise[day][None])
            for trade, line in zip(*np.nonzero(lines[day]), strict=True):
                residual = neighbours.EDGE + float(surprise[day, trade])
                about = (residual, neighbours.EDGE, neighbours.SD, neighbours.SIGMA)
                rows.append(Acted(str(line), UUID(int=3 * day + int(trade)), day, 1, *about))

        assert "innocent lines disabled" in figures()
        assert evidence_paths(rows).remaining[-1] == pytest.approx(group.remaining.level[0])

    def test_record_compares_copy_with_bulk_create(self, figures: Figures) -> None:
        record.run(count=20, rounds=1)

        found = figures()
        assert {"copy_speedup_wall", "copy_speedup_cpu", "parse_and_copy_rate"} <= found.keys()
        assert min(found.values()) > 0

    def test_episodes_are_recorded_once_and_simulated(self, figures: Figures) -> None:
        episodes.run(count=200)

        found = figures()
        assert found["candidates of noise"] == 0
        assert 0 < found["parse and record"] < episodes.BAR

    def test_attribute_keeps_to_its_bars(self, figures: Figures) -> None:
        attribute.run(trades=30, shapley_cases=100)

        found = figures()
        assert max(found["pure_gap"], found["stored_gap"]) <= 1e-9
        assert found["shapley_gap"] <= 0.002
        assert found["changed_by_a_second_run"] == 0

    def test_arms_covers_the_truth_that_a_flattering_replay_misses(self, figures: Figures) -> None:
        arms.main(["--seeds", "3", "--days", "60", "--only", "flatters by .2 R, even"])

        found = figures()
        assert found["ever missed from day 30 on"] <= 1 / 3
        assert found["width beside inverse weighting"] < 0.75
        assert found["replay alone ever missed"] == 1

    def test_earned_finds_what_is_planted_and_reads_what_is_stored(self, figures: Figures) -> None:
        earned.main(["--seeds", "2", "--days", "40", "--only", "8 a day"])
        earned.contrasts(earned.Contrast("a strong effect", 40, 20.0, edge=0.3, days=200), seeds=1)
        earned_table.measure(200)

        found = figures()
        assert found["found within 2,000 trades"] == 1
        assert found["said to earn at any look"] == 0
        assert 0.5 < found["holdback: months stated / true"] < 2
        assert found["refresh of the days of one trade"] > 0

    def test_stream_is_heard_by_every_listener(self, figures: Figures) -> None:
        stream.run(listeners=5, count=2)

        found = figures()
        assert {"heard_p99", "cpu_of_a_change", "memory_of_a_listener", "growth_with_changes"} <= found.keys()
        assert found["heard_p50"] > 0

    def test_freqtrade_release_counts_what_is_imported_with_its_decisions(self, tmp_path: Path) -> None:
        trade = {
            "pair": "BTC/USDT", "strategy": "Dip", "enter_tag": "dip", "is_short": False, "is_open": False,
            "open_date": "2026-11-01 10:00:00+00:00", "close_date": "2026-11-01 12:00:00+00:00", "open_rate": 1.0,
            "close_rate": 1.1, "amount": 100.0, "profit_ratio": 0.1, "initial_stop_loss_ratio": -0.05,
            "exit_reason": "target", "leverage": 1.0, "fee_open": 0.0, "fee_close": 0.0,
        }  # fmt: skip
        opened = datetime(2026, 11, 1, 10, tzinfo=UTC)
        asked = JournalLine(
            "019ab000-0000-7000-8000-000000000001", "BTC/USDT", "long", "Dip", "1h", opened, "pm", "Dip.long.dip",
            "entry", opened,
        )  # fmt: skip
        file = tmp_path / "trades.json"
        file.write_text(json.dumps([trade]))

        found = freqtrade_release.imported([file], Defaults(book="backtest"), JournalJoin([asked]))

        assert {name: found[name] for name in ("read", "new", "refused", "unchanged_again")} == {
            "read": 1, "new": 1, "refused": 0, "unchanged_again": 1,
        }  # fmt: skip
        assert (found["entry_with_decision"], found["exit_actions"], found["exit_with_decision"]) == (1, 1, 0)
        assert freqtrade_release.faults_of(found, 1) == [
            "no add in it", "no trim in it", "misfits 1, not 0", "exit_with_decision 0, not 1",
        ]  # fmt: skip

    def test_engine_answers_as_a_plain_scan_does(self, figures: Figures) -> None:
        engine.run(total=1_000, rounds=1)

        found = figures()
        assert {"combine", "answer_ratio", "300_against_3", "memory", "full_collection"} <= found.keys()

    def test_client_answers_by_itself_and_is_switched_off(
        self, figures: Figures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("overrides.serving.engine.POLL_SECONDS", 0.05)
        monkeypatch.setattr(client, "CALLS", 3)

        client.run(overrides=100, switches=1)

        found = figures()
        assert {"local", "report", "build", "load", "waiting", "remote", "off_max"} <= found.keys()

    def test_load_switches_off_while_versions_compile(self, figures: Figures) -> None:
        load.run(overrides=100, repetitions=1)

        found = figures()
        assert {"whole_cpu", "swap_1_lines_cpu", "publish_65_lines_cpu", "one_line_p99"} <= found.keys()
        assert {"off_p99", "off_while_compiling_p99", "pause", "full_collection"} <= found.keys()

    def test_import_files_finds_every_trade_the_second_time(self, figures: Figures) -> None:
        import_files.run(count=20)

        found = figures()
        assert found.keys() == {f"{name} {time}" for name in import_files.FORMS for time in ("first", "again")}
        assert min(found.values()) > 0

    def test_mutated_exports_are_read_equal_or_refused_by_name(self, figures: Figures) -> None:
        mutated_exports.run(exports=200)

        found = figures()
        assert found.keys() >= {"truth", "form", "is_short", "UTF-16", "all"}
        assert max(found.values()) == 0

    def test_mutated_exports_find_a_reader_that_guesses(
        self, figures: Figures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(freqtrade_fields, "truth", bool)

        mutated_exports.run(exports=200)

        found = figures()
        assert min(found["truth"], found["is_short"], found["is_open"]) > 0

    def test_cube_compares_itself_with_grouping_sets_and_a_refresh_with_a_full_build(self, figures: Figures) -> None:
        cube.run(outcomes=1_000, rounds=1, new_trades=100)

        found = figures()
        assert {"full_cube_cpu", "subsets_pruned_speedup_wall", "refresh_typical_share"} <= found.keys()
        assert min(found.values()) > 0
        assert found["cells_stored"] >= 5  # at least the empty subset of each group that had new trades

    def test_aggregate_counts_one_trade_and_catches_up(self, figures: Figures) -> None:
        aggregate.run(sizes=(300,), trades=2, rows=60)

        found = figures()
        assert (found["catch_up_groups_done"], found["catch_up_commits"]) == (20, 20)
        assert 0 < found["one_trade_cells_written"] < found["full_count_cells_written"]
        assert 0 < found["one_trade_log"] < found["full_count_log"]

    def test_build_plan_follows_the_lessons_of_one_group(self, figures: Figures) -> None:
        build_plan.run(count=2_000)

        found = figures()
        assert {"load", "cube", "aggregate", "build", "peak memory"} <= found.keys()
        assert found["active lessons"] > 0

    def test_pages_asks_every_list_and_page_of_the_admin(self, figures: Figures) -> None:
        pages.run(overrides=400, decisions=500, trades=60, audited=60, rounds=0)

        found = figures()
        assert {
            "decision list",
            "override page",
            "trade page 2",
            "auditentry list",
            "lesson by edge downwards",
        } <= found.keys()
        assert found["within_both_bars"] > 0

    def test_never_matched_counts_and_shows_what_it_counted(self, figures: Figures) -> None:
        never_matched.run(overrides=60, decisions=80, rounds=1)

        assert figures().keys() == {"first_count", "nightly_count", "page"}

    def test_publish_brings_one_line_after_another(self, figures: Figures) -> None:
        publish.run(overrides=50, rounds=2)

        assert min(figures().values()) > 0

    def test_replay_finds_no_difference(self, figures: Figures) -> None:
        replay.run(decisions=90, overrides=3)

        assert min(figures().values()) > 0

    def test_serve_compares_a_resolve_with_an_empty_view(
        self, figures: Figures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(serve, "SECONDS", 0.01)

        serve.run(total=30, rounds=1, calls=0)

        found = figures()
        assert {"wsgi reference", "wsgi single ratio", "wsgi list none ratio"} <= found.keys()
        assert min(found.values()) > 0

    def test_combine_answers_from_overrides_that_match(self, figures: Figures) -> None:
        combine.run(overrides=9, questions=3, rounds=2)

        found = figures()
        assert found.keys() == {"compile", "combine", "resolve"}
        assert min(found.values()) > 0

    def test_log_stores_what_it_queues(self, figures: Figures) -> None:
        log.measure(rows=40, limit=20)

        found = figures()
        assert found["bytes of a decision stored as a trace"] < found["bytes of a decision stored as documents"]
        kept, dropped = (
            found[f"of them {what}"] for what in ("stored when it goes on", "dropped and named in the log")
        )
        assert kept + dropped == 3 * 20 + 1 + log.WAITS

    def test_what_if_compares_itself_with_resolving_twice(self, figures: Figures) -> None:
        what_if.run(decisions=60, lines=30, sample=10)

        found = figures()
        assert {"rows_loaded", "lines_wall", "parameters_speedup_cpu", "coefficients_wall"} <= found.keys()
        assert min(found.values()) > 0

    def test_scorecards_scores_every_line_and_shows_them(self, figures: Figures) -> None:
        scorecards.run(shares=400, lines=20, rounds=1)

        found = figures()
        assert found["list_page_queries"] <= scorecards.MOST_QUERIES
        assert found["override_page_queries"] <= scorecards.MOST_QUERIES

    def test_challenge_compares_what_the_world_logged(self, figures: Figures) -> None:
        challenge.run(decisions=300, overrides=400, rounds=1)

        found = figures()
        assert {"compared_wall", "peak_rss", "page_median", "page_queries"} <= found.keys()
        assert min(found.values()) > 0

    def test_effects_announces_a_band_and_tells_what_came_true(self, figures: Figures) -> None:
        publish_override(make_spec(scope=MICRO), at=NOW - 20 * DAY)
        for day in range(-12, 4):
            log_questions(2, at=NOW + day * DAY)
        request = approve_and_apply(draft(make_spec({"size_mult": 0.9}), at=NOW), at=NOW)

        effects.report(list(effects.announced([request])))

        found = figures()
        assert {"inside", "no_wider_than_4_deviations", "signs_right"} <= found.keys()
        assert found["inside"] == found["signs_right"] == 1

    def test_walk_forward_tells_every_policy(self, figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
        trades = make_trades([2.0, -1.0] * 40)
        monkeypatch.setitem(walk_forward.DATA, "small", (lambda _: record_trades(trades, now=NOW), ("pm",)))

        walk_forward.run(Path("nowhere"), ["small"], folds=2)

        assert {"uplift", "optimistic", "tilt", "squared_error", "lessons", "peak_rss"} <= figures().keys()

    def test_real_table_says_what_verified_overrides_earned(
        self, figures: Figures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        trades = make_trades([2.0, -1.0] * 40)
        monkeypatch.setitem(walk_forward.DATA, "small", (lambda _: record_trades(trades, now=NOW), ("pm",)))
        document = tmp_path / "real.md"
        document.write_text(f"before\n{real_table.START}\nthe last one\n{real_table.END}\nafter\n")

        lines = real_table.run(Path("nowhere"), ["small"], folds=2)
        real_table.write(document, lines, "a command")

        assert {"claims", "squared_error_gain"} <= figures().keys()
        assert "| small | pm | evidence |" in document.read_text()
        assert real_table.HEADER[1] in document.read_text()
        assert "not decidable below 30" in document.read_text()
        assert "the last one" not in document.read_text()
        assert document.read_text().startswith("before")
        assert document.read_text().endswith("after\n")


def test_context_measures_random_walks_and_tells_what_it_gave(figures: Figures) -> None:
    context.run(trades=20, pairs=4, bars=40_000)

    found = figures()
    assert {"random market", "random rows", "random rate", "random peak memory"} <= found.keys()
    assert found["random rr given"] == found["random replays given"] == 1.0


def test_claims_are_weighed_by_their_trades_and_pooled_across_data_sets(figures: Figures) -> None:
    pooled = real_table.Claimed()
    for data_set, mean in enumerate((0.3, -0.1)):
        one = real_table.Claimed([0.2] * 20, [np.arange(5)] * 20, [np.full(5 * (1 + data_set), mean)] * 20)
        one.weeks = [np.arange(len(each)) for each in one.earned]
        pooled.add(one, data_set)

    words = pooled.report("all")

    assert words.startswith("40 claims: claimed +0.200 R, earned +0.033 R (95 % ")
    assert words.endswith("wrong sign 67%")
    assert figures()["earned_of_claimed"] == 0.1667


class TestLearning:
    """Two patterns, two categories and two dimensions, one value of which earns 0.8 R more."""

    WORLD = """
import numpy as np

class World:
    P, C, D, cards = 2, 2, 2, np.array([3, 2])

    def __init__(self, seed, drift, signal):
        self.signal = signal

    def mu(self, pk, X, t):
        return 0.8 * self.signal * (X[:, 0] == 1)

    def draw(self, N, seed):
        rng = np.random.default_rng(seed)
        t, pk = np.sort(rng.uniform(0, 360, N)), rng.integers(0, 4, N)
        X = np.stack([rng.integers(0, card, N) for card in self.cards], axis=1)
        mu = self.mu(pk, X, t)
        return {"t": t, "pk": pk, "X": X, "mu": mu, "R": mu + rng.standard_normal(N)}
"""
    READINGS = """
from small import World

def plan_cells(pk, X, R, t, now, cards, P, C):
    return [], R.mean()

def plan_eval(cells, pk, X, cards, C, decay=True, wmin=0.02):
    edge = 0.1 * (X[:, 0] == 1) + (X[:, 1] == 0)
    return {"blend": edge, "blend_log": 0.1 * edge, "specific": edge}
"""

    def test_finds_the_edge_and_tells_its_bars(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "small.py").write_text(self.WORLD)
        (tmp_path / "est.py").write_text(self.READINGS)

        learning.run(Simulator.load(tmp_path / "small.py"), [0, 1], trades=2_000, costs={500: 60.0})

        lines = {line["figure"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
        assert all({"bar", "met"} <= line.keys() for line in lines.values())
        assert lines["uplift_of_strongest_ablation_mild"]["value"] > 1.5  # that variant mostly bets on nothing
        assert lines["squared_error_of_no_learning_severe"]["value"] < 0.2
        assert lines["verified_without_signal"]["value"] < 2
        assert lines["verified_on_market_days"]["value"] < 2
        assert lines["false_verified_mild"]["verified_per_run"] >= 4

    def test_tells_nothing_of_the_plan_without_its_readings(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "small.py").write_text(self.WORLD)

        learning.run(Simulator.load(tmp_path / "small.py"), [0], trades=1_000, costs={})

        assert "uplift" not in capsys.readouterr().out

    def test_wants_a_simulator_that_is_there(self, tmp_path: Path) -> None:
        with pytest.raises(SystemExit, match=r"^--simulator: .* is no file"):
            Simulator.load(tmp_path / "none.py")


class TestRefusal:
    @pytest.mark.django_db(transaction=True)
    def test_ways_that_write_different_rows_are_not_compared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(record, "judge", lambda trade: ())  # affects only bulk_create: no outcomes

        with pytest.raises(AssertionError, match="do not write the same rows"):
            record.run(count=5, rounds=1)


def test_tuning_finds_what_is_planted_and_nothing_in_noise(figures: Figures) -> None:
    """One world of each kind with half of the bench's trades, where days move together."""
    for only in ("planted in patterns", "noise, signed"):
        tuning.run(seeds=[40], trades=4000, only=only)

    found = figures()
    for kind in tuning.KINDS:
        if kind.name.startswith("planted in patterns"):
            assert found[f"{kind.name}: found"] >= tuning.BAR_FOUND
            assert found[f"{kind.name}: proposed"] == 1
        elif kind.shock and not kind.is_planted:
            assert found[f"{kind.name}: proposed"] == 0


def test_lifetime_rows_measures_every_world(figures: Figures) -> None:
    lifetime_rows.run(lives=2, trades=600)

    found = figures()
    assert {f"{world.name}: nulls of published" for world in lifetime_rows.WORLDS} <= found.keys()
    assert all(0 <= share <= 1 for share in found.values())


def test_lifetime_measures_both_rules_in_every_world(figures: Figures) -> None:
    lifetime.run(lives=2, lines=60, nested_trades=200)

    found = figures()
    worlds = [*(world.name for world in lifetime.WORLDS), "nested", "nested, no signal"]
    for world in worlds:
        for rule in ("ledger", "run"):
            assert 0 <= found[f"{world}: nulls of published, {rule}"] <= 1
    assert found["day of 10,000 lines"] > 0


def test_first_look_reports_on_trades_without_a_database(figures: Figures) -> None:
    first_look.run(count=60)

    found = figures()
    assert found["report"] > 0
    assert found["characters"] > 1000


@pytest.mark.django_db(transaction=True)
def test_nothing_new_costs_a_fraction(figures: Figures) -> None:
    nothing_new.build(400)
    nothing_new.verify(300)

    found = figures()

    assert found["build, nothing new"] < found["build, everything new"]
    assert {"verify, whole trail", "verify, from the last verified head"} <= set(found)


@pytest.mark.django_db(transaction=True)
def test_two_processes_of_a_kind_are_measured_against_one(figures: Figures, tmp_path: Path) -> None:
    two_by_two.web(0.3, 1, tmp_path)
    two_by_two.workers(300, 1, tmp_path)

    found = figures()

    assert found["resolves a second"] > 0
    assert {
        "resolves, two processes against one", "aggregation, two workers against one", "twins, two workers against one",
    } <= set(found)  # fmt: skip
