"""A request of parameters names the dimensions that it means, and one signed before it did is stored as signed."""

from __future__ import annotations

import pytest

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.formats import FIRST
from overrides.models import ParameterSet
from overrides.requests.gates import hash_of
from overrides.versions.load_version import current_parameters
from tests.builders import approve_and_apply, draft, make_parameters, without_triggers

pytestmark = pytest.mark.django_db

UNSAID = make_parameters(lessons={"dimensions": None}, protected_motifs=["halt"]).to_document()


class TestDimensions:
    def test_are_written_out_when_a_request_is_drafted(self) -> None:
        request = draft(kind="parameters", content=UNSAID)

        assert UNSAID["lessons"]["dimensions"] is None
        assert request.content["lessons"]["dimensions"] == list(FIRST.learned["pm"])

    def test_of_a_request_that_was_signed_before_are_stored_as_signed(self) -> None:
        request = draft(kind="parameters", content=UNSAID)
        request.content = UNSAID
        request.content_hash = hash_of(request, [])
        with without_triggers():
            request.save()

        approve_and_apply(request)

        row = ParameterSet.objects.get()
        assert (row.document, row.pk) == (UNSAID, content_hash(["pm", UNSAID]))
        assert current_parameters("pm").lessons.dimensions == FIRST.learned["pm"]
