"""Everything works with `learning` removed from the installed apps, except walk-forward, shown as unavailable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scratch_database import run_in_a_new_database

pytestmark = pytest.mark.django_db
# Begun without learning, switched on, and switched off again.
PHASES = """
import json, os, subprocess, sys

def run(learning, *arguments):
    done = subprocess.run([sys.executable, *arguments], env=os.environ | {"LEARNING": learning}, capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return done.stdout

begun = json.loads(run("false", "-m", "tests.without_learning", "story"))
run("true", "manage.py", "migrate", "-v0")
again = json.loads(run("false", "-m", "tests.without_learning", "pages"))
print(json.dumps([begun, again]))
"""
NOT_AVAILABLE = "Walk-forward is not available: learning is switched off."


@pytest.fixture(scope="module")
def phases(django_db_setup: None, django_db_blocker: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a deployment without learning found, before and after learning was switched on for a while."""
    with django_db_blocker.unblock():
        done = run_in_a_new_database(PHASES, ALLOWED_HOSTS="testserver", LOG_LEVEL="ERROR")
    assert done.returncode == 0, done.stderr
    begun, again = json.loads(done.stdout)
    return begun, again


@pytest.fixture
def begun(phases: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """What a deployment found that never had learning, nor its tables."""
    return phases[0]


def test_it_serves_attributes_scores_monitors_and_reports(begun: dict[str, Any]) -> None:
    assert begun["is_installed"] is False
    acts = begun["acts"]
    assert (acts["decisions"], acts["shares"], acts["trades_of_the_whole"]) == (3, 3, 3)
    assert (acts["scored"] > 0, acts["monitors"] > 0, acts["reports"]) == (True, True, 1)


def test_it_answers_bots_and_describes_an_api_without_lessons(begun: dict[str, Any]) -> None:
    api = begun["api"]

    assert (api["asked"], api["sent"], api["schema"], api["lessons"]) == (200, "new", 200, 404)
    assert api["levers"]["size_mult"] == 1.0  # the override is old by now
    assert api["caused"] == ["telemetry.attribute_soon"]


def test_its_beat_names_no_task_of_learning_and_none_without_a_worker(begun: dict[str, Any]) -> None:
    assert begun["tasks"] == {"without_a_worker": [], "of_learning": []}


def test_it_refuses_what_nothing_can_measure_or_show(begun: dict[str, Any]) -> None:
    assert begun["refused"] == [
        "how much of what method evidence believed in pm came true is not measured without learning",
        "Learning is switched off. The demo shows what it learns: set LEARNING=true.",
    ]


@pytest.mark.parametrize("phase", [0, 1], ids=["begun without", "switched off again"])
def test_its_pages_open_and_walk_forward_is_shown_as_unavailable(
    phase: int, phases: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    found = phases[phase]
    stating = [name for name, text in found["texts"].items() if NOT_AVAILABLE in text]

    assert len(found["pages"]) > 50
    assert {address: status for address, status in found["pages"].items() if status != 200} == {}
    assert set(found["pages_of_a_viewer"].values()) == {200}
    assert stating == ["walk-forward", "request", "mode"]
    assert "Walk-forward (not available)" in found["texts"]["start"]
