"""The author's edit of an open request by form."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from overrides.models import ChangeRequest, ParameterSet
from overrides.requests.manual_entry import draft_by_hand
from overrides.requests.review import approve
from tests.admin_pages import browser_of
from tests.builders import NOW, draft, make_parameters, make_spec, publish
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
DIP = {"macro_phase": "Dip"}


@pytest.fixture
def proposer(db: None) -> User:
    return make_user("proposer", "overrides.add_changerequest", "overrides.view_changerequest")


def two_lines(author: User) -> ChangeRequest:
    return draft(make_spec(), make_spec(scope=DIP), author=author)


def url(request: ChangeRequest) -> str:
    return f"/admin/overrides/changerequest/{request.pk}/edit/"


def sent(browser: Client, request: ChangeRequest, **typed: Any) -> Any:
    return browser.post(url(request), {"title": request.title, "reason": request.reason} | typed)


def initial_of(form: Any) -> dict[str, Any]:
    """Return the values that a browser would send without a change."""
    shown = {field.name: field.value() for field in form}
    return {name: value for name, value in shown.items() if value is not None and value is not False}


class TestEdit:
    def test_leaves_lines_out_and_voids_the_votes(self, proposer: User, reviewer: User) -> None:
        request = two_lines(proposer)
        approve(request_id=request.pk, by=reviewer, at=NOW)
        kept = request.lines.get(line__scope=DIP)
        levers = "size_mult=1.1"

        response = sent(
            browser_of(proposer),
            request,
            lines=[kept.pk],
            reason="the dip alone",
            **{f"levers_{each.pk}": levers for each in request.lines.all()},
        )

        assert response.status_code == 302
        request.refresh_from_db()
        assert (request.state, request.reason) == ("in_review", "the dip alone")
        assert [change.line.scope for change in request.lines.all()] == [DIP]
        assert not request.votes.filter(content_hash=request.content_hash).exists()

    def test_gives_a_line_by_hand_another_target(self, proposer: User) -> None:
        request = draft_by_hand(make_spec({"size_mult": 0.9}), by=proposer, reason="careful", at=NOW)
        (change,) = request.lines.all()

        response = sent(browser_of(proposer), request, lines=[change.pk], **{f"levers_{change.pk}": "size_mult=0.8"})
        assert response.status_code == 302, response.content.decode()

        (after,) = request.lines.all()
        assert after.after is not None
        assert (after.after.levers, after.after.source) == ({"size_mult": 0.8}, "person")

    def test_takes_another_document(self) -> None:
        author = make_user(
            "author", "overrides.add_changerequest", "overrides.view_changerequest", "overrides.propose_parameters"
        )
        publish(parameters=make_parameters())
        document = ParameterSet.objects.get().document
        proposed = document | {"lessons": document["lessons"] | {"edge_min": 0.7}}
        request = draft(kind="parameters", content=proposed, author=author)
        form = browser_of(author).get(url(request)).context["form"]
        assert form["lessons.edge_min"].initial == 0.7
        typed = initial_of(form)

        refused = sent(browser_of(author), request, **typed | {"lessons.edge_min": "much", "lessons.n_min": "10, x"})
        assert "Enter a number" in refused.content.decode()
        refused = sent(browser_of(author), request, **typed | {"lessons.n_min": "10, x"})
        assert "is no number" in refused.content.decode()

        assert sent(browser_of(author), request, **typed | {"lessons.edge_min": "0.8"}).status_code == 302
        request.refresh_from_db()
        assert request.content == proposed | {"lessons": proposed["lessons"] | {"edge_min": 0.8}}

    def test_of_a_rollback_chooses_a_version(self, proposer: User) -> None:
        for target in (1.1, 1.2, 1.3):
            publish(make_spec({"size_mult": target}))
        request = draft(kind="rollback", content={"to": 1}, lines=[], author=proposer)

        assert sent(browser_of(proposer), request, to="2").status_code == 302
        request.refresh_from_db()
        assert request.content == {"to": 2}
        assert "Select a valid choice" in sent(browser_of(proposer), request, to="9").content.decode()

    def test_of_a_mode_has_a_field_for_each_of_its_parts(self, proposer: User) -> None:
        publish(make_spec())
        request = draft(kind="mode", content={"mode": "on"}, lines=[], author=proposer)
        fields = {"mode": "shadow", "rollout_percent": "25", "allow": "macro_phase: Good", "challenger": "1"}

        refused = sent(browser_of(proposer), request, **fields | {"allow": "weather: fine"})
        assert "is no dimension" in refused.content.decode()
        assert sent(browser_of(proposer), request, **fields).status_code == 302

        request.refresh_from_db()
        wanted = {"mode": "shadow", "rollout_percent": 25.0, "allow": {"macro_phase": ["Good"]}, "challenger": 1}
        assert request.content == wanted

    def test_of_a_policy_and_of_a_trial_are_fields_too(self) -> None:
        author = make_user(
            "author", "overrides.add_changerequest", "overrides.view_changerequest", "overrides.propose_parameters"
        )
        publish(make_spec())
        policy = draft(kind="policy", content={"approvals": 2}, lines=[], author=author)
        trial = draft(kind="trial", content=make_parameters().to_document(), lines=[], author=author)
        browser = browser_of(author)

        typed = initial_of(browser.get(url(policy)).context["form"])
        assert sent(browser, policy, **typed | {"large_movement": "30", "groups": "risk, desk"}).status_code == 302
        policy.refresh_from_db()
        rules = {name: policy.content[name] for name in ("approvals", "large_movement", "groups")}
        assert rules == {"approvals": 2, "large_movement": 30.0, "groups": ["risk", "desk"]}
        page = browser.get(url(trial))
        assert 'textarea name="content"' not in page.content.decode()
        typed = initial_of(page.context["form"]) | {"channels.pm_strength.combiner": "most_specific"}
        assert sent(browser, trial, **typed).status_code == 302
        trial.refresh_from_db()
        assert trial.content["channels"]["pm_strength"]["combiner"] == "most_specific"

    def test_keeps_the_lines_that_come_with_parameters(self) -> None:
        author = make_user(
            "author", "overrides.add_changerequest", "overrides.view_changerequest", "overrides.propose_parameters"
        )
        content = make_parameters().to_document()
        request = draft(make_spec(), kind="parameters", content=content, author=author)
        (change,) = request.lines.all()
        typed = initial_of(browser_of(author).get(url(request)).context["form"])
        fields = typed | {f"levers_{change.pk}": "size_mult=1.1"}

        assert sent(browser_of(author), request, **fields | {"lines": [change.pk]}).status_code == 302
        assert [each.after_id for each in request.lines.all()] == [change.after_id]

    def test_shows_a_target_to_its_last_digit(self, proposer: User) -> None:
        request = draft_by_hand(make_spec({"size_mult": 0.9123456789}), by=proposer, reason="careful", at=NOW)

        assert "size_mult=0.9123456789<" in browser_of(proposer).get(url(request)).content.decode()

    @pytest.mark.parametrize(
        ("typed", "message"),
        [
            ({"levers": "size_mult=9"}, "outside"),
            ({"levers": "sizes=1"}, "is no lever"),
            ({"lines": []}, "keep at least one line"),
            ({"lines": ["0"]}, "Select a valid choice"),
            ({"reason": " "}, "say why"),
        ],
    )
    def test_names_the_field_and_changes_nothing(self, proposer: User, typed: dict[str, Any], message: str) -> None:
        request = draft_by_hand(make_spec({"size_mult": 0.9}), by=proposer, reason="careful", at=NOW)
        (change,) = request.lines.all()
        fields = {"lines": [change.pk], f"levers_{change.pk}": typed.pop("levers", "size_mult=0.9")} | typed

        response = sent(browser_of(proposer), request, **fields)

        assert message in response.content.decode()
        before = request.content_hash
        request.refresh_from_db()
        assert request.content_hash == before

    def test_is_its_author_s_alone_and_while_it_is_open(self, proposer: User, reviewer: User) -> None:
        request = two_lines(proposer)
        assert "Edit…" in browser_of(proposer).get(url(request).replace("edit", "change")).content.decode()
        assert browser_of(reviewer).get(url(request)).status_code == 403

        browser_of(proposer).post(f"/admin/overrides/changerequest/{request.pk}/cancel/", {"reason": "no"})
        assert browser_of(proposer).get(url(request)).status_code == 403
