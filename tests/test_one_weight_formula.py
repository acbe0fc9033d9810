"""An override has one weight formula: the engine, the pages, lessons and the preview of parameters agree on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.plan_method.lesson_selection import fresh_weight
from overrides.core.engine import weights
from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Channel, Combiner
from overrides.core.engine.taken import Contribution
from overrides.core.engine.weights import FACTORS, Factor, basis_of, formula_of, multiplied
from overrides.core.impact import weight_breakdown
from overrides.core.impact.reweighing import Evidence, reweighed
from overrides.core.impact.weight_breakdown import weigh
from tests.builders import KEY, NOW, make_spec
from tests.overrides.core.engine.naive import naive_weight

ROOT = Path(__file__).parents[1]
APPS = ("config", "learning", "overrides", "telemetry", "templates")
OWNERS = (
    "overrides/core/engine/weights.py",
    "overrides/core/engine/definitions/formats.py",
    "telemetry/core/decision_trace/words.py",  # the places of words in stored traces, which never change
)
# Where constants stand, their help texts may say what they do.
EXPLAINED = "overrides/core/engine/definitions/parameters.py"
# The words of stored traces stay as they are whatever the formula becomes; they name factors and weigh nothing.
STORED = "telemetry/core/decision_trace/words.py"

numbers = st.floats(0.05, 60)
specs = st.builds(
    lambda edge_raw, n, variance, half_life_days, dims: make_spec(
        scope={f"dimension{number}": "x" for number in range(dims)},
        stats={"edge_raw": edge_raw, "n": n, "variance": variance, "half_life_days": half_life_days},
    ),
    st.floats(-4, 4), st.integers(0, 500), st.floats(0, 20), st.floats(1, 400), st.integers(0, 14),
)  # fmt: skip
parameters = st.builds(
    WeightParameters, weight_edge_scale=numbers, n_target=numbers, variance_penalty=st.floats(0, 9),
    specificity_alpha=st.floats(0, 4), max_scope_dims=st.integers(1, 14), min_total_weight=st.just(0.0),
)  # fmt: skip
ages = st.floats(0, 900)


def served(spec: OverrideSpec, constants: WeightParameters, at: datetime) -> Contribution:
    """What the engine makes of the override where nothing is too light."""
    compiled = compile_overrides([spec], constants, Combiner.PLAN)
    [contribution] = combine(compiled, Request("pm", KEY, "entry", spec.scope, at)).contributions
    return contribution


def previewed(spec: OverrideSpec, constants: WeightParameters, at: datetime) -> float:
    standing = ModuleParameters.default("pm")
    channel = replace(standing.channels[Channel.PM_STRENGTH], weights=constants)
    module = replace(standing, channels={**standing.channels, Channel.PM_STRENGTH: channel})
    stats = spec.stats
    row = Evidence(
        spec.id, "pm_strength", len(spec.scope), stats.edge_raw, stats.n, stats.variance, stats.half_life_days,
        stats.updated_at,
    )  # fmt: skip
    return reweighed([row], standing, module, at).mean_after


def four_weights(spec: OverrideSpec, constants: WeightParameters, age_days: float = 0.0) -> dict[str, float | None]:
    """The weight at an age as each of the four shows it; lessons are judged when fresh, whatever the age."""
    at = NOW + timedelta(days=age_days)
    return {
        "engine": served(spec, constants, at).w_total,
        "page": weigh(spec, constants, at).total,
        "lessons": fresh_weight(basis_of(spec.stats, len(spec.scope)), formula_of(constants)),
        "preview": previewed(spec, constants, at),
    }


@contextmanager
def factors(*rows: Factor) -> Iterator[None]:
    """The formula with these rows as its table."""
    with pytest.MonkeyPatch.context() as patch:
        order = multiplied(rows)
        patch.setattr(weights, "FACTORS", rows)
        for module in (weights, weight_breakdown):
            patch.setattr(module, "MULTIPLIED", order)
        patch.setattr(weights, "PLACES", tuple((each.symbol, order.index(each)) for each in rows))
        yield


class TestTheFourWeights:
    @given(specs, parameters)
    def test_agree_on_a_fresh_override(self, spec: OverrideSpec, constants: WeightParameters) -> None:
        found = four_weights(spec, constants)

        assert found["engine"] == found["page"] == found["lessons"]
        assert found["preview"] == pytest.approx(found["engine"], abs=1e-12)  # which it rounds to

    @given(specs, parameters, ages)
    def test_agree_on_one_of_any_age(self, spec: OverrideSpec, constants: WeightParameters, age: float) -> None:
        found = four_weights(spec, constants, age)

        assert found["engine"] == found["page"]
        assert found["preview"] == pytest.approx(found["engine"], abs=1e-12)

    @given(specs, parameters, ages)
    def test_are_the_plans(self, spec: OverrideSpec, constants: WeightParameters, age: float) -> None:
        at = NOW + timedelta(days=age)
        request = Request("pm", KEY, "entry", spec.scope, at)

        assert served(spec, constants, at).w_total == pytest.approx(naive_weight(spec, request, constants), rel=1e-12)

    @given(specs, parameters, ages)
    def test_show_the_same_factors(self, spec: OverrideSpec, constants: WeightParameters, age: float) -> None:
        at = NOW + timedelta(days=age)
        document, page = served(spec, constants, at).to_document(), weigh(spec, constants, at)

        values = {each.symbol: document[each.symbol] for each in FACTORS}
        assert values == {
            each.symbol: shown.value for each in FACTORS for shown in page.factors if shown.name == each.label
        }
        assert page.factors[-1].product == page.total


def lasting_weight(half_life_days: float, n_target: float) -> float:
    return half_life_days / (half_life_days + n_target)


def waning_weight(age_days: float, n: float) -> float:
    return n / (n + age_days)


LASTING = Factor("w_last", "lasting", ("half_life_days",), ("n_target",), lasting_weight, "{half_life_days:g} days")
WANING = Factor("w_wane", "waning", ("n",), (), waning_weight, "{age_days:g} days", depends_on_moment=True)


class TestAFactorAddedToTheTable:
    SPEC = make_spec(stats={"edge_raw": 0.82, "n": 37, "variance": 0.45, "half_life_days": 18})
    CONSTANTS = WeightParameters(min_total_weight=0.0)

    def test_is_followed_by_all_four(self) -> None:
        before = four_weights(self.SPEC, self.CONSTANTS)

        with factors(*FACTORS, LASTING):
            after = four_weights(self.SPEC, self.CONSTANTS)

        factor = 18 / (18 + 25)
        assert all(
            after[name] == pytest.approx(weight * factor, abs=1e-12) for name, weight in before.items() if weight
        )
        assert len(set(map(str, after.values()))) <= 2  # the preview rounds

    def test_may_depend_on_the_moment_and_stand_anywhere(self) -> None:
        before = four_weights(self.SPEC, self.CONSTANTS, 9)

        with factors(WANING, *FACTORS):
            after = four_weights(self.SPEC, self.CONSTANTS, 9)
            shown = served(self.SPEC, self.CONSTANTS, NOW + timedelta(days=9)).to_document()
            page = weigh(self.SPEC, self.CONSTANTS, NOW + timedelta(days=9))

        for name in ("engine", "page", "preview"):
            assert after[name] == pytest.approx(before[name] * 37 / 46, abs=1e-12)  # type: ignore[operator]  # no None
        assert after["lessons"] == before["lessons"]  # at age 0 it is 1
        assert shown["w_wane"] == 37 / 46
        assert (page.factors[-1].name, page.factors[-1].rests_on) == ("decay", "9 days")

    def test_moves_the_age_at_which_an_override_stops_acting(self) -> None:
        constants = WeightParameters(max_scope_dims=3)
        before = weigh(self.SPEC, constants, NOW).meets_floor_at

        with factors(*FACTORS, WANING):
            after = weigh(self.SPEC, constants, NOW).meets_floor_at

        assert before is not None
        assert after is not None
        assert after < before


class TestNoOtherFile:
    def test_names_a_factor(self) -> None:
        """Of decay as such a page may speak; the others are named where they are owned, and looped over elsewhere."""
        names = re.compile(r"\b(" + "|".join(each.symbol for each in FACTORS if each.symbol != "w_decay") + r")\b")
        paths = [
            path for app in APPS for path in (ROOT / app).rglob("*") if path.suffix in (".py", ".html", ".svg", ".sql")
        ]

        found = {str(path.relative_to(ROOT)) for path in paths if names.search(path.read_text())}
        found -= {*OWNERS, EXPLAINED, STORED}

        assert found == set()
