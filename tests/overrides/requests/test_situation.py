"""An approval reads its situation once: control does not wander back and forth between modules."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from overrides.models import ChangeRequest
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from tests.builders import NOW, draft, make_spec, publish
from tests.module_stays import counted

# Left out: rows and what they give (models), the shared toolkit, and the values everything is written in.
LEFT_OUT = ("overrides.models", "telemetry.models", "telemetry.foundation", "overrides.core.engine.definitions")
MOST = 30


def counts(module: str) -> bool:
    return not module.startswith(LEFT_OUT)


def counts_outside_the_core(module: str) -> bool:
    """Besides, the pure core is left out: it reads nothing and calls nobody back."""
    return counts(module) and not module.startswith("overrides.core")


def waiting(lines: int) -> ChangeRequest:
    return draft(*(make_spec(scope={"macro_phase": f"phase {number} of {lines}"}) for number in range(lines)))


@pytest.fixture(autouse=True)
def standing(db: None) -> None:
    """Something is in force before."""
    publish(make_spec())


class TestStays:
    @pytest.mark.parametrize("lines", [1, 5])
    def test_are_few_when_a_person_approves(self, lines: int, reviewer: User) -> None:
        request = waiting(lines)

        with counted(counts) as stays:
            approve(request_id=request.pk, by=reviewer, at=NOW)

        assert len(stays.visited) <= MOST, "\n".join(stays.visited)

    @pytest.mark.parametrize("lines", [1, 5])
    def test_are_few_when_a_request_takes_effect(self, lines: int, reviewer: User) -> None:
        request = waiting(lines)
        approve(request_id=request.pk, by=reviewer, at=NOW)

        with counted(counts_outside_the_core) as stays:
            apply_request(request_id=request.pk, by=reviewer, at=NOW)

        assert len(stays.visited) <= MOST, "\n".join(stays.visited)


def test_lines_cost_no_queries_of_their_own(reviewer: User) -> None:
    asked = []
    for lines in (2, 20):
        request, somebody = waiting(lines), User.objects.get(pk=reviewer.pk)
        with CaptureQueriesContext(connection) as queries:
            approve(request_id=request.pk, by=somebody, at=NOW)
            apply_request(request_id=request.pk, by=somebody, at=NOW)
        asked.append(len(queries))

    assert asked[0] == asked[1]
