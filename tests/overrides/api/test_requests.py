from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from config.access.api.authentication import KEY_RING
from config.access.keys import issue_key
from config.access.models import ApiKey
from config.api.schema import schema_document
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest, ModuleMode, Override, Version, WhatIf
from overrides.requests.impact.effects import request_effects
from overrides.requests.impact.what_if import run_what_if
from overrides.requests.review import approve, reject
from tests.api_clients import PROBLEM, RecordingQueue, bearer, client_of, fields_of, pages
from tests.builders import NOW, draft, make_spec, publish, trade_payload
from tests.conftest import make_user
from tests.overrides.requests.impact.test_what_if import ask
from tests.people import as_committed, keeper, make_person, settled

pytestmark = pytest.mark.django_db

URL = "/api/v1/requests/"
LINE = "0" * 64


@pytest.fixture
def api() -> APIClient:
    return client_of("propose")


def proposal(kind: str = "lines", content: Mapping[str, Any] | None = None, **over: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"module": "pm", "kind": kind, "title": "a change", "reason": "because"}
    what = {"lines": [{"override": make_spec().to_document()}]} if content is None else {"content": content}
    return body | what | over


def propose(api: APIClient, body: Any) -> Any:
    return api.post(URL, body, format="json")


class TestOwner:
    """The owner is the author of what a key drafts; without an active owner who may draft, a key cannot draft."""

    @pytest.fixture
    def owner(self) -> User:
        return make_person("ada", "overrides.add_changerequest", "overrides.review_changerequest")

    def key_of(self, owner: User, role: str = "propose") -> tuple[ApiKey, APIClient]:
        KEY_RING.forget()
        row, key = issue_key(name="bot", role=role, owner=owner, by=None, at=datetime.now(UTC))
        return row, bearer(key)

    def test_cannot_approve_what_the_key_drafts(self, owner: User) -> None:
        body = propose(self.key_of(owner)[1], proposal()).json()

        with pytest.raises(GateError, match="you drafted this request"):
            approve(request_id=body["id"], by=owner, at=datetime.now(UTC))

        other = make_user("reviewer", "overrides.review_changerequest")
        assert approve(request_id=body["id"], by=other, at=datetime.now(UTC)).state == "approved"

    def test_may_have_the_longest_name(self) -> None:
        owner = make_person("a" * 150, is_superuser=True)

        assert propose(self.key_of(owner)[1], proposal()).json()["author_name"].startswith("key ")

    @pytest.mark.parametrize(
        ("state", "kind", "message"),
        [
            ("none", "lines", "this key has no owner"),
            ("deactivated", "lines", "the owner of this key, ada, is deactivated"),
            ("without the right", "lines", "the owner of this key, ada, may not draft requests of kind lines"),
            ("as before", "parameters", "the owner of this key, ada, may not draft requests of kind parameters"),
        ],
    )
    def test_must_be_able_to_draft(self, owner: User, state: str, kind: str, message: str) -> None:
        row, client = self.key_of(owner)
        as_committed()
        with settled():
            if state == "none":
                ApiKey.objects.filter(pk=row.pk).update(owner=None)
            elif state == "deactivated":
                User.objects.filter(pk=owner.pk).update(is_active=False)
            elif state == "without the right":
                owner.user_permissions.clear()
        content = ModuleParameters.default("pm").to_document() if kind == "parameters" else None

        answer = propose(client, proposal(kind, content))

        assert (answer.status_code, answer["Content-Type"]) == (403, PROBLEM)
        assert message in answer.json()["detail"]
        assert "ask an administrator to assign an owner who may draft it" in answer.json()["detail"]
        assert not ChangeRequest.objects.exists()

    @pytest.mark.parametrize("is_left", [True, False])
    def test_is_not_needed_to_resolve_and_to_record(self, monkeypatch: pytest.MonkeyPatch, is_left: bool) -> None:
        """A bot continues after its owner has left."""
        monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", RecordingQueue())
        owner = make_person("gone", is_superuser=True)
        row, client = self.key_of(owner, role="record")
        as_committed()
        with settled():
            User.objects.filter(pk=owner.pk).update(is_active=False)
            ApiKey.objects.filter(pk=row.pk).update(owner=owner if is_left else None)

        question = {"module": "pm", "pattern_key": "a.b.c", "action_category": "entry", "scope": {}}
        assert client.post("/api/v1/levers/resolve/", question, format="json").status_code == 200
        assert client.post("/api/v1/trades/", [trade_payload()], format="json").status_code < 300


