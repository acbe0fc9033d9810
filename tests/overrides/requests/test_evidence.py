"""What was known when a request was drafted: one document for each edition, named by the votes on it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from overrides.models import ChangeRequest, RequestEvidence
from overrides.requests import evidence
from overrides.requests.authoring import edit_request
from overrides.requests.emergency import retire_lines
from overrides.requests.evidence import Measured
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.review import approve
from telemetry.models import AuditEntry
from tests.builders import NOW, draft, make_spec, publish
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
DIP = {"macro_phase": "Dip"}
KNOWN = Measured(
    {"verdict": "noise", "sentence": "It is noise."},
    {make_spec().line: {"n": 40, "raw": 0.5, "low": 0.1, "high": 0.9, "reason": "it lost"}},
    {"chain=base": {"n": 9}},
)


def document(request: ChangeRequest) -> dict[str, Any]:
    return RequestEvidence.objects.get(request=request, edition=request.edition).parsed


class TestDocument:
    def test_holds_what_the_drafter_knows_and_what_the_edition_says(self) -> None:
        request = draft(make_spec(), measured=KNOWN, content={"note": 1})

        found = document(request)

        assert found["run"] == {"verdict": "noise", "sentence": "It is noise."}
        assert (found["title"], found["reason"], found["content"]) == ("a change", "because", {"note": 1})
        assert found["coefficients"] == {"chain=base": {"n": 9}}
        (line,) = found["lines"].values()
        assert (line["action"], line["before"], line["after"]) == ("add", {}, {"size_mult": 1.1})
        assert (line["reason"], line["measured"]) == ("it lost", {"n": 40, "raw": 0.5, "low": 0.1, "high": 0.9})
        assert line["by_hand"]

    def test_is_asked_of_the_registered_source_if_the_drafter_passes_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []

        def source(*given: Any) -> Measured:
            asked.append(given)
            return KNOWN

        monkeypatch.setattr(evidence, "_sources", [source])
        request = draft(make_spec())

        assert document(request)["run"]["verdict"] == "noise"
        ((module, (line,), weights, at),) = asked
        assert (module, line.line_id, line.before, weights, at) == ("pm", make_spec().line, None, set(), NOW)

    def test_without_a_source_says_what_the_edition_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(evidence, "_sources", [])

        assert (document(draft(make_spec()))["run"], document(draft(make_spec()))["n_lines"]) == ({}, 1)

    def test_is_hashed_by_the_database_and_named_in_the_trail(self) -> None:
        request = draft(make_spec())

        row = RequestEvidence.objects.get(request=request)

        assert row.document_hash == sha256(row.document.encode()).hexdigest()
        entry = json.loads(AuditEntry.objects.filter(object=f"request {request.pk}").latest("seq").content)
        assert entry["after"]["evidence"] == {"id": row.pk, "hash": row.document_hash}

    def test_leaves_out_what_moves_least_where_it_would_be_too_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(RequestEvidence, "MOST_BYTES", 2_000)
        monkeypatch.setattr(evidence, "MOST_MEASURED", 1)
        specs = [make_spec({"size_mult": 1.01 + number / 100}, scope={"bucket": f"b{number}"}) for number in range(9)]
        measured = Measured({}, {spec.line: {"n": 1} for spec in specs}, {})

        found = document(draft(*specs, measured=measured))

        assert (found["n_lines"], list(found["lines"])) == (9, [specs[-1].line])

    def test_is_not_waited_for_by_what_takes_effect_at_once(self, operator: User) -> None:
        publish(make_spec())

        request = retire_lines(module="pm", lines=[make_spec().line], by=operator, reason="it lost", at=NOW)

        assert not RequestEvidence.objects.filter(request=request).exists()


class TestEditions:
    def test_have_each_their_own_and_votes_name_it(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author)
        approve(request_id=request.pk, by=reviewer, at=NOW)
        request = edit_request(
            request_id=request.pk, by=author, at=NOW, lines=[_line(request)], content={"note": 1}, title="another"
        )
        approve(request_id=request.pk, by=reviewer, at=NOW)

        editions = dict(request.votes.values_list("evidence__edition", "evidence__request"))

        assert editions == {1: request.pk, 2: request.pk}
        assert [row.parsed["title"] for row in request.evidence.order_by("edition")] == ["a change", "another"]

    def test_of_a_split_keep_what_was_known_of_their_lines(self, author: User, reviewer: User) -> None:
        lines = {make_spec().line: {"n": 40}, make_spec(scope=DIP).line: {"n": 7}}
        request = draft(make_spec(), make_spec(scope=DIP), author=author, measured=Measured({"a": 1}, lines))
        approve(request_id=request.pk, by=reviewer, at=NOW, only=[make_spec().line])

        request.refresh_from_db()
        rest = ChangeRequest.objects.get(split_from=request)

        measured = [
            {line: each["measured"] for line, each in document(each)["lines"].items()} for each in (request, rest)
        ]
        assert measured == [{make_spec().line: {"n": 40}}, {make_spec(scope=DIP).line: {"n": 7}}]
        assert document(request)["run"] == document(rest)["run"] == {"a": 1}


class TestDatabase:
    def insert(self, request: ChangeRequest, **over: Any) -> str:
        fields = {"request": request, "edition": request.edition, "document": "{}", "stored_at": NOW} | over
        try:
            with transaction.atomic():
                RequestEvidence.objects.create(**fields)
        except DatabaseError as refused:
            return str(refused)
        return ""

    def test_takes_no_document_of_another_edition_and_no_second_one(self) -> None:
        request = draft(make_spec())

        assert "only with its edition" in self.insert(request, edition=request.edition + 1)
        assert "one_evidence_per_edition" in self.insert(request)

    @pytest.mark.parametrize("document", ["[]", "1", "{", '{"a": "' + "x" * 1_048_576 + '"}'])
    def test_takes_objects_of_bounded_size(self, document: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.requests.authoring.write_evidence", lambda *given: None)
        request = draft(make_spec())

        assert self.insert(request, document=document)

    def test_sets_the_hash_whatever_the_writer_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.requests.authoring.write_evidence", lambda *given: None)
        request = draft(make_spec())

        assert self.insert(request, document_hash="f" * 64) == ""

        assert RequestEvidence.objects.get(request=request).document_hash == sha256(b"{}").hexdigest()

    def vote(self, request: ChangeRequest, voter: User, named: int | None) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO overrides_vote (request_id, voter_id, decision, content_hash, reason, voted_at, "
                "evidence_id) VALUES (%s, %s, 'approve', %s, '', %s, %s)",
                [request.pk, voter.pk, request.content_hash, NOW, named],
            )

    def test_refuses_votes_that_name_the_evidence_of_another_request(self, reviewer: User) -> None:
        request, other = draft(make_spec()), draft(make_spec(scope=DIP))

        with pytest.raises(DatabaseError, match="a vote names the evidence that was stored with the edition"):
            self.vote(request, reviewer, other.evidence.get().pk)

    def test_names_it_for_votes_that_name_none(self, reviewer: User) -> None:
        request = draft(make_spec())

        self.vote(request, reviewer, None)

        assert request.votes.get().evidence == request.evidence.get()

    def test_refuses_votes_that_name_an_earlier_edition(self, author: User, reviewer: User) -> None:
        request = draft(make_spec(), author=author)
        earlier = request.evidence.get()
        request = edit_request(request_id=request.pk, by=author, at=NOW, lines=[_line(request)], title="another")

        with pytest.raises(DatabaseError, match="stored with the edition"), transaction.atomic():
            request.votes.create(
                voter=make_user("third", "overrides.review_changerequest"), decision="approve",
                content_hash=request.content_hash, voted_at=NOW, evidence=earlier,
            )  # fmt: skip


def _line(request: ChangeRequest) -> DraftLine:
    change = request.lines.get()
    return DraftLine(change.line_id, change.after_id, change.differences)
