"""Plain builders, valid by default, and hypothesis strategies for what the combiner meets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from overrides.core.combination import Request
from overrides.core.levers import LEVERS, Blend
from overrides.core.specs import OverrideSpec, Stats
from overrides.core.vocabulary import Channel, Policy

NOW = datetime(2025, 1, 11, tzinfo=UTC)
KEY = "uptrend.S1.buy_flag"
DIMENSIONS = {"macro_phase": ("Good", "Dip"), "bucket": ("nano", "mid", "xl"), "timeframe": ("1m", "4h")}
HEAVY = {"edge_raw": 100.0, "n": 1e6, "variance": 0.0, "half_life_days": 18.0, "updated_at": NOW}


def make_spec(id: str = "a", levers: dict[str, float] | None = None, **over: Any) -> OverrideSpec:
    """An override of pm entries; `stats` entries not given weigh one each."""
    fields: dict[str, Any] = {
        "module": "pm",
        "channel": None,
        "policy": None,
        "pattern_key": KEY,
        "action_category": "entry",
        "scope": {"macro_phase": "Good"},
        "levers": {"size_mult": 1.1} if levers is None else levers,
    }
    stats = Stats(**HEAVY | over.pop("stats", {}))
    return OverrideSpec(**{"id": id, **fields, **over, "stats": stats})


def make_governed(levers: dict[str, float] | None = None, **over: Any) -> OverrideSpec:
    """A pm_strength override with the id its content gives it."""
    document = make_spec(levers=levers, channel=Channel.PM_STRENGTH, policy=Policy.PLAN, **over).to_document()
    del document["id"]
    return OverrideSpec.from_document(document)


def make_request(scope: dict[str, str] | None = None, **over: Any) -> Request:
    fields: dict[str, Any] = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "at": NOW}
    return Request(scope={"macro_phase": "Good"} if scope is None else scope, **{**fields, **over})


def weighing(weight: float, **over: Any) -> dict[str, Any]:
    """Statistics whose product of factors is `weight` where one dimension is all there is."""
    return {"variance": 1.0 / weight - 1.0, **over}


def _scopes(whole: bool) -> st.SearchStrategy[dict[str, str]]:
    values = {name: st.sampled_from(options) for name, options in DIMENSIONS.items()}
    return st.fixed_dictionaries(values) if whole else st.fixed_dictionaries({}, optional=values)


def _targets() -> st.SearchStrategy[dict[str, float]]:
    """Up to four levers, targets well outside their bounds included."""
    values = {
        name: st.floats(0.2, 4.0) if lever.blend is Blend.LOG else st.floats(-1.0, 8.0)
        for name, lever in LEVERS.items()
    }
    names = st.lists(st.sampled_from(sorted(LEVERS)), unique=True, max_size=4)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: values[name] for name in chosen}))


@st.composite
def specs(draw: st.DrawFn, most: int = 8) -> list[OverrideSpec]:
    count = draw(st.integers(0, most))
    return [
        make_spec(
            id=f"o{index:02}",
            levers=draw(_targets()),
            scope=draw(_scopes(whole=False)),
            stats={
                "edge_raw": draw(st.floats(-3, 3)),
                "n": draw(st.integers(0, 400)),
                "variance": draw(st.floats(0, 4)),
                "half_life_days": draw(st.sampled_from((7.0, 18.0, 360.0))),
                "updated_at": NOW - timedelta(hours=draw(st.integers(-48, 2000))),
            },
        )
        for index in range(count)
    ]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    names = draw(st.lists(st.sampled_from(sorted(LEVERS)), unique=True, max_size=4))
    current = {name: draw(st.floats(LEVERS[name].low, LEVERS[name].high)) for name in names}
    return make_request(draw(_scopes(whole=True)), current=current)