class TestDraft:
    def test_of_lines_brings_changes_and_withdraws(self, api: APIClient) -> None:
        stays, goes = make_spec({"size_mult": 1.1}), make_spec(pattern_key="rsi.long.dip")
        publish(stays, goes)
        moved, added = make_spec({"size_mult": 1.2}), make_spec(action_category="add")
        lines = [{"override": moved.to_document()}, {"override": added.to_document()}, {"withdraw": goes.line}]

        response = propose(api, proposal(lines=lines))

        body = response.json()
        assert (response.status_code, body["state"], body["n_lines"], body["votes"]) == (201, "in_review", 3, [])
        assert (body["title"], body["reason"], body["base_version"]) == ("a change", "because", 1)
        assert re.fullmatch("key [0-9a-f]{8} of keeper", body["author_name"])
        assert ChangeRequest.objects.get(pk=body["id"]).author == keeper()
        changes = {line["line"]: (line["action"], line["before"], line["after"]) for line in body["lines"]}
        assert changes == {
            moved.line: ("change", stays.to_document(), moved.to_document()),
            added.line: ("add", None, added.to_document()),
            goes.line: ("withdraw", goes.to_document(), None),
        }

    def test_of_parameters_holds_them_whole(self, api: APIClient) -> None:
        document = ModuleParameters.default("pm").to_document()
        document["channels"]["pm_strength"]["weights"]["max_steps"] = {"size_mult": 0.01}

        body = propose(api, proposal("parameters", document)).json()

        assert (body["kind"], body["content"], body["n_lines"]) == ("parameters", document, 0)

    def test_of_a_mode_holds_what_it_sets(self, api: APIClient) -> None:
        body = propose(api, proposal("mode", {"mode": "on", "rollout_percent": 50})).json()

        assert body["kind"] == "mode"
        assert {name: body["content"][name] for name in ("mode", "rollout_percent")} == {
            "mode": "on",
            "rollout_percent": 50,
        }

    def test_of_a_rollback_names_the_version(self, api: APIClient) -> None:
        publish(make_spec())
        publish(make_spec({"size_mult": 1.2}))

        body = propose(api, proposal("rollback", {"to": 1})).json()

        assert (body["content"], body["base_version"]) == ({"to": 1}, 2)


class TestRefusal:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (proposal(reason=""), "reason"),
            (proposal(kind="policy"), "kind"),
            (proposal(lines=[]), "lines"),
            (proposal(lines=None), "lines"),
            (proposal(content={"to": 1}, lines=[{"withdraw": LINE}]), "content"),
            (proposal(lines=[{"withdraw": LINE}]), "lines"),
            (proposal(lines=[{}]), "lines[0]"),
            (proposal(lines=[{"override": make_spec({"size_mult": 1.31}).to_document()}]),
             "lines[0].override.levers.capital_levers.size_mult"),
            (proposal(lines=[{"override": make_spec().to_document() | {"scope": {"a: b": ""}}}]),
             "lines[0].override.scope.a: b"),
            (proposal(lines=[{"override": make_spec().to_document()}] * 2), "lines"),
            (proposal("mode", {}), "content"),
            (proposal("mode", {"mode": "maybe"}), "content.mode"),
            (proposal("mode", {"challenger": 7}), "content.challenger"),
            (proposal("rollback", {"to": 7}), "content.to"),
            (proposal("parameters", {"channels": {}}), "content.channels.pm_strength"),
        ],
    )  # fmt: skip
    def test_names_the_field_and_stores_nothing(self, api: APIClient, body: dict[str, Any], field: str) -> None:
        response = propose(api, body)

        assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)
        assert fields_of(response) == [field]
        assert not ChangeRequest.objects.exists()
        assert not Override.objects.exists()

    def test_stores_no_override_of_a_request_whose_other_line_is_idle(self, api: APIClient) -> None:
        in_force, new = make_spec(), make_spec(action_category="add")
        publish(in_force)
        lines = [{"override": new.to_document()}, {"override": in_force.to_document()}]

        response = propose(api, proposal(lines=lines))

        assert (response.status_code, fields_of(response)) == (400, ["lines"])
        assert list(Override.objects.values_list("id", flat=True)) == [in_force.content_id]


