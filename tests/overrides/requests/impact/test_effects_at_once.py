"""What a page shows before anything is drafted is the figure that the request will show."""

from __future__ import annotations

from collections.abc import Iterator
from math import expm1, log
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.models import ChangeRequest, Line, Version
from overrides.requests.impact import effects_at_once
from overrides.requests.impact.effects import Effect, effect_of, effect_row, request_effects
from overrides.requests.impact.effects_at_once import (
    compare_bringing,
    effect_of_parameters,
    effect_of_retiring,
    effect_of_rolling_back,
    effect_of_switching_off,
)
from overrides.requests.impact.what_if import run_what_if
from overrides.requests.kinds.kind import DraftLine
from overrides.serving.mode import mode_of
from overrides.versions.load_version import read_in_force
from tests.builders import DAY, NOW, approve_and_apply, draft, make_parameters, make_spec, publish, set_mode
from tests.overrides.requests.impact.test_what_if import MICRO, allocate, ask
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

AT = NOW + DAY
BROUGHT = make_spec({"size_mult": 0.9}, scope=MICRO)
STEP = log(1.02)


def effect_shown(request: ChangeRequest) -> Effect:
    """Return the effect that the page of a request shows."""
    request_effects(now=AT)
    row = effect_row(request.what_ifs.all(), request)
    assert row is not None
    run_what_if(row.key, now=AT)
    row.refresh_from_db()
    effect = effect_of(row, mode_of(request.module))
    assert effect is not None
    return effect


def furnish() -> None:
    set_mode("on", rollout_percent=50)
    publish(make_spec(), make_spec(pattern_key="ema.long.cross"))
    for day in range(12):
        ask(2, at=NOW - DAY * (12 - day))
        ask(1, at=NOW - DAY * (12 - day), scope=MICRO)


@pytest.fixture(scope="class")
def logged(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


@pytest.mark.usefixtures("logged")
class TestIsThatOfTheRequest:
    def test_of_a_manual_override(self, author: User) -> None:
        _, effect = compare_bringing(BROUGHT, read_in_force("pm"), AT)

        assert effect == effect_shown(draft(BROUGHT, author=author))
        assert (effect.decisions, effect.changed, effect.days) == (30, 10, 10)
        assert (effect.in_force, effect.acting) == ((2, 3), (2, 3))
        assert effect.low is not None
        assert effect.served == pytest.approx(100 * expm1(-STEP / 3 * 0.5))

    def test_of_retiring(self, author: User) -> None:
        line = make_spec().line
        effect = effect_of_retiring([Line.objects.get(pk=line)], AT)

        assert effect == effect_shown(draft(lines=[DraftLine(line, None, ["withdrawn"])], author=author))
        assert (effect.in_force, effect.changed) == ((2, 1), 20)

    def test_of_other_parameters(self, author: User) -> None:
        parameters = make_parameters({"weights": {"max_steps": {"size_mult": 0.01}}}).written_out()

        effect = effect_of_parameters(read_in_force("pm"), parameters, AT)

        assert effect == effect_shown(draft(kind="parameters", content=parameters.to_document(), author=author))
        assert effect is not None
        assert effect.changed == 20
        assert effect.calms

    @pytest.mark.parametrize("has_other_parameters", [False, True])
    def test_of_rolling_back(self, has_other_parameters: bool, author: User) -> None:
        first = Version.objects.get(module="pm")
        changed: dict[str, Any] = {}
        if has_other_parameters:
            changed = {"parameters": make_parameters({"weights": {"max_steps": {"size_mult": 0.01}}})}
        publish(BROUGHT, withdraw=[make_spec().line], **changed)

        effect = effect_of_rolling_back(first, AT)

        assert effect == effect_shown(draft(kind="rollback", content={"to": first.number}, author=author))
        assert effect is not None
        assert (effect.changed, effect.in_force) == (30, (2, 2))

    def test_of_switching_off(self, author: User) -> None:
        effect = effect_of_switching_off(read_in_force("pm"), mode_of("pm"), AT)

        assert effect == effect_shown(draft(kind="mode", content={"mode": "off"}, author=author))
        assert effect is not None
        assert effect.is_of_mode
        assert effect.percent == pytest.approx(100 * expm1(-STEP * 2 / 3))
        assert effect.served == pytest.approx(100 * expm1(-STEP / 3))


class TestOfLargeVersions:
    def test_is_left_to_the_request(self, monkeypatch: pytest.MonkeyPatch) -> None:
        publish(make_spec(), BROUGHT)
        first = Version.objects.get()
        publish(parameters=make_parameters({"weights": {"max_steps": {"size_mult": 0.01}}}))
        monkeypatch.setattr(effects_at_once, "MOST_LOADED", 1)
        held = read_in_force("pm")

        assert effect_of_rolling_back(first, AT) is None
        assert effect_of_parameters(held, ModuleParameters.default("pm"), AT) is None
        assert effect_of_switching_off(held, ServingMode(Mode.ON), AT) is None


class TestOfLinesBelowTheMinimum:
    def test_retiring_what_does_nothing_today_changes_nothing(self) -> None:
        """It acted at the time of the decisions, and fell below the minimum 165 days later."""
        publish(make_spec())
        ask(3)

        effect = effect_of_retiring([Line.objects.get()], NOW + DAY * 200)

        assert (effect.percent, effect.changed) == (0.0, 0)
        assert (effect.in_force, effect.acting) == ((1, 0), (0, 0))


class TestOfAllocations:
    def test_switching_off_takes_away_the_coefficients_too(self) -> None:
        set_mode("on", module="dm")
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.2}}, lines=()))
        allocate(2, scope={"chain": "base"})

        effect = effect_of_switching_off(read_in_force("dm"), mode_of("dm"), AT)

        assert effect is not None
        assert effect.percent == pytest.approx(100 * expm1(-log(1.2)))
        assert effect.served == pytest.approx(effect.percent)
