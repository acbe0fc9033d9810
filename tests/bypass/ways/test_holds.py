"""A veto takes its line out of force, a hold is of a known kind with a reason, and what people said stays as it was."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.models import Comment, LineHold, Quarantine
from tests.builders import NOW
from tests.bypass.ways.forgery import HONEST, LINE, OTHER, Act, Forgery, audited, refused, then
from tests.bypass.ways.publications import CAPPED, HOUR, capped, mandated
from tests.people import somebody

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

TAKES_OUT = f"line {LINE}: a veto takes it out of force in the same transaction"


def hold(kind: str, **over: Any) -> Act:
    """Place a hold with its audit entry."""

    def place() -> None:
        fields = {"line_id": LINE, "kind": kind, "reason": "x", "placed_by": somebody(), "placed_at": NOW} | over
        LineHold.objects.create(**fields)
        audited(f"line {fields['line_id']}")

    return place


def quarantine_that_begins_lifted() -> None:
    Quarantine.objects.create(module="pm", reason="x", placed_by=somebody(), placed_at=NOW, lifted_at=NOW)
    audited("builder pm")


def taken_out(line: str) -> Forgery:
    return Forgery(route="at_once", withdraws=(line,))


ROWS: dict[str, tuple[Act, str]] = {
    "a veto on what is in force": (hold("veto"), TAKES_OUT),
    "a veto on what is taken out": (then(taken_out(LINE), hold("veto")), HONEST),
    "a veto while another line is taken out": (then(taken_out(OTHER), hold("veto")), TAKES_OUT),
    "a pin on what is in force": (hold("pin"), HONEST),
    "a veto without a reason": (then(taken_out(LINE), hold("veto", reason="")), "hold_has_a_reason"),
    "a hold of another kind": (hold("stop"), "hold_kind_is_known"),
    "two pins on one line": (then(hold("pin"), hold("pin")), "one_live_hold_per_line"),
    "a pin and another one after it was lifted": (
        then(hold("pin"), lambda: LineHold.objects.update(lifted_at=NOW), hold("pin")),
        HONEST,
    ),
    "a pin that begins lifted": (hold("pin", lifted_at=NOW), "only lifted_at is set, once and later"),
    "a quarantine that begins lifted": (quarantine_that_begins_lifted, "only lifted_at is set, once and later"),
    "a target a hair beyond a cap": (then(capped('{"size_mult": 1.0999999}'), mandated()), CAPPED),
    "a cap that ends at this moment": (then(capped(expires_at=NOW + HOUR), mandated()), HONEST),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", ROWS)
def test_holds(name: str, role: str) -> None:
    refused(*ROWS[name], role=role)


@pytest.mark.parametrize("role", ["role", "owner"])
def test_a_comment_says_something(role: str) -> None:
    def write(text: str) -> None:
        asked = Forgery().draft()
        Comment.objects.create(request=asked, author=somebody(), text=text, written_at=NOW)

    refused(lambda: write("so"), HONEST, role)
    refused(lambda: write(""), "comment_says_something", role)
