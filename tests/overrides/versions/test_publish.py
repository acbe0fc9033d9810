"""Publishing: one active version per module, memberships that define every version's content, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.errors import GateError, PublishError, VersionAltered
from overrides.models import Line, Membership, Override, ParameterSet, Version
from overrides.serving.engine import load_engine
from overrides.versions.load_version import load_specs
from overrides.versions.publish import store_override
from telemetry.audit.audit_log import verify_audit
from telemetry.models import AuditEntry
from tests.builders import (
    NOW,
    approve_and_apply,
    attempt,
    draft,
    make_parameters,
    make_spec,
    publish,
    run_concurrently,
    wait_until,
    waits_for_lock,
    without_triggers,
)
from tests.people import somebody

EVIDENCE = {"policy": "evidence", "combiner": "evidence"}
GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}


def content(number: int, module: str = "pm") -> dict[str, float]:
    """Return what a version holds: scope -> size."""
    return {spec.scope["macro_phase"]: spec.levers["size_mult"] for spec in load_specs(module, number)}


def spec(size: float, scope: dict[str, str] = GOOD) -> OverrideSpec:
    return make_spec({"size_mult": size}, scope=scope)


@pytest.mark.django_db
class TestPublishVersion:
    def test_makes_exactly_one_version_active(self) -> None:
        for size in (1.1, 1.2, 1.3):
            publish(spec(size))
        publish(make_spec({"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation"), module="dm")

        active = Version.objects.filter(is_active=True).order_by("module").values_list("module", "number")
        assert list(active) == [("dm", 1), ("pm", 3)]
        assert Version.objects.filter(module="pm").count() == 3

    def test_keeps_what_every_version_held(self) -> None:
        publish(spec(1.1), spec(0.9, DIP))
        publish(spec(1.2))
        publish(withdraw=[spec(0.9, DIP).line])

        assert [content(number) for number in (1, 2, 3)] == [
            {"Good": 1.1, "Dip": 0.9},
            {"Good": 1.2, "Dip": 0.9},
            {"Good": 1.2},
        ]
        rows = Membership.objects.order_by("from_version", "to_version").values_list("from_version", "to_version")
        assert list(rows) == [(1, 2), (1, 3), (2, None)]
        assert list(Version.objects.order_by("number").values_list("n_overrides", flat=True)) == [2, 2, 1]

    def test_stores_equal_overrides_once(self) -> None:
        first = store_override(spec(1.1), source="lesson", at=NOW)
        again = store_override(spec(1.1), source="person", at=NOW + timedelta(days=1))

        assert (first, again.source, Override.objects.count(), Line.objects.count()) == (again, "lesson", 1, 1)
        store_override(spec(1.2), source="lesson", at=NOW)
        assert (Override.objects.count(), Line.objects.count()) == (2, 1)

    def test_hashes_the_content_whatever_its_number(self) -> None:
        first = publish(spec(1.1), spec(0.9, DIP))
        second = publish(spec(1.2))
        third = publish(spec(1.1))

        assert first.content_hash == third.content_hash != second.content_hash
        assert len(first.content_hash) == 64
        assert publish(parameters=make_parameters(protected_motifs=[])).content_hash != third.content_hash

    def test_renders_the_plans_shape(self) -> None:
        version = publish(spec(1.1))

        document = Version.objects.get(pk=version.pk).config_data
        assert document is not None
        (override,) = document["pattern_strength_overrides"]
        assert override["levers"]["capital_levers"] == {"size_mult": 1.1}
        assert document["override_stats"] == {spec(1.1).line: spec(1.1).stats.to_document()}
        assert document["pattern_overrides"] == []

    def test_writes_one_audit_entry_with_before_and_after(self) -> None:
        publish(spec(1.1))
        publish(spec(1.2))

        entry = AuditEntry.objects.get(object="version pm/2")
        assert (entry.actor, entry.action) == ("somebody", "publish")
        assert f'"content_hash":"{Version.objects.get(number=1).content_hash}"' in entry.content
        assert f'["{spec(1.2).line}","{spec(1.2).id}"]' in entry.content
        assert verify_audit() == []

    def test_carries_parameters_on_until_new_ones_come(self) -> None:
        publish(spec(1.1))
        parameters = make_parameters(protected_motifs=["stop"])
        changed = publish(parameters=parameters)

        assert publish(spec(1.2)).parameters == changed.parameters
        assert load_engine("pm").parameters == parameters
        assert ParameterSet.objects.count() == 2

    def test_starts_ramps_of_evidence_from_the_values_in_force(self) -> None:
        """One day up from 1.0 is at most 2 %: the next revision ramps from 1.02, the first from neutral."""
        parameters = make_parameters(EVIDENCE)
        publish(make_spec({"size_mult": 1.2}, policy="evidence"), parameters=parameters)

        publish(make_spec({"size_mult": 1.1}, policy="evidence"), at=NOW + timedelta(days=1))

        first, second = Membership.objects.order_by("from_version")
        assert (first.path_from, first.path_since) == ({"size_mult": 1.0}, NOW)
        assert second.path_from == {"size_mult": pytest.approx(1.02, abs=1e-12)}
        assert second.path_since == NOW + timedelta(days=1)

    def test_gives_plan_overrides_no_path(self) -> None:
        publish(spec(1.1))

        assert Membership.objects.get().path_since is None


@pytest.mark.django_db
class TestMisfits:
    @pytest.fixture(autouse=True)
    def nothing_remains(self, db: None) -> Iterator[None]:
        yield
        assert (Version.objects.count(), Membership.objects.count()) == (0, 0)

    @pytest.mark.parametrize(
        ("over", "fault"),
        [
            ({"levers": {"size_mult": 1.4}}, "levers.size_mult: 1.4 is outside 0.7 to 1.3"),
            ({"levers": {"exit_aggression_mult": 1.1}}, "levers.exit_aggression_mult: has no effect on entry"),
            ({"levers": {}}, "levers: empty"),
            ({"action_category": "allocation"}, "action_category: allocation is no category of module pm"),
            ({"type": "dm_alloc", "levers": {"alloc_mult": 1.1}}, "type: dm_alloc belongs to module dm, not pm"),
            ({"pattern_key": "a.b"}, "pattern_key: must be family.state.motif"),
        ],
    )
    def test_are_not_even_stored(self, over: dict[str, Any], fault: str) -> None:
        with pytest.raises(PublishError, match=fault):
            store_override(make_spec(**over), source="person", at=NOW)

        assert Override.objects.count() == 0

    def test_of_a_policy_the_channel_does_not_use_are_refused(self) -> None:
        with pytest.raises(GateError, match="policy: its channel does not use evidence"):
            publish(make_spec(policy="evidence"))

    def test_of_another_module_are_refused(self) -> None:
        dm = make_spec({"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation")

        with pytest.raises(IntegrityError, match=f"line {dm.line} is of another module"), transaction.atomic():
            publish(dm, module="pm")

    def test_with_a_dimension_nobody_knows_are_refused(self) -> None:
        with pytest.raises(GateError, match=r"scope\.weather: not a dimension of pm"):
            publish(make_spec(scope={"weather": "rain"}))


@pytest.mark.django_db
class TestRewrittenOverride:
    """The row of one override of version 1 was rewritten past the database's rules."""

    @pytest.fixture(autouse=True)
    def rewritten(self) -> OverrideSpec:
        rewritten = make_spec(pattern_key="ema.long.cross")
        publish(make_spec(), rewritten)
        with without_triggers():
            Override.objects.filter(pk=rewritten.content_id).update(n=7.0)
        return rewritten

    @pytest.mark.parametrize("elsewhere", [{}, {"pattern_key": "ema.long.cross", "scope": {"bucket": "big"}}])
    def test_is_in_no_further_version(self, rewritten: OverrideSpec, elsewhere: dict[str, Any]) -> None:
        with pytest.raises(VersionAltered, match=f"override {rewritten.content_id}: of pm version 2"):
            publish(make_spec({"size_mult": 1.2}, **elsewhere))

    def test_can_be_taken_out_of_force(self, rewritten: OverrideSpec) -> None:
        assert publish(withdraw=[rewritten.line]).n_overrides == 1


