from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from overrides.core.engine.definitions.content_hash import content_json, line_id
from overrides.core.engine.definitions.override_spec import OverrideSpec, override_id
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from tests.overrides.core.builders import make_governed, specs

DOCUMENT: dict[str, Any] = {
    "id": "a",
    "type": "pm_strength",
    "policy": "plan",
    "module": "pm",
    "pattern_key": "uptrend.S1.buy_flag",
    "action_category": "entry",
    "scope": {"macro_phase": "Good", "bucket": "nano"},
    "stats": {
        "edge_raw": 0.82, "n": 37, "variance": 0.45, "half_life_days": 18, "updated_at": "2025-01-11T00:00:00Z",
    },
    "levers": {"capital_levers": {"size_mult": 1.1}, "execution_levers": {}},
}  # fmt: skip


def edited(path: str, value: Any) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    *parents, last = path.split(".")
    target = document
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = value
    return document


class TestFromDocument:
    def test_reads_the_plans_shape(self) -> None:
        spec = OverrideSpec.from_document(DOCUMENT)

        assert (spec.channel, spec.policy) == (Channel.PM_STRENGTH, LearningMethod.PLAN)
        assert spec.levers == {"size_mult": 1.1}
        assert spec.stats.updated_at == datetime(2025, 1, 11, tzinfo=UTC)

    def test_reads_a_document_without_type_and_policy(self) -> None:
        document = {key: value for key, value in DOCUMENT.items() if key not in ("type", "policy")}

        assert OverrideSpec.from_document(document).channel is None

    def test_names_an_override_by_its_content_where_it_has_no_name(self) -> None:
        document = {key: value for key, value in DOCUMENT.items() if key != "id"}

        assert OverrideSpec.from_document(document).id == override_id(DOCUMENT)

    @pytest.mark.parametrize(
        ("path", "value", "named"),
        [
            ("stats.edge_raw", float("nan"), "stats.edge_raw"),
            ("stats.edge_raw", float("inf"), "stats.edge_raw"),
            ("stats.edge_raw", 10**400, "stats.edge_raw"),
            ("stats.edge_raw", "0.8", "stats.edge_raw"),
            ("stats.edge_raw", None, "stats.edge_raw"),
            ("stats.n", -1, "stats.n"),
            ("stats.n", True, "stats.n"),
            ("stats.variance", -0.1, "stats.variance"),
            ("stats.half_life_days", 0, "stats.half_life_days"),
            ("stats.half_life_days", -18, "stats.half_life_days"),
            ("stats.updated_at", "2025-01-11T00:00:00", "stats.updated_at: has no time zone"),
            ("stats.updated_at", "yesterday", "stats.updated_at"),
            ("stats.updated_at", "1925-01-11T00:00:00Z", "stats.updated_at"),
            ("stats.updated_at", 1736553600, "stats.updated_at"),
            ("stats.halflife", 18, "stats.halflife"),
            ("levers.capital_levers.size_mult", 0, "levers.size_mult"),
            ("levers.capital_levers.size_mult", -1.1, "levers.size_mult"),
            ("levers.capital_levers.size_mult", float("nan"), "levers.size_mult"),
            ("levers.capital_levers.wings", 1.1, "levers.capital_levers.wings"),
            ("levers.capital_levers.trail_mult", 1.1, "levers.capital_levers.trail_mult"),
            ("levers.secret_levers", {}, "levers.secret_levers"),
            ("levers", [], "levers"),
            ("scope.bucket", 1, "scope.bucket"),
            ("scope.bucket", "", "scope.bucket"),
            ("scope.bucket", "na\0no", "scope.bucket"),
            ("scope.bucket", "\ud800", "scope.bucket"),
            ("type", "pm_magic", "type"),
            ("type", ["pm_strength"], "type"),
            ("policy", "hope", "policy"),
            ("promise", {"predicted": float("inf")}, "promise.predicted"),
            ("promise", {"luck": 1}, "promise.luck"),
            ("path", {"from": {"size_mult": 1.0}}, "path.since"),
            ("path", {"from": {"size_mult": 0}, "since": "2025-01-11T00:00:00Z"}, "path.from.size_mult"),
            ("path", {"from": {}, "since": "2025-01-11"}, "path.since"),
            ("colour", "blue", "colour"),
            ("module", 7, "module"),
        ],
    )
    def test_refuses_by_name(self, path: str, value: Any, named: str) -> None:
        with pytest.raises(ValueError, match=named):
            OverrideSpec.from_document(edited(path, value))

    @pytest.mark.parametrize("missing", ["module", "pattern_key", "action_category", "scope", "stats", "levers"])
    def test_names_what_is_missing(self, missing: str) -> None:
        document = {key: value for key, value in DOCUMENT.items() if key != missing}

        with pytest.raises(ValueError, match=f"{missing}: missing"):
            OverrideSpec.from_document(document)

    @pytest.mark.parametrize("value", [None, 3, "override", [DOCUMENT]])
    def test_refuses_what_is_no_object(self, value: Any) -> None:
        with pytest.raises(ValueError, match="override: must be an object"):
            OverrideSpec.from_document(value)