class TestList:
    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({}, ["dm", "mode", "lines"]),
            ({"module": "dm"}, ["dm"]),
            ({"kind": "lines"}, ["lines"]),
            ({"state": "in_review"}, ["dm", "mode"]),
            ({"state": "approved", "kind": "mode"}, []),
        ],
    )
    def test_keeps_to_what_a_filter_names(self, api: APIClient, chosen: dict[str, str], found: list[str]) -> None:
        approved = draft(make_spec(), title="lines")
        approve(request_id=approved.pk, by=make_user("reviewer", "overrides.review_changerequest"), at=NOW)
        draft(kind="mode", content={"mode": "on"}, lines=[], title="mode")
        draft(kind="mode", module="dm", content={"mode": "on"}, lines=[], title="dm")

        assert [row["title"] for row in api.get(URL, chosen).json()["results"]] == found

    def test_of_the_lines_of_a_request_is_walked_to_its_end(self, api: APIClient) -> None:
        specs = [make_spec(scope={"bucket": name}) for name in ("nano", "micro", "mid", "big", "mega")]
        address = f"{URL}{draft(*specs).pk}/lines/"

        walked = list(pages(api, f"{address}?limit=2"))

        assert [len(page) for page in walked] == [2, 2, 1]
        assert {row["line"] for page in walked for row in page} == {spec.line for spec in specs}

    @pytest.mark.parametrize("path", ["7/", "7/lines/", "99999999999999999999/"])
    def test_of_a_request_that_is_none_is_answered_404(self, api: APIClient, path: str) -> None:
        response = api.get(URL + path)

        assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)


class TestPolling:
    def test_is_answered_304_until_somebody_decides(self, api: APIClient) -> None:
        request = draft(make_spec())
        etag = api.get(f"{URL}{request.pk}/")["ETag"]
        still = api.get(f"{URL}{request.pk}/", HTTP_IF_NONE_MATCH=etag)
        reviewer = make_user("reviewer", "overrides.review_changerequest")
        approve(request_id=request.pk, by=reviewer, at=NOW, reason="it pays")

        response = api.get(f"{URL}{request.pk}/", HTTP_IF_NONE_MATCH=etag)

        assert (still.status_code, still.content, still["ETag"]) == (304, b"", etag)
        assert (response.status_code, response.json()["state"]) == (200, "approved")
        assert response.json()["votes"] == [
            {
                "voter": "reviewer",
                "decision": "approve",
                "standing": "counts",
                "content_hash": request.content_hash,
                "reason": "it pays",
                "voted_at": "2026-03-02T12:00:00Z",
            }
        ]


