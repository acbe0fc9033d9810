"""What the builder publishes without a person: inside mandates, below the cap, and never against a hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection

from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.models import ChangeRequest, Mandate, Version
from overrides.requests.auto_publish import publish_within_mandates
from overrides.requests.emergency import lift_quarantine, pin_line, quarantine_builder
from overrides.versions.load_version import load_specs
from telemetry.audit.audit_log import verify_audit
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    NOW,
    approve_and_apply,
    draft,
    make_parameters,
    make_spec,
    make_trades,
    publish,
    without_triggers,
)
from tests.shared_world import Shared

DIP = {"macro_phase": "Dip"}
HOUR = timedelta(hours=1)
LINE, OTHER = make_spec().line, make_spec(scope=DIP).line


@pytest.fixture(scope="module", autouse=True)
def trades(shared: Shared) -> Iterator[None]:
    """The module has the trades that the evidence of its overrides claims."""
    with shared(lambda: record_trades(make_trades([1.0] * 100), now=NOW)):
        yield


def size(of: float, scope: dict[str, str] | None = None, **stats: Any) -> OverrideSpec:
    over = {} if scope is None else {"scope": scope}
    return make_spec({"size_mult": of}, stats={"n": 40, "edge_raw": 0.8, "variance": 0.5} | stats, **over)


def delegate(
    *specs: OverrideSpec, withdraw: tuple[str, ...] = (), proven: tuple[str, ...] = (), at: Any = NOW + HOUR
) -> ChangeRequest | None:
    proposed: dict[str, OverrideSpec | None] = {spec.line: spec for spec in specs} | dict.fromkeys(withdraw)
    return publish_within_mandates(module="pm", proposed=proposed, source="lesson", proven=proven, at=at)


def served() -> dict[str, float]:
    version = Version.objects.get(is_active=True)
    return {spec.line: spec.levers["size_mult"] for spec in load_specs("pm", version.number)}


@pytest.mark.django_db
class TestPublishWithinMandates:
    def test_moves_towards_neutral_as_the_builder_under_the_mandate(self) -> None:
        publish(size(1.2))
        mandate = Mandate.objects.get()

        request = delegate(size(1.1))

        assert request is not None
        version = Version.objects.get(is_active=True)
        assert (request.state, request.route, request.author) == ("applied", "mandate", None)
        assert (version.published_by, version.request) == (f"builder under mandate {mandate.pk}", request)
        assert served() == {LINE: 1.1}
        assert verify_audit() == []

    def test_brings_fresh_statistics_and_withdraws(self) -> None:
        publish(size(1.2), size(1.1, DIP))

        delegate(size(1.2, n=60), withdraw=(OTHER,))

        (spec,) = load_specs("pm", 2)
        assert (spec.stats.n, spec.levers["size_mult"]) == (60, 1.2)

    @pytest.mark.parametrize(
        "wanted",
        [size(1.21), size(0.9, edge_raw=-0.8), size(1.1, n=19), size(1.1, edge_raw=0.3)],
        ids=["farther", "over neutral", "too few trades", "too little edge"],
    )
    def test_leaves_what_exceeds_the_mandate_to_a_person(self, wanted: OverrideSpec) -> None:
        publish(size(1.2))

        assert delegate(wanted) is None
        assert served() == {LINE: 1.2}

    def test_leaves_evidence_of_more_trades_than_there_are_to_a_person(self) -> None:
        publish(size(1.2), size(1.1, DIP))

        request = delegate(size(1.15, n=101), size(1.05, DIP, n=100))

        assert request is not None
        assert served() == {LINE: 1.2, OTHER: 1.05}

    def test_never_brings_a_new_line(self) -> None:
        publish(size(1.2))

        assert delegate(size(1.1, DIP)) is None

    def test_stops_when_the_mandate_was_to_be_reviewed(self) -> None:
        publish(size(1.2))

        assert delegate(size(1.1), at=NOW + timedelta(days=90)) is None
        assert delegate(withdraw=(LINE,), at=NOW + timedelta(days=90)) is None

    def test_publishes_nothing_where_nothing_changed(self) -> None:
        publish(size(1.2))

        assert delegate(size(1.2)) is None
        assert Version.objects.count() == 1

    def test_moves_no_line_that_an_open_request_would_move(self) -> None:
        """The request's votes would become void; new statistics behind the same targets void none."""
        publish(size(1.2))
        request = draft(size(1.25))

        assert delegate(size(1.1)) is None
        assert delegate(size(1.2, n=50)) is not None

        approve_and_apply(request, at=NOW + 2 * HOUR)
        assert served() == {LINE: 1.25}

    def test_moves_only_what_is_proven_farther_where_the_parameters_ask_for_it(self) -> None:
        stats = {"edge_raw": 0.8, "variance": 0.5}
        near, renewed, far = (
            make_spec({"size_mult": of}, policy="evidence", stats=stats | {"n": n})
            for of, n in ((1.01, 60), (1.01, 61), (1.02, 60))
        )
        asking = replace(EvidenceParameters(), publish_proven_only=True).to_document()
        publish(far, parameters=make_parameters({"policy": "evidence", "combiner": "evidence"}, evidence=asking))

        assert delegate(near) is not None
        assert delegate(far) is None
        assert delegate(far, proven=(OTHER,)) is None
        assert delegate(renewed) is not None
        assert delegate(far, proven=(far.line,)) is not None

    def test_respects_a_pin(self, reviewer: User) -> None:
        publish(size(1.2))
        pin_line(line_id=LINE, by=reviewer, reason="mine", at=NOW, expires_at=NOW + timedelta(days=2))

        assert delegate(size(1.1)) is None
        assert delegate(size(1.1), at=NOW + timedelta(days=3)) is not None

    def test_rests_in_quarantine(self, operator: User, reviewer: User) -> None:
        publish(size(1.2))
        quarantine_builder(module="pm", by=operator, reason="odd targets", at=NOW)

        assert delegate(size(1.1)) is None

        lift_quarantine(module="pm", by=reviewer, reason="explained", at=NOW)
        assert delegate(size(1.1)) is not None

    def test_stops_at_the_daily_cap_and_goes_on_the_day_after(self) -> None:
        publish(size(1.2), size(1.2, DIP))
        approve_and_apply(draft(kind="policy", content=GovernancePolicy(daily_cap=5).to_document()))

        request = delegate(size(1.1), size(1.1, DIP))

        assert request is not None
        assert request.lines.count() == 1
        assert request.movement == pytest.approx(4.394, abs=1e-3)
        assert sorted(served().values()) == [1.1, 1.2]
        assert delegate(size(1.1), size(1.1, DIP), at=NOW + 5 * HOUR) is None
        assert delegate(size(1.1), size(1.1, DIP), at=NOW + 26 * HOUR) is not None
        assert sorted(served().values()) == [1.1, 1.1]

    def test_a_new_approval_signs_a_new_mandate(self) -> None:
        publish(size(1.2))
        publish(size(1.1))

        assert [mandate.revoked_at for mandate in Mandate.objects.order_by("id")] == [NOW, None]
        assert Mandate.objects.get(revoked_at=None).reach == {"size_mult": [1.0, 1.1]}
        assert delegate(size(1.2)) is None


