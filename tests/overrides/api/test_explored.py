"""Explored levers over the API: what each alternative has shown, cost, and still needs."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.models import ArmOutcome
from tests.api_clients import client_of
from tests.builders import set_mode
from tests.overrides.admin.serving.test_arms_page import ARM, explored

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/explored-levers/"


def found() -> Any:
    [only] = client_of("read").get(ADDRESS).json()["results"]
    return only


def test_are_none_before_a_lever_was_explored() -> None:
    assert client_of("read").get(ADDRESS).json() == {"results": []}


def test_tell_what_is_explored_before_a_position_was_drawn() -> None:
    set_mode("shadow", arms={"entry_delay_bars": ARM})
    only = found()

    assert (only["module"], only["lever"], only["alternative"], only["arm"]) == ("pm", "entry_delay_bars", 2.0, ARM)
    assert (only["is_running"], only["since"], only["drawn"], only["spent_this_week"]) == (False, None, 0, 0.0)
    assert (only["effect"], only["verdict"], only["further_days"]) == (None, "too few days", 30)
    assert (only["further_days_until_known"], only["calibration"]) == (None, {"alternative": [], "served": []})


def test_tell_effect_cost_and_compliance() -> None:
    set_mode("on", arms={"entry_delay_bars": ARM})
    explored(60)
    others = ArmOutcome.objects.filter(position__is_alternative=True).order_by("pk")[:3]
    ArmOutcome.objects.filter(pk__in=[each.pk for each in others]).update(took_other=True)
    only = found()

    assert (only["is_running"], only["verdict"], only["days"]) == (True, "better", 60)
    assert (only["took_other_than_alternative"], only["took_other_than_served"]) == (3, 0)
    assert (only["positions"], only["open"], only["refused"]) == (477, 0, 0)
    effects = [only[name] for name in ("effect", "effect_as_drawn", "effect_by_draw", "effect_by_replays")]
    assert all(each["low"] < each["mean"] < each["high"] for each in effects[:3])
    assert effects[3]["mean"] == pytest.approx(0.5, abs=0.01)
    assert effects[0] != effects[1]
    assert sum(each["n"] for each in only["calibration"]["alternative"]) == only["alternatives"]
    assert only["spent_this_week"] == only["most_spent_in_a_week"] == 0.5 * (only["alternatives"] + 3)


def test_are_unchanged_under_their_tag() -> None:
    set_mode("on", arms={"entry_delay_bars": ARM})
    reader = client_of("read")
    tag = reader.get(ADDRESS)["ETag"]

    assert reader.get(ADDRESS, HTTP_IF_NONE_MATCH=tag).status_code == 304
