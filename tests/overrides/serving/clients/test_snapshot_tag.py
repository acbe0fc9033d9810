"""The tag of a module's state changes with everything that changes its answers, and with nothing else."""

from __future__ import annotations

from datetime import datetime

import pytest

from overrides.models import ModuleMode
from overrides.serving.clients.snapshot_tag import NO_STATE, snapshot_tag, state_of
from overrides.serving.mode import lower_mode
from tests.builders import set_mode


def test_each_part_of_a_state_makes_another_tag() -> None:
    states = [("pm", 12, 7, 3), ("dm", 12, 7, 3), ("pm", 13, 7, 3), ("pm", 12, 8, 3), ("pm", 12, 7, 4)]

    assert len({snapshot_tag(*state) for state in states}) == len(states)


def test_a_state_before_the_first_version_and_mode_has_a_tag() -> None:
    assert snapshot_tag("pm", None, None, 3) == '"pm-0-0-3"'


def test_a_tag_names_the_state_that_it_was_made_of() -> None:
    assert state_of(snapshot_tag("pm", 12, 7), "pm") == (12, 7)
    assert state_of(snapshot_tag("pm", None, None), "pm") == NO_STATE


@pytest.mark.parametrize("tag", ["", '"pm-12-7"', '"pm-12-7-3', '"dm-12-7-3"', '"pm-1234567890-7-3"', "pm-12-7-3"])
def test_a_tag_of_another_module_or_form_names_no_state(tag: str) -> None:
    assert state_of(tag, "pm") == NO_STATE


@pytest.mark.django_db
def test_a_lowered_roll_out_makes_another_tag(now: datetime) -> None:
    set_mode("on")
    before = snapshot_tag("pm", 12, ModuleMode.objects.get().revision)

    row = lower_mode(module="pm", by="operator", reason="a smaller share", at=now, rollout_percent=50)

    assert snapshot_tag("pm", 12, row.revision) != before