class TestToDocument:
    @given(found=specs)
    def test_reads_back_equal_through_json(self, found: list[OverrideSpec]) -> None:
        for spec in found:
            assert OverrideSpec.from_document(json.loads(json.dumps(spec.to_document()))) == spec

    def test_keeps_promise_and_path(self) -> None:
        document = edited("promise", {"predicted": 0.4, "sd": 0.1})
        document["path"] = {"from": {"size_mult": 1.02}, "since": "2025-01-12T06:30:00.000001Z"}

        found = OverrideSpec.from_document(document).to_document()

        assert (found["promise"], found["path"]) == (document["promise"], document["path"])


class TestOverrideId:
    def test_ignores_id_and_path(self) -> None:
        walked = edited("path", {"from": {}, "since": "2025-01-12T00:00:00Z"}) | {"id": "b"}

        assert override_id(walked) == override_id(DOCUMENT)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("stats.n", 37.0),
            ("stats.updated_at", "2025-01-11T02:00:00+02:00"),
            ("scope", {"bucket": "nano", "macro_phase": "Good"}),
            ("levers", {"capital_levers": {"size_mult": 1.1}}),
        ],
    )
    def test_ignores_how_the_content_is_spelt(self, path: str, value: Any) -> None:
        assert override_id(edited(path, value)) == override_id(DOCUMENT)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("stats.n", 38), ("levers.capital_levers.size_mult", 1.1000000000000003), ("scope.bucket", "mid"),
            ("policy", "evidence"), ("promise", {"predicted": 0.4}),
        ],
    )  # fmt: skip
    def test_changes_with_the_content(self, path: str, value: Any) -> None:
        assert override_id(edited(path, value)) != override_id(DOCUMENT)

    def test_is_sixty_four_hexadecimal_digits(self) -> None:
        assert len(bytes.fromhex(override_id(DOCUMENT))) == 32


class TestLine:
    def test_outlives_new_evidence_and_targets(self) -> None:
        fresh = make_governed({"size_mult": 1.2}, stats={"n": 99})

        assert (fresh.line, fresh.id) == (make_governed().line, fresh.content_id)
        assert fresh.id != make_governed().id

    def test_differs_by_policy_and_scope(self) -> None:
        lines = {
            line_id("pm", "pm_strength", policy, "a.b.c", "entry", scope)
            for policy in LearningMethod
            for scope in ({}, {"bucket": "nano"}, {"bucket": "mid"})
        }

        assert len(lines) == 6


class TestCanonicalJson:
    def test_has_one_spelling(self) -> None:
        assert content_json({"b": 1.0, "a": [1e22, "é", None]}) == '{"a":[1e+22,"\\u00e9",null],"b":1.0}'

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_refuses_what_json_cannot_say(self, value: float) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            content_json(value)
