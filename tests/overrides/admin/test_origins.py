"""Where an override came from: version, request, who approved it, or whose mandate covered it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.admin.origins import as_of, origin_of_coefficients, origins_of, origins_on
from overrides.models import Mandate, Version
from overrides.requests.auto_publish import publish_within_mandates
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, NOW, approve_and_apply, make_spec, make_trades, publish
from tests.overrides.requests.test_trial import PLAN, TRIED, trial

pytestmark = pytest.mark.django_db

FEW = {"n": 40, "edge_raw": 0.8, "variance": 0.5}
FIRST, SECOND = make_spec({"size_mult": 1.1}, stats=FEW), make_spec({"size_mult": 1.05}, stats=FEW)


class TestOrigins:
    def test_name_who_approved_the_request(self) -> None:
        version = publish(FIRST)

        (origin,) = origins_of([FIRST.content_id])[FIRST.content_id]

        assert (origin.version, origin.request_id, origin.approvers) == ("pm 1", version.request_id, ("somebody",))
        assert not origin.by_mandate
        assert origin.is_in_force

    def test_name_the_mandate_and_who_signed_it_where_the_builder_published(self) -> None:
        record_trades(make_trades([1.0] * 100), now=NOW)
        publish(FIRST)
        changed = publish_within_mandates(module="pm", proposed={FIRST.line: SECOND}, source="lesson", at=NOW + DAY)
        assert changed is not None

        (origin,) = origins_of([SECOND.content_id])[SECOND.content_id]

        mandate = Mandate.objects.get()
        assert origin.by_mandate
        assert (origin.mandate_id, origin.mandate_request, origin.approvers) == (
            mandate.pk, mandate.request_id, ("somebody",),
        )  # fmt: skip
        assert [each.number for each in origins_on(FIRST.line)] == [2, 1]

    def test_of_what_mandates_published_take_few_queries_on_its_page(
        self, reviewer: User, django_assert_max_num_queries: Any
    ) -> None:
        record_trades(make_trades([1.0] * 100), now=NOW)
        publish(FIRST)
        changed = publish_within_mandates(module="pm", proposed={FIRST.line: SECOND}, source="lesson", at=NOW + DAY)
        assert changed is not None
        browser, address = browser_of(reviewer), f"/admin/overrides/changerequest/{changed.pk}/change/"
        page(browser, address)  # a process looks up content types once

        with django_assert_max_num_queries(MOST_QUERIES):
            page(browser, address)

    def test_are_as_of_the_version_that_answered(self) -> None:
        for spec in (FIRST, SECOND, FIRST):
            publish(spec)

        found = origins_of([FIRST.content_id])[FIRST.content_id]

        assert [each.number for each in found] == [1, 3]
        assert [getattr(as_of(found, version), "number", None) for version in (0, 1, 2, 3)] == [None, 1, 1, 3]


class TestTrials:
    @pytest.fixture(autouse=True)
    def tried(self) -> None:
        publish(PLAN)
        approve_and_apply(trial(), at=NOW)

    def test_do_not_count_as_what_brought_what_they_put_back(self) -> None:
        found = origins_of([PLAN.content_id, TRIED.content_id])

        origin = as_of(found[PLAN.content_id], 3)
        assert origin is not None
        assert (origin.number, origin.kind) == (1, "lines")
        assert [each.is_trial for each in found[TRIED.content_id]] == [True]

    def test_are_judged_by_their_own_combiner(self, author: User) -> None:
        text = page(browser_of(author), f"/admin/overrides/override/{TRIED.content_id}/change/")

        assert "In trial version" in text
        assert "Its channel combines by evidence" in text
        assert "it never acts" not in text

    def test_put_back_what_nobody_had_to_approve_again(self, author: User) -> None:
        restored = Version.objects.get(kind="restored")

        assert "it puts back what was in force before a trial" in page(
            browser_of(author), f"/admin/overrides/version/{restored.pk}/change/"
        )


def test_coefficients_came_with_the_last_version_that_brought_some() -> None:
    dm = make_spec({"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation")
    publish(dm, module="dm")

    assert origin_of_coefficients("dm", 1) is None


def test_the_page_says_when_half_of_the_weight_is_left(author: User) -> None:
    publish(make_spec(stats={"half_life_days": 100.0}))

    text = page(
        browser_of(author), f"/admin/overrides/override/{make_spec(stats={'half_life_days': 100.0}).content_id}/change/"
    )

    assert 'Half of the weight is left after</dt><dd><span class="cw-num">69.3' in text
    assert 'Half-life of its edge</dt><dd><span class="cw-num">100.0' in text


def test_the_page_of_a_line_names_what_came_into_force_and_its_mandate(author: User) -> None:
    publish(FIRST)
    publish(SECOND)

    text = page(browser_of(author), f"/admin/overrides/line/{FIRST.line}/change/")

    assert "What came into force on it, and who approved it" in text
    assert text.count("somebody") >= 3  # of both versions, and of the mandate
    assert f"Mandate {Mandate.objects.get(revoked_at=None).pk}</a>" in text
