"""An approval reads its situation once: control does not wander back and forth between modules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from overrides.models import ChangeRequest
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from tests.builders import NOW, draft, make_spec, publish
from tests.module_stays import Names, counted
from tests.shared_world import Shared

# Left out: rows and what they give (models), the shared toolkit, and the values everything is written in.
LEFT_OUT = (
    "overrides.models", "telemetry.models", "telemetry.foundation", "telemetry.core.scopes",
    "overrides.core.engine.definitions",
)  # fmt: skip
ENGINE = "overrides.core.engine"  # one module here: it ships as one library, and who publishes calls it once
MOST_STAYS = 33  # of an approval, which reads whose votes count at this moment and names the evidence it was given on
MOST_OF_EFFECT = 35  # of an effect, which also names the mandates that it signs and ends in an entry of their own


def all_modules(module: str) -> str | None:
    return None if module.startswith(LEFT_OUT) else module


def with_one_engine(module: str) -> str | None:
    return ENGINE if module.startswith(ENGINE) and all_modules(module) else all_modules(module)


def outside_the_core(module: str) -> str | None:
    """Besides, the pure core is left out: it reads nothing and calls nobody back."""
    return None if module.startswith("overrides.core") else all_modules(module)


def waiting(lines: int) -> ChangeRequest:
    return draft(*(make_spec(scope={"macro_phase": f"phase {number} of {lines}"}) for number in range(lines)))


@pytest.fixture(scope="module", autouse=True)
def in_force(shared: Shared) -> Iterator[None]:
    """Something is in force before."""
    with shared(lambda: publish(make_spec())):
        yield


@pytest.mark.parametrize("lines", [1, 5])
def test_an_approval_stays_few_times(lines: int, reviewer: User) -> None:
    request = waiting(lines)

    with counted(all_modules) as stays:
        approve(request_id=request.pk, by=reviewer, at=NOW)

    assert len(stays.visited) <= MOST_STAYS, "\n".join(stays.visited)


@pytest.mark.parametrize("lines", [1, 5])
@pytest.mark.parametrize("names", [outside_the_core, with_one_engine])
def test_an_effect_enters_few_modules(names: Names, lines: int, reviewer: User) -> None:
    """Outside the core all stays are few; with the rules of governance counted, the calls into other modules are."""
    request = waiting(lines)
    approve(request_id=request.pk, by=reviewer, at=NOW)

    with counted(names) as stays:
        apply_request(request_id=request.pk, by=reviewer, at=NOW)

    found = len(stays.visited) if names is outside_the_core else stays.entries
    assert found <= MOST_OF_EFFECT, "\n".join(stays.visited)


def test_lines_cost_no_queries_of_their_own(reviewer: User) -> None:
    asked = []
    for lines in (2, 20):
        request, somebody = waiting(lines), User.objects.get(pk=reviewer.pk)
        with CaptureQueriesContext(connection) as queries:
            approve(request_id=request.pk, by=somebody, at=NOW)
            apply_request(request_id=request.pk, by=somebody, at=NOW)
        asked.append(len(queries))

    assert asked[0] == asked[1]
