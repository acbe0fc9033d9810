"""Facts as columns for the evidence method, compared with a plain loop over the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.readers import observations as loading
from learning.readers.group_columns import since_epoch
from learning.readers.observations import LoadedObservations, load_observations
from overrides.core.engine.definitions.learned_from import LearnedFrom
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Outcome, Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, KEY, NOW, action_payload, make_correction, make_trade, make_trades

DIMENSIONS = ("macro_phase", "bucket")
OTHER = "rsi.short.dip"


def load(now: datetime = NOW, dimensions: tuple[str, ...] = DIMENSIONS) -> LoadedObservations:
    return load_observations("pm", LearnedFrom(("paper",), dimensions), now)


def read(loaded: LoadedObservations) -> list[tuple[Any, ...]]:
    """Return every row as text, without the numbers of its trade and cluster, sorted."""
    rows = loaded.observations
    return sorted(
        (
            loaded.patterns[rows.pattern[at]],
            loaded.categories[rows.category[at]],
            tuple(
                (name, loaded.values[d][rows.scope[at, d]])
                for d, name in enumerate(rows.dimensions)
                if rows.scope[at, d] >= 0
            ),
            float(rows.outcome[at]),
            int(loaded.closed_at[at]),
            round(float(rows.known[at]) * 86_400),
            round(float(rows.day[at]) * 86_400),
        )
        for at in range(len(rows))
    )


def naive(now: datetime = NOW) -> list[tuple[Any, ...]]:
    found = Outcome.objects.filter(module="pm", book="paper", known_at__lte=now)
    return sorted(
        (
            each.pattern_key,
            each.action_category,
            tuple((name, each.scope[name]) for name in DIMENSIONS if name in each.scope),
            each.rr,
            since_epoch(each.closed_at),
            round(each.known_at.timestamp()),
            round(each.trade.actions.get(index=each.action_index).at.timestamp()),
        )
        for each in found
    )


def parts(codes: Iterable[int], outcomes: Iterable[float]) -> set[frozenset[float]]:
    """Return the outcomes that share a code; in these tests an outcome identifies its row."""
    found: dict[int, set[float]] = defaultdict(set)
    for code, outcome in zip(codes, outcomes, strict=True):
        found[code].add(outcome)
    return {frozenset(each) for each in found.values()}


def record_mixture() -> None:
    """Record two patterns, adds, sales with and without outcome, clusters, missing dimensions, another book, dm."""
    sales = [
        action_payload(action_category="trim", rr_after=0.25, scope={"bucket": "nano"}),
        action_payload(action_category="exit", rr_after=None),
        action_payload(action_category="exit", rr_after=-0.75, scope={}, known_at=utc_text(NOW - DAY / 4)),
    ]
    adds = [action_payload(action_category=name, scope={"macro_phase": "Dip"}) for name in ("entry", "add", "add")]
    record_trades(
        [
            *make_trades([1.0, -0.5, 2.5], prefix="a"),
            *make_trades([0.125], prefix="b", pattern_key=OTHER),
            make_trade("several", rr=3.5, actions=adds),
            make_trade("sold", rr=4.5, actions=[action_payload(), *sales]),
            make_trade("one", rr=5.5, cluster_id="c1"),
            make_trade("two", rr=6.5, cluster_id="c1"),
            make_trade("live", rr=7.5, book="live"),
            make_trade(
                "dm",
                rr=8.5,
                actions=[
                    action_payload(
                        module="dm", action_category="allocation", pattern_key="dm_pattern.allocation.allocation"
                    )
                ],
            ),
        ],
        now=NOW,
    )


@pytest.mark.django_db
class TestLoadObservations:
    def test_reads_what_a_loop_reads(self) -> None:
        record_mixture()

        assert read(load()) == naive()
        assert {row[1] for row in naive()} == {"entry", "add", "trim", "exit"}

    def test_reads_it_in_any_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        record_mixture()
        whole = load()
        monkeypatch.setattr(loading, "CHUNK", 3)

        assert read(load()) == read(whole) == naive()

    def test_judges_a_sale_by_what_followed_and_by_nothing_else(self) -> None:
        record_mixture()

        sales = [row for row in read(load()) if row[1] in ("trim", "exit")]

        assert [(row[1], row[3]) for row in sales] == [("exit", 0.75), ("trim", -0.25)]

    def test_numbers_trades_and_clusters(self) -> None:
        record_mixture()

        loaded = load()

        rows = loaded.observations
        several = parts(rows.trade, zip(rows.outcome, rows.category, range(len(rows)), strict=True))  # type: ignore[arg-type]
        assert sorted(len(each) for each in several) == [1, 1, 1, 1, 1, 1, 3, 3]
        clusters = parts(rows.cluster, rows.outcome)
        assert frozenset({5.5, 6.5}) in clusters
        assert len(np.unique(rows.cluster)) == Trade.objects.filter(book="paper").exclude(external_id="dm").count() - 1

    def test_sees_corrections_and_no_excluded_trade(self) -> None:
        record_mixture()
        record_trades([make_correction("one", rr=1.75), make_correction("two", excluded_reason="a test")], now=NOW)

        outcomes = {row[3] for row in read(load())}

        assert read(load()) == naive()
        assert 1.75 in outcomes
        assert outcomes.isdisjoint({5.5, 6.5})

    def test_knows_nothing_of_what_closes_later(self) -> None:
        record_mixture()

        before = NOW - DAY - timedelta(seconds=1)

        assert read(load(before)) == naive(before)
        assert len(load(before).observations) < len(load().observations)

    def test_knows_nothing_of_what_was_measured_after_the_close_until_then(self) -> None:
        record_mixture()

        before, then = NOW - DAY / 4 - timedelta(microseconds=1), NOW - DAY / 4

        assert read(load(before)) == naive(before)
        assert read(load(then)) == naive(then) == naive()
        assert {row[3] for row in naive()} - {row[3] for row in read(load(before))} == {0.75}

    def test_numbers_names_in_their_order_whatever_that_of_recording(self) -> None:
        record_trades(make_trades([1.0], prefix="z", pattern_key=OTHER, scope={"bucket": "micro"}), now=NOW)
        record_trades(make_trades([1.0], prefix="a", scope={"bucket": "large"}), now=NOW)

        loaded = load()

        assert loaded.patterns == (KEY, OTHER)
        assert loaded.values == ((), ("large", "micro"))
        assert loaded.categories == ("entry", "add", "trim", "exit")

    def test_is_empty_without_facts(self) -> None:
        assert len(load().observations) == 0
        assert load(dimensions=()).observations.scope.shape == (0, 0)


class TestNames:
    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.lists(st.sampled_from([None, "a", "b", "", "é", "z"]), max_size=5), max_size=5))
    def test_are_codes_of_an_ordered_list(self, chunks: list[list[str | None]]) -> None:
        names = loading._Names()
        for chunk in chunks:
            names.add(chunk)

        known, codes = names.alphabetical()

        assert list(known) == sorted({name for chunk in chunks for name in chunk if name is not None})
        assert [None if code < 0 else known[code] for code in codes] == [name for chunk in chunks for name in chunk]
