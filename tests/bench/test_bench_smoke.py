"""Each bench at a tiny size: it runs, the two ways it compares agree, and what it prints is JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.bench import cube, record, replay, what_if

Figures = Callable[[], dict[str, float]]


@pytest.fixture
def figures(capsys: pytest.CaptureFixture[str]) -> Figures:
    def read() -> dict[str, float]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {line["figure"]: line["value"] for line in lines}

    return read


@pytest.mark.django_db(transaction=True)
class TestBenches:
    def test_record_compares_copy_with_bulk_create(self, figures: Figures) -> None:
        record.run(count=20, rounds=1)

        found = figures()
        assert {"copy_speedup_wall", "copy_speedup_cpu", "parse_and_copy_rate"} <= found.keys()
        assert min(found.values()) > 0

    def test_cube_compares_itself_with_grouping_sets_and_a_refresh_with_a_full_build(self, figures: Figures) -> None:
        cube.run(outcomes=1_000, rounds=1, new_trades=100)

        found = figures()
        assert {"full_cube_cpu", "subsets_pruned_speedup_wall", "refresh_typical_share"} <= found.keys()
        assert min(found.values()) > 0
        assert found["cells_stored"] >= 5  # at the least the empty subset of each group that had new trades

    def test_replay_finds_no_difference(self, figures: Figures) -> None:
        replay.run(decisions=90, overrides=3)

        assert min(figures().values()) > 0

    def test_what_if_compares_itself_with_resolving_twice(self, figures: Figures) -> None:
        what_if.run(decisions=60, lines=30, sample=10)

        found = figures()
        assert {"rows_loaded", "lines_wall", "parameters_speedup_cpu"} <= found.keys()
        assert min(found.values()) > 0


class TestRefusal:
    @pytest.mark.django_db(transaction=True)
    def test_ways_that_write_different_rows_are_not_compared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(record, "judge", lambda trade: ())  # bulk_create's alone: no outcomes

        with pytest.raises(AssertionError, match="do not write the same rows"):
            record.run(count=5, rounds=1)
