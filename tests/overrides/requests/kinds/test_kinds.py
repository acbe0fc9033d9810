"""One module per kind of request, one registry, and nobody who compares kinds beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from overrides.core.governance.errors import GateError
from overrides.models import Mandate, RequestKind, Version
from overrides.requests.gates import read_situation
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import Kind
from overrides.requests.proposal_schema import PROPOSABLE
from tests.builders import NOW, approve_and_apply, draft, make_parameters, make_spec, publish
from tests.code_comparisons import comparisons
from tests.shared_world import Shared

CONTENTS = {
    "lines": {},
    "parameters": make_parameters().to_document(),
    "mode": {"mode": "shadow"},
    "policy": {"least_n": 5.0},
    "rollback": {"to": 1},
    "trial": make_parameters({"combiner": "most_specific"}).to_document(),
}


def those(fact: str) -> set[str]:
    return {name for name, kind in KINDS.items() if getattr(kind, fact)}


class TestRegistry:
    def test_holds_every_kind_under_its_name(self) -> None:
        assert list(KINDS) == RequestKind.values
        assert all(kind.name == name for name, kind in KINDS.items())

    def test_lets_machines_propose_what_can_be_read_strictly(self) -> None:
        assert [kind.value for kind in PROPOSABLE] == ["lines", "parameters", "mode", "rollback"]

    @pytest.mark.parametrize(
        ("fact", "kinds"),
        [
            ("is_of_lines", {"lines"}),
            ("lines_of", {"rollback"}),
            ("permission", {"parameters", "policy", "trial"}),
            ("is_typed", {"parameters", "mode", "policy", "rollback"}),
            ("is_published", {"lines", "parameters", "rollback"}),
            ("is_served", set(RequestKind.values) - {"trial"}),
            ("settles_serving", {"parameters", "mode", "rollback", "trial"}),
            ("is_measured", set(RequestKind.values) - {"policy"}),
        ],
    )
    def test_says_what_tells_the_kinds_apart(self, fact: str, kinds: set[str]) -> None:
        assert those(fact) == kinds


def test_nothing_outside_the_folder_compares_kinds_of_requests() -> None:
    found = comparisons("overrides", "learning", "config", names=("RequestKind",), attributes=("kind",))

    known = {
        # A version's kind, not a request's: a trial's, and that of a version that puts back what a trial replaced.
        "overrides/admin/origins.py: self.kind == VersionKind.RESTORED",
        "overrides/admin/origins.py: self.kind == VersionKind.TRIAL",
        "overrides/admin/versions/version_admin.py: version.kind == TRIAL",
        "overrides/serving/clients/local_decisions.py: version.kind == VersionKind.TRIAL",
        "overrides/versions/publish.py: kind is not VersionKind.RESTORED",
        # The policy's own words for what has a size; the database repeats them (`groups_for`).
        "overrides/core/governance/governance_policy.py: kind == MEASURED",
        "overrides/core/governance/policy_strength.py: kind == MEASURED",
        "overrides/core/governance/policy_strength.py: self.kind == MEASURED",
        # The kind of an own dimension.
        "overrides/core/engine/definitions/own_dimensions.py: self.kind is DimensionKind.CATEGORY",
        "overrides/core/engine/definitions/own_dimensions.py: self.kind is DimensionKind.ORDERED_CUTS",
        "overrides/admin/governance/dimension_fields.py: kind != DimensionKind.CATEGORY.value",
        # Why a call of the client failed.
        "overrides/client/client.py: failed.kind in ('timeout', 'unreachable')",
        "overrides/client/reports.py: failed.kind != 'refused'",
        # Whether a monitor watches a line or a coefficient.
        "overrides/admin/monitors/monitor_admin.py: obj.kind == Monitor.Kind.LINE",
        "overrides/admin/monitors/monitor_admin.py: row.kind == Monitor.Kind.LINE",
        # Whether a process or a client confirmed, and whether a listener shows a key or a ticket.
        "overrides/serving/confirmations.py: self.kind == ServingConfirmation.Kind.PROCESS",
        "config/stream/callers.py: kind == 'key'",
    }
    assert {each for each in found if not each.startswith("overrides/requests/kinds/")} <= known


def publish_twice() -> None:
    publish(make_spec())
    publish(make_spec({"size_mult": 1.2}))


@pytest.fixture(scope="class")
def published_twice(shared: Shared) -> Iterator[None]:
    with shared(publish_twice):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("published_twice")
class TestEveryKind:
    @pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
    def test_takes_effect_once_it_is_agreed(self, kind: Kind) -> None:
        lines = [make_spec(scope={"macro_phase": "Dip"})] if kind.is_of_lines else []

        request = approve_and_apply(draft(*lines, kind=kind.name, content=CONTENTS[kind.name]))

        assert request.state == "applied"
        assert Version.objects.filter(request=request).exists() is (kind.is_published or kind.name == "trial")
        assert Mandate.objects.filter(request=request).exists() is (kind.name in ("lines", "rollback"))

    @pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
    def test_says_what_stands_and_what_would_stand(self, kind: Kind) -> None:
        request = draft(kind=kind.name, content=CONTENTS[kind.name])
        in_force = read_situation(request, NOW).basis.in_force

        sides = kind.before_after(request, in_force, True)

        assert in_force.number == 2
        assert (sides is None) is kind.is_of_lines
        assert sides is None or (sides.before is not None and set(sides.after) <= set(sides.before))

    @pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
    def test_is_stale_where_what_it_rests_on_as_a_whole_has_changed(self, kind: Kind) -> None:
        request = draft(kind=kind.name, content=CONTENTS[kind.name])
        assert read_situation(request, NOW).basis.changed == ""

        publish(parameters=make_parameters(product_cap=2.0))

        said = {"mode": "", "policy": "", "rollback": "the version in force"}
        assert read_situation(request, NOW).basis.changed == said.get(kind.name, "the parameters")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", sorted(those("permission")))
def test_what_weighs_and_judges_the_rest_takes_a_permission(kind: str, reviewer: User, author: User) -> None:
    publish(make_spec())
    content = CONTENTS[kind]

    with pytest.raises(GateError, match=f"kind: you may not draft requests of kind {kind}"):
        draft(kind=kind, content=content, author=reviewer)

    assert draft(kind=kind, content=content, author=author).author == author
