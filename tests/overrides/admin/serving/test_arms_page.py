"""Explored levers in the admin: asked for by a request, ended at once, and shown with what they are worth."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from overrides.core.engine.exploring import explorable
from overrides.models import ArmOutcome, ArmPosition, ChangeRequest, ModuleMode
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.identifiers import uuid7
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import make_decision, make_parameters, make_spec, publish, set_mode, without_triggers
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/overrides/modulemode/"
PM, SHOWN = f"{LIST}pm/change/", f"{LIST}pm/arms/"
ARM: dict[str, Any] = {
    "alternative": 2.0, "probability": 0.3, "share_percent": 50.0, "rr_per_week": 5.0, "rr_per_position": 0.5
}  # fmt: skip
TYPED = {"lever": "entry_delay_bars", "reason": "does it pay"} | {name: f"{value:g}" for name, value in ARM.items()}


@pytest.fixture
def asker(db: None) -> User:
    return make_user("asker", "overrides.add_changerequest", "overrides.view_modulemode")


def ask(person: User, module: str = "pm", **fields: str) -> Any:
    return browser_of(person).post(f"{LIST}{module}/ask/arms/", TYPED | fields)


def explored(days: int, *, effect: float = 0.2, bias: float = 0.3, per_day: int = 8, e: float = 0.3) -> None:
    """Let positions of so many days have been explored, whose replays flatter the alternative."""
    draw, today = np.random.default_rng(7), datetime.now(UTC).date()
    arms: list[bool] = (draw.random(days * per_day) < e).tolist()
    monday = today - timedelta(days=today.weekday())
    positions = [
        ArmPosition(
            id=number + 1, module="pm", lever="entry_delay_bars", position_key=str(number), share_draw=1.0,
            draw=0.1 if arm else 0.9, drawn_at=datetime.now(UTC), week=monday, alternative=2.0, probability=e,
            share_percent=50.0, rr_per_week=5.0, reserved=0.5, spent=0.0, is_admitted=True,
            is_alternative=arm and number < per_day,
        )
        for number, arm in enumerate(arms)
    ]  # fmt: skip
    served = draw.standard_normal(len(arms))
    outcomes = [
        ArmOutcome(
            position_id=number + 1, book="paper", day=date.fromordinal(today.toordinal() - 1 - number // per_day),
            rr=own + (effect if arm else 0.0), replay_alternative=own + effect + bias, replay_served=own, lost=0.0,
            computed_at=datetime.now(UTC),
        )
        for number, (arm, own) in enumerate(zip(arms, served.tolist(), strict=True))
    ]  # fmt: skip
    for each, arm in zip(positions, arms, strict=True):
        each.is_alternative = arm
    with without_triggers():
        ArmPosition.objects.bulk_create(positions)
        ArmOutcome.objects.bulk_create(outcomes)


class TestARequest:
    def test_asks_to_explore_a_lever_beside_those_that_are(self, asker: User) -> None:
        set_mode("on", arms={"trail_mult": ARM})
        response = ask(asker)

        drafted = ChangeRequest.objects.get(kind="mode", author=asker)
        assert response.url == f"/admin/overrides/changerequest/{drafted.pk}/change/"
        assert drafted.content == {"arms": {"trail_mult": ARM, "entry_delay_bars": ARM}}
        assert drafted.title.startswith("Explore entry_delay_bars 2 with probability 0.3 in 50 % of positions of pm")
        text = page(browser_of(make_user("reader", "overrides.view_changerequest")), response.url)
        assert "arms.entry_delay_bars.alternative" in text

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"lever": "size_mult"}, "Select a valid choice"),
            ({"alternative": "9"}, "must be 0 to 5"),
            ({"probability": "0.05"}, "greater than or equal to 0.1"),
            ({"rr_per_position": "6"}, "is more than rr_per_week"),
            ({"share_percent": ""}, "This field is required"),
            ({"reason": ""}, "say why"),
            ({"alternative": "nan"}, "Enter a number"),
        ],
    )
    def test_says_why_it_is_refused_and_keeps_what_was_typed(
        self, asker: User, fields: dict[str, str], words: str
    ) -> None:
        text = ask(asker, **fields).content.decode()

        assert words in text
        assert not ChangeRequest.objects.filter(author=asker).exists()

    def test_stays_within_the_bounds_in_force(self, asker: User) -> None:
        channels = make_parameters().to_document()["channels"]
        channels["pm_tuning"]["weights"]["bounds"] = {"entry_delay_bars": [0, 1.5]}
        publish(make_spec(), parameters=make_parameters(channels=channels))

        assert "The parameters allow entry_delay_bars, 0 to 1.5." in ask(asker).content.decode()

    def test_for_what_is_explored_already_is_refused(self, asker: User) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM})

        assert "explored like this already" in ask(asker).content.decode()

    def test_of_dm_is_refused_with_the_reason_on_the_page(self, asker: User) -> None:
        assert "a draw would cost money and teach nothing" in page(browser_of(asker), f"{LIST}dm/change/")
        assert "Select a valid choice" in ask(asker, module="dm", lever="alloc_mult").content.decode()

    def test_for_another_mode_keeps_the_arms(self, asker: User) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM})
        form = {"mode": "on", "rollout_percent": "50", "allow": "", "challenger": "", "reason": "fewer"}
        browser_of(asker).post(f"{LIST}pm/ask/mode/", form)

        assert ChangeRequest.objects.get(author=asker).content == {"rollout_percent": 50.0}


class TestTheEnd:
    def test_comes_at_once(self, operator: User) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM, "trail_mult": ARM})
        response: Any = browser_of(operator).post(f"{LIST}pm/end_arm/", {"end_arm": "trail_mult", "reason": "enough"})

        assert response.url == PM
        assert set(ModuleMode.objects.get().arms) == {"entry_delay_bars"}
        request = ChangeRequest.objects.latest("pk")
        assert (request.route, request.title) == ("at_once", "End the exploration of trail_mult in pm")

    def test_of_what_is_not_explored_is_refused(self, operator: User) -> None:
        set_mode("on")
        text = browser_of(operator).post(f"{LIST}pm/end_arm/", {"end_arm": "trail_mult", "reason": "x"})

        assert "pm does not explore trail_mult" in text.content.decode()


class TestThePage:
    def test_says_what_could_be_explored_where_nothing_was(self, author: User) -> None:
        assert f"{len(explorable('pm'))} levers can be explored" in page(browser_of(author), SHOWN)
        assert "teach nothing" in page(browser_of(author), f"{LIST}dm/arms/")

    def test_tells_effect_cost_and_replays(self, author: User, django_assert_max_num_queries: Any) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM})
        explored(60)
        at = datetime.now(UTC)
        record_decisions([make_decision(decision_id=uuid7(at), at=at - timedelta(hours=1)) for _ in range(2)])
        browser = browser_of(author)
        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, SHOWN)

        assert "entry_delay_bars 2" in text
        assert "The alternative is better: +0." in text
        assert "over 480 positions on 60 days" in text
        assert "5.00\N{NO-BREAK SPACE}R" in text or "5.00 R" in text
        assert text.count('<svg class="cw-svg"') == 2
        words = re.sub(r"<[^>]+>", "", text)
        assert "Of 2 served answers to actions that have these levers in the last 30 days, 2 named no position" in words

    @pytest.mark.parametrize(
        ("days", "words"),
        [
            (0, "No explored position has closed yet"),
            (3, "Too few days: 3 days with closed positions, and an interval"),
        ],
    )
    def test_says_nothing_in_r_before_it_can(self, author: User, days: int, words: str) -> None:
        set_mode("on", arms={"entry_delay_bars": ARM})
        explored(days)

        assert words in page(browser_of(author), SHOWN)

    def test_says_how_many_days_are_missing(self, author: User) -> None:
        set_mode("shadow", arms={"entry_delay_bars": ARM})
        explored(40, effect=0.0, bias=0.05)
        text = page(browser_of(author), SHOWN)

        assert "waits: the module is not on" in text
        assert "it is known" in text.lower()

    def test_is_closed_without_permission_and_knows_no_other_module(self, operator: User, author: User) -> None:
        client = Client()
        client.force_login(operator)
        assert client.get(SHOWN).status_code == 403
        assert browser_of(author).get(f"{LIST}xx/arms/").status_code == 404


def test_a_decision_says_what_was_explored(author: User) -> None:
    draw = ARM | {"share_draw": 12.5, "draw": 0.125, "admitted": True, "spent": 0.5, "served": 0.0}
    decision = make_decision(
        decision_id=uuid7(datetime.now(UTC)), request={"position_key": "a", "arms": {"entry_delay_bars": draw}}
    )
    record_decisions([decision])
    text = page(browser_of(author), f"/admin/telemetry/decision/{decision.decision_id}/change/")

    assert "the alternative 2 instead of 0" in text
    assert "drew 12.5 for the share of 50 %, 0.125 for the probability 0.3" in text
