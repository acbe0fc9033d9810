"""The effect of every request is computed without being asked for, and is about its present content."""

from __future__ import annotations

from datetime import timedelta
from math import expm1, log
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.models import ChangeRequest, Line, WhatIf
from overrides.requests.authoring import edit_request
from overrides.requests.emergency import lower_mode_with_request, retire_lines
from overrides.requests.impact.effects import Effect, effect_of, effect_row, known_effect, request_effects
from overrides.requests.impact.effects_at_once import effect_of_retiring
from overrides.requests.impact.what_if import EFFECT_DECISIONS, request_what_if, run_what_if
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.review import reject
from overrides.serving.mode import mode_of
from overrides.tasks import request_effects_task
from overrides.versions.publish import store_override
from tests.builders import DAY, NOW, draft, make_spec, publish, set_mode
from tests.overrides.requests.impact.test_what_if import MICRO, ask
from tests.overrides.requests.test_trial import PLAN, trial

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


class TestEffectOfModes:
    """Two of three answers move, each by the step of 2 %."""

    def effect(self, author: User, before: dict[str, Any], **content: Any) -> Effect:
        set_mode(**before)
        publish(make_spec())
        ask(2)
        ask(1, scope=MICRO)
        request = draft(kind="mode", content=content, author=author)
        request_effects(now=NOW + DAY)
        effect = effect_of(computed(request), mode_of("pm"))
        assert effect is not None
        assert effect.is_of_mode
        return effect

    @pytest.mark.parametrize(
        ("before", "content", "whole", "served"),
        [
            ({"mode": "off"}, {"mode": "on"}, 2 / 3, 2 / 3),
            ({"mode": "shadow"}, {"mode": "on", "rollout_percent": 25.0}, 2 / 3, 1 / 6),
            ({"mode": "on"}, {"mode": "off"}, -2 / 3, -2 / 3),
            ({"mode": "on", "rollout_percent": 50.0}, {"mode": "shadow"}, -2 / 3, -1 / 3),
            ({"mode": "on", "rollout_percent": 50.0}, {"rollout_percent": 75.0}, 2 / 3, 1 / 6),
            ({"mode": "off"}, {"mode": "shadow"}, 2 / 3, 0.0),
            ({"mode": "on"}, {"allow": {"bucket": ["big"]}}, -2 / 3, -2 / 3),
        ],
    )
    def test_is_the_whole_version_against_neutral_and_what_is_served_beside(
        self, before: dict[str, Any], content: dict[str, Any], whole: float, served: float, author: User
    ) -> None:
        effect = self.effect(author, before, **content)

        assert effect.percent == pytest.approx(100 * expm1(log(1.02) * whole))
        assert effect.served == pytest.approx(100 * expm1(log(1.02) * served))
        assert (effect.decisions, effect.changed) == (3, 2)

    def test_of_lowering_at_once_compares_with_the_mode_before(self, operator: User) -> None:
        set_mode("on", rollout_percent=50.0)
        publish(make_spec())
        ask(2)
        lower_mode_with_request(module="pm", to="off", by=operator, reason="harm", at=NOW + DAY)
        request = ChangeRequest.objects.get(route="at_once")

        request_effects(now=NOW + DAY + MINUTE)

        effect = effect_of(computed(request), mode_of("pm"))
        assert effect is not None
        assert effect.percent == pytest.approx(100 * expm1(-log(1.02)))
        assert effect.served == pytest.approx(100 * expm1(-log(1.02) / 2))


class TestEffectOfTrials:
    def test_is_what_it_would_do_if_it_were_in_force_and_nothing_is_served(self, author: User) -> None:
        set_mode("on")
        publish(PLAN)
        ask(3)
        request = trial(author=author)
        request_effects(now=NOW + DAY)

        effect = effect_of(computed(request), mode_of("pm"))

        assert effect is not None
        assert (effect.is_trial, effect.served) == (True, 0.0)
        assert effect.decisions == 3


class TestWholeDays:
    def test_takes_the_newest_three_weeks_as_they_were_before(self, author: User) -> None:
        """Decisions of thirty days: the first day and the last one are cut, and the oldest of the others left out."""
        publish(make_spec())
        for day in range(30):
            ask(1, at=NOW - DAY * day)
        request = draft(make_spec({"size_mult": 0.9}), author=author)
        request_effects(now=NOW)

        row = computed(request)
        effect = effect_of(row, None)

        assert effect is not None
        assert (effect.decisions, effect.days) == (21, 21)
        assert effect.low == effect.percent == effect.high
        assert row.document is not None
        assert row.document["as_of"] == ["2026-03-02T12:00:00Z"] * 2

    def test_of_a_closed_request_ends_with_its_application(self, operator: User) -> None:
        publish(make_spec())
        ask(2)
        request = retire_lines(module="pm", lines=[make_spec().line], by=operator, reason="harm", at=NOW + DAY)
        ask(5, at=NOW + DAY)
        request_effects(now=NOW + DAY + MINUTE)

        effect = effect_of(computed(request), None)

        assert effect is not None
        assert effect.decisions == 2


class TestKnownEffect:
    def test_is_computed_no_more_two_days_after_a_change_at_once(self, operator: User) -> None:
        publish(make_spec())
        request = retire_lines(module="pm", lines=[make_spec().line], by=operator, reason="harm", at=NOW)

        found = [known_effect(request, None, now=NOW + 2 * DAY + each).status for each in (-MINUTE, timedelta())]

        assert found == ["computing", "not_computed"]

    def test_says_why_it_is_not_known(self, author: User, reviewer: User) -> None:
        drafted = draft(make_spec(), author=author, submit=False)
        submitted = draft(make_spec(scope=MICRO), author=author)
        policy = draft(kind="policy", content={"approvals": 2}, author=author)
        rejected = reject(request_id=draft(make_spec(scope={"bucket": "big"}), author=author).pk, by=reviewer, at=NOW,
                          reason="no")  # fmt: skip

        found = [known_effect(each, None, now=NOW) for each in (drafted, submitted, policy, rejected)]

        assert [each.status for each in found] == ["draft", "computing", "none", "not_computed"]
        assert all(each.words and each.effect is None for each in found)

    def test_is_not_that_of_another_number_of_decisions(self, author: User) -> None:
        publish(make_spec())
        ask(3)
        request = draft(make_spec({"size_mult": 0.9}), author=author)
        run_what_if(request_what_if(request.pk, 2, NOW).key, now=NOW)

        assert known_effect(request, None, now=NOW).status == "computing"
        request_effects(now=NOW + MINUTE)
        assert computed(request).n == EFFECT_DECISIONS
        assert known_effect(request, None, now=NOW).status == "known"
