"""What reviewers read, and where a request stands, is not changed round its edition, its votes and its end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F

from overrides.models import ChangeLine, ChangeRequest, Vote
from overrides.versions.publish import store_override
from tests.builders import NOW, make_spec
from tests.bypass.ways.forgery import (
    DAY,
    DENIED,
    HONEST,
    LINE,
    Act,
    Forgery,
    as_before,
    audited,
    refused,
    size,
    sql,
    then,
    vote,
)
from tests.bypass.ways.open_request import asked, stands

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]
READ = "what reviewers read is not changed under them; an edit is another edition"
WHOSE = "what kind it is, by which route and whose, is not changed"
CLOSED = "is closed: it is not changed any more"
AGAIN = "another edition has another hash, without votes"
LINES = "its lines change only with its edition, in one transaction"
SIGNED = "what was voted on is not changed under its votes"


def change(**values: Any) -> Act:
    """Change the open request, with an entry that states nothing."""

    def write() -> None:
        found = asked()
        ChangeRequest.objects.filter(pk=found.pk).update(**values)
        audited(f"request {found.pk}")

    return write


def from_state(now_state: str, /, **values: Any) -> Act:
    def write() -> None:
        found = asked().pk
        stands(state=now_state)
        ChangeRequest.objects.filter(pk=found).update(**values)
        audited(f"request {found}")

    return write


def edited(**values: Any) -> Act:
    return change(**{"edition": F("edition") + 1, "content_hash": "b" * 64} | values)


def signed_edition() -> None:
    vote(asked(), "second")
    edited(content_hash=asked().content_hash)()


def back_to_a_signed_content() -> None:
    first = asked().content_hash
    vote(asked(), "second")
    edited()()
    edited(content_hash=first)()


def drop_lines() -> None:
    sql("DELETE FROM overrides_changeline WHERE request_id = %s", asked().pk)
    audited(f"request {asked().pk}")


def add_line(**over: Any) -> None:
    spec = make_spec({"size_mult": 1.1}, scope={"trend": "Bad"})
    after = store_override(spec, source="x", at=NOW)
    fields = {"request": asked(), "line_id": spec.line, "after": after, "action": "add", "differences": []}
    ChangeLine.objects.create(**fields | over)
    audited(f"request {asked().pk}")


def line_of_dm() -> None:
    spec = make_spec({"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation")
    edited()()
    add_line(line_id=spec.line, after=store_override(spec, source="x", at=NOW))


def line_of_no_module_yet() -> None:
    """A line of the change before the line itself, which could then be of any module."""
    edited()()
    add_line(line_id="f" * 64, after=None, before_id="e" * 64, action="withdraw")


def line_of_no_request_yet() -> None:
    add_line(request=None, request_id=900_001)


def signed_lines_in(*states: str) -> Act:
    return then(edited(), lambda: vote(asked(), "second"), *(change_of_asked(state) for state in states))


def change_of_asked(state: str) -> Act:
    """Move the one request that the world has open, whatever its state is by now."""
    return lambda: ChangeRequest.objects.filter(author__username="writer").update(state=state)


def drop_lines_of_writer() -> None:
    sql(
        "DELETE FROM overrides_changeline WHERE request_id = "
        "(SELECT id FROM overrides_changerequest WHERE author_name = 'writer')"
    )


def move_line() -> None:
    found = asked()
    edited()()
    other = Forgery(brings=(size(1.15, {"trend": "Bad"}),)).draft()
    ChangeLine.objects.filter(request=found).update(request=other)


def lines_of_another_cluster() -> None:
    edited()()
    stands(edited_epoch=1)
    drop_lines()


def lines_of_a_closed_one() -> None:
    found = asked().pk
    edited()()
    as_before("UPDATE overrides_changerequest SET state = 'rejected' WHERE id = %s", found)
    sql("DELETE FROM overrides_changeline WHERE request_id = %s", found)


def signed_lines() -> None:
    edited()()
    vote(asked(), "second")
    drop_lines()


def claimed(column: str) -> Act:
    """Write a column that only the database writes; it stays as it was."""

    def write() -> None:
        before = ChangeRequest.objects.values_list(column, flat=True).get(pk=asked().pk)
        change(**{column: 7, "title": F("title")})()
        assert ChangeRequest.objects.values_list(column, flat=True).get(pk=asked().pk) == before

    return write


def born(**values: Any) -> Act:
    """Begin a request whose columns claim a transaction; the database writes them itself."""

    def write() -> None:
        forgery = Forgery(brings=(size(1.15),), request=values)
        found = ChangeRequest.objects.get(pk=forgery.draft().pk)
        assert (found.transaction, found.epoch) == (0, 0)
        assert found.edited_transaction > 7
        assert found.edited_epoch > 7

    return write


def applied_again() -> None:
    """Apply a request and claim it for the transaction after the next: the database keeps its own."""
    forgery = Forgery(brings=(size(1.1),))
    forgery.apply(forgery.draft())
    found = ChangeRequest.objects.get(pk=forgery.asked.pk)
    assert found.transaction == found.edited_transaction
    assert found.epoch == found.edited_epoch
    forgery.publish()


FROZEN: dict[str, Any] = {
    "title": "another",
    "reason": "another",
    "expires_at": NOW + 99 * DAY,
    "content": {"a": 1},
    "base_parameters": "p",
    "base_version": 99,
    "movement": 0.5,
    "content_hash": "c" * 64,
}
OWN: dict[str, Any] = {
    "module": "dm",
    "kind": "rollback",
    "route": "mandate",
    "author_id": None,
    "author_name": "somebody else",
    "created_at": NOW - DAY,
}
ROWS: dict[str, tuple[Act, str]] = {
    **{f"{name} without another edition": (change(**{name: value}), READ) for name, value in FROZEN.items()},
    **{f"another {name}": (edited(**{name: value}), WHOSE) for name, value in OWN.items()},
    "another one that it is split from": (lambda: edited(split_from=ChangeRequest.objects.earliest("pk"))(), WHOSE),
    "another one that it succeeds": (lambda: edited(succeeds=ChangeRequest.objects.earliest("pk"))(), WHOSE),
    "an edit": (edited(title="another"), HONEST),
    "a version to start from where none was named": (
        then(lambda: stands(base_version=None), change(base_version=1)),
        READ,
    ),
    "a schedule taken back": (from_state("scheduled", state="approved"), HONEST),
    "an approval taken back at once": (then(change(state="approved"), change_of_asked("in_review")), HONEST),
    "a scheduled application without votes": (
        from_state("scheduled", state="applied", closed_at=NOW),
        "has 0 of 1 approvals",
    ),
    "a health of what has lost its votes": (from_state("approved", health="stale"), HONEST),
    "an approval without votes": (change(state="approved"), "has 0 of 1 approvals"),
    "an edit of a draft": (from_state("draft", edition=F("edition") + 1, content_hash="b" * 64), HONEST),
    "lines dropped with an edition of this cluster after one of another": (
        then(lambda: stands(edited_epoch=1), edited(), drop_lines),
        HONEST,
    ),
    "an edit of what was voted on": (then(lambda: vote(asked(), "second"), edited()), HONEST),
    "an edit with a hash that is signed in another request": (
        lambda: edited(content_hash=Vote.objects.exclude(request=asked().pk).earliest("pk").content_hash)(),
        HONEST,
    ),
    "an edit that stays approved": (
        from_state("approved", edition=F("edition") + 1, content_hash="b" * 64),
        "an edit goes back to review",
    ),
    "a step that leads nowhere": (change(state="failed"), "no step leads from in_review to failed"),
    "what takes effect at once after its expiry": (
        Forgery(route="at_once", withdraws=(LINE,), at=NOW + 31 * DAY),
        HONEST,
    ),
    "an edit with the same hash": (change(edition=F("edition") + 1), AGAIN),
    "an edit with the hash that is signed": (signed_edition, AGAIN),
    "an edit back to a hash that is signed": (back_to_a_signed_content, AGAIN),
    "an edition taken back": (
        then(edited(), change(edition=F("edition") - 1)),
        "an edition is not taken back",
    ),
    "a format taken back": (edited(hash_format=1), "an edition is not taken back"),
    "a format of old": (Forgery(brings=(size(1.1),), request={"hash_format": 1}), "a request is hashed by format 2"),
    "a format without another edition": (change(hash_format=3), READ),
    "a beginning at its end": (lambda: as_applied(), "a request begins as a draft or in review"),
    "lines dropped without an edition": (drop_lines, LINES),
    "lines dropped with an edition": (then(edited(), drop_lines), HONEST),
    "a line added without an edition": (add_line, LINES),
    "a line added with an edition": (then(edited(), add_line), HONEST),
    "a line moved to another request": (move_line, f"a line stays with its request|{DENIED}"),
    "a line of another module": (line_of_dm, "is of another module"),
    "a line of a module that is not known yet": (line_of_no_module_yet, "is of another module"),
    "a line before its request": (line_of_no_request_yet, "a line is written after its request"),
    "lines dropped with an edition that is sent back": (
        then(edited(), change_of_asked("changes_requested"), drop_lines_of_writer),
        HONEST,
    ),
    "lines dropped after its approval": (then(signed_lines_in("approved"), drop_lines_of_writer), SIGNED),
    "lines dropped after it was scheduled": (
        then(signed_lines_in("approved", "scheduled"), drop_lines_of_writer),
        SIGNED,
    ),
    "lines dropped in another cluster": (lines_of_another_cluster, LINES),
    "lines dropped after its end": (lines_of_a_closed_one, "is closed: its lines are not changed any more"),
    "lines dropped under its votes": (signed_lines, SIGNED),
    **{
        f"a claimed {name}": (claimed(name), HONEST)
        for name in ("transaction", "epoch", "edited_transaction", "edited_epoch")
    },
    "a birth that claims a transaction": (born(transaction=7, epoch=7, edited_transaction=7, edited_epoch=7), HONEST),
    "an application that keeps its transaction": (applied_again, HONEST),
    "an application without a time": (from_state("approved", state="applied"), "was applied at some time"),
    "an application of a draft by the route of reviews": (
        from_state("draft", state="applied", closed_at=NOW),
        "a draft is applied at once or under mandates",
    ),
    "a change of a draft's reason": (from_state("draft", reason="another"), HONEST),
    "a change of a draft's hash": (from_state("draft", content_hash="d" * 64), READ),
    **{
        f"a reason after it was {state}": (from_state(state, reason="another"), CLOSED)
        for state in ("applied", "rejected", "cancelled", "expired", "failed")
    },
    **{
        f"an acknowledgement after it was {state}": (
            from_state(state, acknowledged_at=NOW, acknowledged_by="somebody"),
            HONEST,
        )
        for state in ("applied", "failed")
    },
    "a failure taken back to nothing": (from_state("failed", scheduled_for=NOW), CLOSED),
}


def as_applied() -> None:
    fields = ChangeRequest.objects.filter(state="applied").values().first()
    assert fields is not None
    ChangeRequest.objects.create(**fields | {"id": None})


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", ROWS)
def test_requests(name: str, role: str) -> None:
    refused(*ROWS[name], role=role)