class TestKey:
    """A key can only draft requests."""

    def test_puts_nothing_into_force(self, api: APIClient) -> None:
        publish(make_spec())

        propose(api, proposal(lines=[{"override": make_spec({"size_mult": 1.2}).to_document()}]))
        propose(api, proposal("mode", {"mode": "on"}))
        propose(api, proposal("rollback", {"to": 1}))

        drafted = ChangeRequest.objects.exclude(versions__number=1)
        assert set(drafted.values_list("state", flat=True)) == {"in_review"}
        assert list(Version.objects.values_list("number", flat=True)) == [1]
        assert not ModuleMode.objects.exists()

    @pytest.mark.parametrize("field", ["state", "author_name", "votes", "content_hash", "scheduled_for"])
    def test_sends_no_field_that_decides(self, api: APIClient, field: str) -> None:
        response = propose(api, proposal() | {field: "approved"})

        assert (response.status_code, fields_of(response)) == (400, [field])

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    @pytest.mark.parametrize("path", ["", "lines/"])
    def test_finds_no_method_that_decides(self, api: APIClient, method: str, path: str) -> None:
        request = draft(make_spec())

        response = getattr(api, method)(f"{URL}{request.pk}/{path}", {"state": "approved"}, format="json")

        assert response.status_code == 405
        request.refresh_from_db()
        assert request.state == "in_review"

    @pytest.mark.parametrize("path", ["approve/", "apply/", "votes/", "reject/"])
    def test_finds_no_address_that_decides(self, api: APIClient, path: str) -> None:
        request = draft(make_spec())

        assert api.post(f"{URL}{request.pk}/{path}", {}, format="json").status_code == 404


class TestOpenRequests:
    def test_of_one_owner_are_bounded_with_the_way_out(self, settings: Any) -> None:
        settings.OPEN_REQUESTS_PER_AUTHOR = 2
        busy, other = client_of("propose"), client_of("propose", make_person("other", is_superuser=True))
        kinds = [proposal("mode", {"mode": mode}) for mode in ("on", "shadow", "off")]

        answers = [propose(busy, body) for body in kinds]

        assert [each.status_code for each in answers] == [201, 201, 400]
        assert "has 2 open requests, as many as one author may have; cancel some" in str(answers[-1].json())
        assert propose(other, kinds[0]).status_code == 201
        assert ChangeRequest.objects.count() == 3

    def test_that_are_decided_make_room(self, settings: Any) -> None:
        settings.OPEN_REQUESTS_PER_AUTHOR = 1
        api = client_of("propose")
        propose(api, proposal())
        reviewer = make_user("reviewer", "overrides.review_changerequest")
        reject(request_id=ChangeRequest.objects.get().pk, by=reviewer, reason="no", at=datetime.now(UTC))

        assert propose(api, proposal()).status_code == 201


class TestEffect:
    NAMES = {
        "percent", "low", "high", "days", "decisions", "changed", "levers", "served", "as_of", "in_force", "acting",
    }  # fmt: skip

    def test_is_being_computed_and_then_known(self, api: APIClient) -> None:
        publish(make_spec())
        ask(3)
        request = draft(make_spec({"size_mult": 0.9}))
        before = api.get(f"{URL}{request.pk}/").json()
        request_effects(now=NOW)
        run_what_if(WhatIf.objects.get().key, now=NOW)

        after = api.get(f"{URL}{request.pk}/").json()

        assert (before["effect_status"], before["effect"]) == ("computing", None)
        assert after["effect_status"] == "known"
        assert after["effect"].keys() == self.NAMES
        assert (after["effect"]["decisions"], after["effect"]["levers"]) == (3, {"size_mult": 3})
        assert after["effect"]["percent"] == pytest.approx(100 * (1 / 1.02**2 - 1))
        assert (after["effect"]["low"], after["effect"]["high"], after["effect"]["days"]) == (None, None, 0)
        assert (after["effect"]["served"], after["effect"]["in_force"]) == (0.0, [1, 1])

    def test_does_not_exist_for_a_policy(self, api: APIClient) -> None:
        request = draft(kind="policy", content={"approvals": 2})

        found = api.get(f"{URL}{request.pk}/").json()

        assert (found["effect_status"], found["effect"]) == ("none", None)

    def test_is_part_of_the_answer_to_a_proposal(self, api: APIClient) -> None:
        assert propose(api, proposal()).json()["effect_status"] == "computing"

    def test_is_documented(self) -> None:
        parts = schema_document()["components"]["schemas"]

        assert parts["Effect"]["properties"].keys() == self.NAMES
        assert "effect" in parts["WholeRequest"]["properties"]
