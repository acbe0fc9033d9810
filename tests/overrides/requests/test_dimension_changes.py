"""A request about own dimensions or the universe: what its page says, and what stands in its way."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.html import strip_tags

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import ChangeRequest
from overrides.requests.dimension_effect import dimension_changes
from overrides.requests.stranded import stranded
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, draft, make_parameters, make_spec, make_trades, publish, set_mode
from tests.conftest import make_user
from tests.overrides.admin.governance.test_policy_admin import PARAMETERS, constants

pytestmark = pytest.mark.django_db

VOLUME = {"name": "volume_z", "kind": "ordered cuts", "cuts": [1, 2], "meaning": "Volume.", "learned": True}
SESSION = {"name": "session", "kind": "category", "cuts": [], "meaning": "Trading session.", "learned": True}
BEFORE = ModuleParameters.default("pm")
AFTER = make_parameters(own_dimensions=[VOLUME, SESSION])
MAJORS = make_parameters(universe={"name": "majors", "pairs": ["BTC/USDT", "ETH/USDT"]})


class TestEffect:
    def test_counts_values_as_buckets_and_the_cells_that_become_possible(self) -> None:
        for prefix, value in (("a", "0.5"), ("b", "1.5"), ("c", "high")):
            record_trades(make_trades([1.0] * 12, scope={"volume_z": value}, prefix=prefix), now=NOW)

        changes = dimension_changes(BEFORE, AFTER)

        assert changes is not None
        volume, session = changes.dimensions
        assert (volume.n, volume.n_with, volume.n_unread) == (36, 24, 12)
        assert volume.values == [("<1", 12), ("1 to 2", 12), ("2+", 0)]
        assert [(cell.value, cell.trades) for cell in volume.cells] == [("<1", 12), ("1 to 2", 12)]
        assert (session.n_with, session.n_cells, changes.n_learned) == (0, 0, 10)
        assert changes.max_scope_dims == {"pm_strength": 8, "pm_tuning": 8}

    def test_counts_labels_of_universes(self) -> None:
        for prefix, label in (("a", {}), ("b", {"universe": "majors@e0d6ffe44789"}), ("c", {"universe": "x@0"})):
            record_trades(make_trades([1.0] * 2, scope=label, prefix=prefix), now=NOW)

        changes = dimension_changes(BEFORE, MAJORS)

        assert changes is not None
        assert changes.universe is not None
        found = changes.universe
        assert (found.n, found.n_own, found.n_other, found.n_unlabelled) == (6, 2, 2, 2)
        assert found.added == ["BTC/USDT", "ETH/USDT"]

    def test_is_nothing_where_neither_changes(self) -> None:
        assert dimension_changes(AFTER, AFTER) is None


class TestStranded:
    @pytest.fixture(autouse=True)
    def standing(self) -> None:
        publish(make_spec(scope={"volume_z": "1 to 2"}), parameters=AFTER)

    def test_names_overrides_and_the_allow_list_that_would_lose_their_dimension(self) -> None:
        set_mode("on", allow={"session": ["asia"]})

        found = stranded(AFTER, BEFORE)

        assert len(found) == 2
        assert "volume_z=1 to 2" in found[0]
        assert found[1] == "the allow-list of pm"

    def test_names_those_whose_bucket_other_cuts_do_not_have(self) -> None:
        assert len(stranded(AFTER, make_parameters(own_dimensions=[VOLUME | {"cuts": [1, 3]}, SESSION]))) == 1
        assert stranded(AFTER, make_parameters(own_dimensions=[VOLUME | {"cuts": [0, 1, 2]}, SESSION])) == ()
        assert stranded(AFTER, make_parameters(own_dimensions=[VOLUME])) == ()

    def test_blocks_the_request(self, author: User, reviewer: User, django_assert_max_num_queries: Any) -> None:
        request = draft(kind="parameters", author=author, content=BEFORE.to_document())
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, f"/admin/overrides/changerequest/{request.pk}/change/")

        assert "name a dimension, or a bucket of one, that these parameters do not have" in text
        assert "<code>volume_z</code> removed" in text

    def test_is_shown_with_few_queries_where_dimensions_come_and_go(
        self, author: User, reviewer: User, django_assert_max_num_queries: Any
    ) -> None:
        other = {**SESSION, "name": "desk", "cuts": []}
        content = make_parameters(own_dimensions=[other], universe={"name": "majors", "pairs": ["BTC/USDT"]})
        request = draft(kind="parameters", author=author, content=content.to_document())
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, f"/admin/overrides/changerequest/{request.pk}/change/")

        assert "<code>desk</code> added" in text
        assert "<code>session</code> removed" in text
        said = " ".join(strip_tags(text[text.index("What changes") :]).split())
        assert (
            "own dimension desk added; own dimension volume_z removed; own dimension session removed; "
            "universe none → majors with 1 pair Estimated exposure change"
        ) in said


class TestForm:
    def test_previews_and_drafts_a_dimension_and_a_universe(self) -> None:
        proposer = make_user("proposer", "overrides.add_changerequest", "overrides.propose_parameters")
        record_trades(make_trades([1.0] * 12, scope={"volume_z": "1.5"}), now=NOW)
        typed = constants() | {
            "own_dimensions": "volume_z | ordered cuts 1, 2 | learned | Volume.",
            "universe": "majors: ETH/USDT, BTC/USDT",
            "reason": "it matters",
        }
        browser = browser_of(proposer)

        text = browser.post(PARAMETERS, typed | {"show": "yes"}).content.decode()
        browser.post(PARAMETERS, typed | {"draft": "yes"})

        request = ChangeRequest.objects.get()
        assert "<code>volume_z</code> added" in text
        assert request.content["own_dimensions"] == [VOLUME | {"cuts": [1.0, 2.0]}]
        assert request.content["universe"]["pairs"] == ["BTC/USDT", "ETH/USDT"]
        assert request.title == "Parameters of pm: own dimension volume_z added; universe none → majors@e0d6ffe44789"

    def test_shows_a_fault_at_its_field(self) -> None:
        proposer = make_user("proposer", "overrides.add_changerequest", "overrides.propose_parameters")

        text = (
            browser_of(proposer)
            .post(
                PARAMETERS,
                constants() | {"own_dimensions": "bucket | category | learned | x", "reason": "x", "show": "yes"},
            )
            .content.decode()
        )

        assert "bucket is known to pm already" in text