@pytest.mark.django_db
class TestWhatIsCompiled:
    """One override of version 1 does not compile, as of other code or of a row that was written past all checks."""

    @pytest.fixture(autouse=True, params=[5000, 0], ids=["as a document", "as columns"])
    def broken(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> OverrideSpec:
        monkeypatch.setattr("overrides.versions.publish.STORED_UP_TO", request.param)
        good = make_spec(pattern_key="ema.long.cross")
        broken = make_spec({"size_mult": 9.0}, pattern_key="ema.long.cross")
        publish(make_spec(), good)
        with without_triggers():
            Override.objects.filter(pk=good.content_id).update(id=broken.content_id, levers=broken.levers)
            Membership.objects.filter(override_id=good.content_id).update(override_id=broken.content_id)
        return broken

    def test_is_not_what_lies_elsewhere(self) -> None:
        assert publish(make_spec({"size_mult": 1.2})).n_overrides == 2

    def test_is_all_that_lies_beside_a_change(self, broken: OverrideSpec) -> None:
        with pytest.raises(PublishError, match=broken.content_id):
            publish(make_spec(pattern_key="ema.long.cross", scope={"bucket": "big"}))

    def test_is_everything_where_parameters_change(self, broken: OverrideSpec) -> None:
        with pytest.raises(PublishError, match=broken.content_id):
            publish(parameters=make_parameters({"weights": {"n_target": 31}}))

    def test_is_not_what_lies_elsewhere_however_much_changes(self) -> None:
        changed = [make_spec(pattern_key=f"ema.long.m{number}") for number in range(60)]

        assert publish(*changed).n_overrides == 62


@pytest.mark.django_db
class TestAnotherPolicy:
    def test_is_refused_while_lines_of_the_old_one_are_in_force(self) -> None:
        publish(spec(1.1))

        with pytest.raises(PublishError, match=r"1 overrides in force are of another policy.*withdraw their lines"):
            publish(parameters=make_parameters(EVIDENCE))

        assert Version.objects.count() == 1

    def test_comes_with_its_lines_in_one_version(self) -> None:
        publish(spec(1.1))

        publish(
            make_spec({"size_mult": 1.2}, policy="evidence"),
            withdraw=[spec(1.1).line],
            parameters=make_parameters(EVIDENCE),
        )

        assert [each.policy for each in load_specs("pm", 2)] == ["evidence"]


def roll_back(to: int, module: str = "pm") -> Version:
    return Version.objects.get(request=approve_and_apply(draft(module=module, kind="rollback", content={"to": to})))


@pytest.mark.django_db
class TestRollBack:
    def test_publishes_the_older_content_as_a_new_version(self) -> None:
        first = publish(spec(1.1), spec(0.9, DIP))
        publish(spec(1.2), withdraw=[spec(0.9, DIP).line], parameters=make_parameters(protected_motifs=[]))
        publish(make_spec({"size_mult": 1.05}, scope={"macro_phase": "Recover"}))

        version = roll_back(1)

        assert (version.number, version.kind, version.is_active) == (4, "rollback", True)
        assert content(4) == content(1) == {"Good": 1.1, "Dip": 0.9}
        assert (version.content_hash, version.parameters) == (first.content_hash, first.parameters)
        assert content(3) == {"Good": 1.2, "Recover": 1.05}

    def test_brings_the_coefficients_of_then_back(self) -> None:
        for weight in (1.2, 0.8):
            approve_and_apply(draft(module="dm", content={"coefficients": {"curator=a": weight}}))

        assert roll_back(1, "dm").coefficients == {"curator=a": 1.2}

    def test_to_what_is_in_force_changes_no_line(self) -> None:
        publish(spec(1.1))

        version = roll_back(1)

        assert content(version.number) == {"Good": 1.1}
        assert Membership.objects.count() == 1

    def test_is_refused_once_something_else_was_published(self) -> None:
        """A line published meanwhile is not part of the older content, and nobody has approved its removal."""
        publish(spec(1.1))
        publish(spec(1.2))
        request = draft(kind="rollback", content={"to": 1})
        publish(spec(0.9, DIP))

        with pytest.raises(GateError, match="stale: the version in force changed since this was drafted"):
            approve_and_apply(request)


@pytest.mark.django_db(transaction=True)
class TestConcurrentPublishers:
    def test_queue_and_lose_nothing(self) -> None:
        scopes = [{"macro_phase": phase} for phase in ("Good", "Dip", "Recover", "Euphoria")]

        versions = run_concurrently(*[lambda scope=scope: publish(spec(1.1, scope)) for scope in scopes])

        assert sorted(version.number for version in versions) == [1, 2, 3, 4]
        assert Version.objects.get(is_active=True).number == 4
        assert set(content(4)) == {"Good", "Dip", "Recover", "Euphoria"}
        assert verify_audit() == []

    def test_of_one_line_leave_one_of_them_in_force(self) -> None:
        """All were drafted for a line that had no override; the first is applied, and the others are stale."""
        requests = [draft(spec(size)) for size in (1.1, 1.2, 1.3)]
        somebody()  # approves in each thread

        results = run_concurrently(*[lambda request=request: approve_and_apply(request) for request in requests])

        refused = [str(each) for each in results if isinstance(each, GateError)]
        assert len(refused) == 2
        assert all("stale: " in each for each in refused)
        assert (Version.objects.count(), Membership.objects.count()) == (1, 1)

    def test_are_seen_by_a_rollback_that_waited_for_them(self) -> None:
        publish(spec(1.1))
        publish(spec(1.2))
        request = draft(kind="rollback", content={"to": 1})
        results: list[object] = []
        rollback = threading.Thread(target=lambda: results.append(attempt(lambda: approve_and_apply(request))))

        with transaction.atomic():
            publish(spec(0.9, DIP))
            rollback.start()
            wait_until(waits_for_lock, "the rollback to wait")
        rollback.join()

        assert "stale: the version in force changed" in str(results[0])
        assert content(3) == {"Good": 1.2, "Dip": 0.9}

    def test_notifies_listening_processes_after_the_commit(self) -> None:
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as listener:
            listener.execute("LISTEN counterweight_versions")
            publish(spec(1.1))

            assert [each.channel for each in listener.notifies(timeout=10, stop_after=1)] == ["counterweight_versions"]
