"""The effect of every request is computed without being asked for, and is about its present content."""

from __future__ import annotations

from datetime import timedelta
from math import expm1, log

import pytest
from django.contrib.auth.models import User

from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.models import ChangeRequest, Line, WhatIf
from overrides.requests.authoring import edit_request
from overrides.requests.emergency import retire_lines
from overrides.requests.impact.effects import effect_of, effect_row, request_effects
from overrides.requests.impact.effects_at_once import effect_of_retiring
from overrides.requests.impact.what_if import run_what_if
from overrides.requests.kinds.kind import DraftLine
from overrides.serving.mode import mode_of
from overrides.tasks import request_effects_task
from overrides.versions.publish import store_override
from tests.builders import DAY, NOW, draft, make_spec, publish
from tests.overrides.requests.impact.test_what_if import MICRO, ask

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def known(request: ChangeRequest) -> WhatIf | None:
    return effect_row(list(request.what_ifs.all()), request)


def computed(request: ChangeRequest) -> WhatIf:
    row = known(request)
    assert row is not None
    run_what_if(row.key, now=NOW)
    row.refresh_from_db()
    return row


class TestRequestEffects:
    def test_reaches_every_submitted_request_once(self, author: User) -> None:
        publish(make_spec())
        ask(3)
        waiting = draft(make_spec(scope=MICRO), author=author)
        draft(make_spec({"size_mult": 1.17}), author=author, submit=False)
        mode = draft(kind="mode", content={"mode": "shadow"}, author=author)
        draft(kind="policy", content={"approvals": 2}, author=author)

        assert request_effects(now=NOW + MINUTE) == 2
        assert request_effects(now=NOW + 2 * MINUTE) == 0
        assert {row.request_id for row in WhatIf.objects.all()} == {waiting.pk, mode.pk}

    def test_is_computed_anew_for_another_edition(self, author: User) -> None:
        publish(make_spec())
        request = draft(make_spec(scope=MICRO), author=author)
        request_effects(now=NOW + MINUTE)
        other = store_override(make_spec({"size_mult": 0.9}, scope=MICRO), source="person", at=NOW)

        edit_request(request_id=request.pk, by=author, at=NOW, lines=[DraftLine(other.line_id, other.id, ["new line"])])
        request.refresh_from_db()

        assert known(request) is None
        assert request_effects(now=NOW + 2 * MINUTE) == 1

    def test_of_what_took_effect_at_once_compares_with_the_version_before(self, operator: User) -> None:
        publish(make_spec())
        ask(3)
        request = retire_lines(module="pm", lines=[make_spec().line], by=operator, reason="harm", at=NOW + DAY)

        assert request_effects(now=NOW + DAY + MINUTE) == 1

        effect = effect_of(computed(request), None)
        assert effect is not None
        assert (effect.decisions, effect.changed) == (3, 3)
        assert effect.percent == pytest.approx(100 * expm1(-log(1.02)))
        assert request_effects(now=NOW + 4 * DAY) == 0

    def test_runs_as_a_job(self, author: User) -> None:
        draft(make_spec(), author=author)

        request_effects_task(now=NOW.isoformat())

        assert WhatIf.objects.count() == 1


class TestEffectOf:
    def test_is_unknown_before_it_is_computed(self, author: User) -> None:
        request = draft(make_spec(), author=author)
        request_effects(now=NOW)

        assert effect_of(known(request), None) is None
        assert effect_of(None, None) is None

    def test_counts_answers_by_lever_and_has_no_band_from_few_days(self, author: User) -> None:
        publish(make_spec({"size_mult": 0.9}, scope=MICRO))
        ask(4)
        request = draft(make_spec({"size_mult": 1.2, "entry_aggression_mult": 1.1}), author=author)
        request_effects(now=NOW + DAY)

        effect = effect_of(computed(request), None)

        assert effect is not None
        assert effect.levers == {"entry_aggression_mult": 4, "size_mult": 4}
        assert (effect.low, effect.high, effect.days) == (None, None, 0)
        assert (effect.warns, effect.calms) == (True, False)

    @pytest.mark.parametrize(
        ("mode", "share"),
        [
            (ServingMode(Mode.SHADOW), 0.0),
            (ServingMode(Mode.ON, rollout_percent=25), 0.25),
        ],
    )
    def test_names_the_share_that_is_served_beside_it(self, mode: ServingMode, share: float, author: User) -> None:
        publish(make_spec({"size_mult": 0.9}, scope=MICRO))
        ask(4)
        request = draft(make_spec(), author=author)
        request_effects(now=NOW + DAY)

        effect = effect_of(computed(request), mode)

        assert effect is not None
        assert effect.served == pytest.approx(effect.percent * share)


class TestEffectOfRetiring:
    def test_is_that_of_a_request_that_withdraws_the_lines(self, author: User) -> None:
        publish(make_spec(), make_spec({"size_mult": 0.9}, scope=MICRO), make_spec(pattern_key="ema.long.cross"))
        ask(4)
        ask(2, scope=MICRO)
        request = draft(lines=[DraftLine(make_spec().line, None, ["withdrawn"])], author=author)
        request_effects(now=NOW + DAY)

        effect = effect_of_retiring([Line.objects.get(pk=make_spec().line)], NOW + DAY)

        assert effect == effect_of(computed(request), mode_of("pm"))
        assert effect.changed == 4