@pytest.mark.django_db
class TestLoweringExposure:
    """If the module's policy allows it, changes that lower exposure apply without a person; nothing else does."""

    CUT, RISE = size(0.9, DIP, edge_raw=-0.8), size(1.1, DIP)

    def test_needs_no_mandate_where_the_policy_allows_it(self) -> None:
        publish(size(1.2))
        assert delegate(self.CUT) is None

        approve_and_apply(draft(kind="policy", content={"lowering_applies": True}))

        assert delegate(self.RISE) is None
        request = delegate(self.CUT)
        assert request is not None
        assert request.author_name == "builder, lowering exposure"
        assert served() == {LINE: 1.2, OTHER: 0.9}

    def test_does_not_take_a_cut_back(self) -> None:
        approve_and_apply(draft(kind="policy", content={"lowering_applies": True}))
        publish(size(0.8, edge_raw=-0.8))
        with without_triggers():
            Mandate.objects.update(revoked_at=NOW)

        assert delegate(withdraw=(LINE,)) is None
        assert delegate(size(0.9, edge_raw=-0.8)) is None


@pytest.mark.django_db
class TestTheDatabase:
    """Writes that bypass the verbs meet the same limits in the database."""

    def check(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @pytest.mark.parametrize(
        "change",
        [
            {"reach": {"size_mult": [1.0, 1.05]}},
            {"reach": {"entry_aggression_mult": [1.0, 1.2]}},
            {"review_by": NOW},
            {"evidence_floor": {"least_n": 41, "least_edge": 0.4}},
            {"revoked_at": NOW},
        ],
        ids=["beyond reach", "another lever", "overdue", "evidence", "revoked"],
    )
    def test_refuses_what_no_mandate_covers(self, change: dict[str, Any]) -> None:
        publish(size(1.2, DIP))
        assert delegate(size(1.1, DIP)) is not None
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            Mandate.objects.filter(line_id=OTHER, revoked_at=None).update(**change)
            cursor.execute("SET session_replication_role = origin")

        with pytest.raises(IntegrityError, match=f"no mandate covers line {OTHER}"):
            self.check()
