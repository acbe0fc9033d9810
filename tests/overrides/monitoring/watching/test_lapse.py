"""Mandates end when their evidence lapses, by what a learner measured or by what came of the line."""

from __future__ import annotations

import pytest

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import Mandate, Membership
from overrides.monitoring.watching.lapse import lapse_mandates
from overrides.monitoring.watching.monitor import monitor
from overrides.requests import learned
from telemetry.audit.notices import unread
from tests.builders import DAY, NOW, publish, set_mode
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade
from tests.overrides.monitoring.verify_trail.world import found
from tests.people import somebody

LATER = NOW + 45 * DAY


@pytest.fixture
def line(db: None) -> OverrideSpec:
    """A line in force whose mandate needs ten trades and .4 R."""
    spec = promising(levers={"size_mult": 1.2}, stats={"n": 20, "edge_raw": 0.8, "variance": 0.5})
    publish(spec)
    return spec


def measures(monkeypatch: pytest.MonkeyPatch, line: str, edge: float, n: float) -> None:
    known = {line: learned.Measured(edge, edge - 1, edge + 1, n)}
    monkeypatch.setattr(learned, "MEASURES", {"test": lambda lines: known})


class TestMeasured:
    @pytest.mark.parametrize(
        ("edge", "n", "why"),
        [(0.8, 9, "its 9 trades are fewer"), (0.3, 20, "is less than"), (-0.8, 20, "of the other sign")],
    )
    def test_ends_a_mandate_with_its_reason_and_a_notice(
        self, line: OverrideSpec, monkeypatch: pytest.MonkeyPatch, edge: float, n: float, why: str
    ) -> None:
        measures(monkeypatch, line.line, edge, n)

        assert lapse_mandates(now=NOW + DAY) == 1

        assert Mandate.objects.get().revoked_at == NOW + DAY
        [notice] = unread(somebody())
        assert f"its evidence lapsed: {why}" in notice.entry.content or why in notice.entry.content
        assert found() == []

    def test_leaves_the_line_in_force_and_does_nothing_twice(
        self, line: OverrideSpec, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        measures(monkeypatch, line.line, -0.8, 20)

        assert [lapse_mandates(now=NOW + DAY) for _ in range(2)] == [1, 0]
        assert Membership.objects.filter(line_id=line.line, to_version=None).exists()

    def test_keeps_a_mandate_whose_evidence_stands(self, line: OverrideSpec, monkeypatch: pytest.MonkeyPatch) -> None:
        measures(monkeypatch, line.line, 0.5, 10)

        assert lapse_mandates(now=NOW + DAY) == 0


class TestRealised:
    @pytest.fixture(autouse=True)
    def unmeasured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(learned, "MEASURES", {})

    @pytest.mark.parametrize(("rr", "ended"), [(-0.2, 1), (1.0, 0)])
    def test_ends_a_mandate_where_surely_less_came_of_the_line_than_it_keeps(
        self, line: OverrideSpec, rr: float, ended: int
    ) -> None:
        set_mode("on")
        for day in range(1, 36):
            served_trade(f"t{day}", rr, days=day)
        attribute()
        monitor(now=LATER)

        assert lapse_mandates(now=LATER) == ended

    def test_says_nothing_before_there_are_enough_days(self, line: OverrideSpec) -> None:
        set_mode("on")
        for day in range(1, 6):
            served_trade(f"t{day}", -0.2, days=day)
        attribute()
        monitor(now=LATER)

        assert lapse_mandates(now=LATER) == 0
