"""A mandate is renewed when it is due, by enough approvals of others than the author, on its terms and no longer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import Mandate, MandateRenewal
from tests.builders import NOW
from tests.bypass.ways.forgery import (
    DAY,
    DENIED,
    HONEST,
    LINE,
    OTHER,
    Act,
    Forgery,
    as_before,
    audited,
    refused,
    size,
    sql,
    then,
    under,
    vote,
)
from tests.bypass.ways.test_mandates import LONGER, granted
from tests.bypass.ways.test_policies import RAISED

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

EARLY = "is not due for renewal"
CHANGED = "changes more than the date of its review"
LATER = NOW + 80 * DAY
MISSING = "has 0 of 1 approvals by others than the author"


def standing(line: str = OTHER) -> Mandate:
    return Mandate.objects.get(line_id=line, revoked_at=None)


def approved(name: str = "second", line: str = OTHER, **over: Any) -> Act:
    """Approve the renewal of the mandate that stands on a line."""

    def write() -> None:
        voter = User.objects.get(username=name)
        fields = {"mandate": standing(line), "voter": voter, "reason": "it holds", "voted_at": LATER} | over
        audited(f"request {MandateRenewal.objects.create(**fields).mandate.request_id}")

    return write


def signed(line: str = OTHER, **over: Any) -> Act:
    """Sign the mandate that takes the place of the one on a line."""

    def write() -> None:
        before = standing(line)
        fields = {
            "line_id": line, "request_id": before.request_id, "direction": before.direction, "reach": before.reach,
            "evidence_floor": before.evidence_floor, "granted_at": LATER, "review_by": LATER + 90 * DAY,
            "renews": before,
        } | over  # fmt: skip
        Mandate.objects.create(**fields)
        audited(f"request {before.request_id}")

    return write


def again() -> None:
    """Sign once more what has been renewed."""
    before = standing()
    signed()()
    signed(renews=before, line_id=OTHER)()


def ended() -> None:
    before = standing()
    approved()()
    Mandate.objects.filter(pk=before.pk).update(revoked_at=LATER)
    Mandate.objects.create(
        line_id=OTHER, request_id=before.request_id, direction=before.direction, reach=before.reach,
        evidence_floor=before.evidence_floor, granted_at=LATER, review_by=LATER + 90 * DAY, renews=before,
    )  # fmt: skip


def authored() -> None:
    """As if `second` had drafted the request of the mandate."""
    as_before(
        "UPDATE overrides_changerequest SET author_id = (SELECT id FROM auth_user WHERE username = 'second') "
        "WHERE id = (SELECT request_id FROM overrides_mandate WHERE line_id = %s AND revoked_at IS NULL)",
        OTHER,
    )  # fmt: skip


def left(name: str) -> Act:
    return lambda: as_before("UPDATE auth_user SET is_active = false WHERE username = %s", name)


def due_later() -> None:
    as_before("UPDATE overrides_mandate SET review_by = %s", LATER + 14 * DAY + timedelta(seconds=1))


def brought_twice() -> None:
    """Let another request have brought the same override to the line."""
    stands_under = "JOIN overrides_mandate AS m ON m.line_id = %s AND m.revoked_at IS NULL AND m.request_id ="
    as_before(
        "INSERT INTO overrides_changerequest SELECT (jsonb_populate_record(r, '{\"id\": 900001}')).* "
        f"FROM overrides_changerequest AS r {stands_under} r.id",
        OTHER,
    )  # fmt: skip
    as_before(
        "INSERT INTO overrides_changeline "
        "SELECT (jsonb_populate_record(c, '{\"id\": 900001, \"request_id\": 900001}')).* "
        f"FROM overrides_changeline AS c {stands_under} c.request_id WHERE c.line_id = m.line_id",
        OTHER,
    )  # fmt: skip


PAIR = Forgery(brings=(size(1.1, {"trend": "Bad"}), size(1.1, {"trend": "Good"})))
ONE, SAME = (spec.line for spec in PAIR.brings)


def out_of_force() -> None:
    as_before("UPDATE overrides_membership SET to_version = 99 WHERE line_id = %s AND to_version IS NULL", OTHER)


def rests_on_it_alone() -> None:
    """A renewed mandate is signed by who renewed it, and is suspended once that person may not vote any more."""
    then(approved(), signed())()
    as_before("UPDATE auth_user SET is_active = false WHERE username = 'somebody'")
    assert stands()
    as_before("UPDATE auth_user SET is_active = false WHERE username = 'second'")
    assert not stands()


def stands() -> bool:
    found = Mandate.objects.raw(
        "SELECT m.*, mandate_stands(m, m.granted_at) AS stands FROM overrides_mandate AS m WHERE id = %s",
        [standing().pk],
    )  # fmt: skip
    return bool(found[0].stands)  # type: ignore[attr-defined]  # an annotation of the raw query


def takes_the_place() -> None:
    before = standing()
    then(approved(), signed(edge_sign=-1, approvals_needed=0, voter_groups=["everybody"]))()
    before.refresh_from_db()
    found = standing()
    assert (before.revoked_at, found.renews_id) == (LATER, before.pk)
    assert (found.edge_sign, found.approvals_needed, found.voter_groups) == (before.edge_sign, 1, [])


RENEWALS: dict[str, tuple[Act, str]] = {
    "with an approval": (then(approved(), signed()), HONEST),
    "in the place of the one before": (takes_the_place, HONEST),
    "and rests on its own signers": (rests_on_it_alone, HONEST),
    "sooner than the policy allows": (then(approved(), signed(review_by=LATER + DAY)), HONEST),
    "with more evidence": (then(approved(), signed(evidence_floor={"least_n": 30, "least_edge": 0.5})), HONEST),
    "without an approval": (signed(), MISSING),
    "with an approval of another mandate": (then(approved(line=LINE), signed()), MISSING),
    "before it is due": (then(due_later, approved()), EARLY),
    "before it is due, once its signer has left": (then(due_later, left("somebody"), approved()), EARLY),
    "once more, while who renewed it is there": (then(approved(), signed(), approved("somebody")), EARLY),
    "once more, after who renewed it has left": (
        then(approved(), signed(), left("second"), approved("somebody"), signed()),
        HONEST,
    ),
    "by a vote on its request, after its first signer has left": (
        then(approved(), signed(), left("somebody"), lambda: vote(standing().request, "second")),
        "while it is open",
    ),
    "two weeks before its review": (
        then(lambda: as_before("UPDATE overrides_mandate SET review_by = %s", LATER + 14 * DAY), approved(), signed()),
        HONEST,
    ),
    "long after its review": (
        then(
            approved(voted_at=LATER + 300 * DAY),
            signed(granted_at=LATER + 300 * DAY, review_by=LATER + 390 * DAY),
        ),
        HONEST,
    ),
    "signed before it is due": (then(approved(), signed(granted_at=NOW, review_by=NOW + 90 * DAY)), EARLY),
    "of an ended mandate": (ended, EARLY),
    "a second time": (then(approved(), again), EARLY),
    "of a line out of force": (then(out_of_force, approved()), EARLY),
    "by the author": (then(authored, approved()), "nobody renews what they drafted"),
    "by the author of another request": (approved("writer"), HONEST),
    "with the approval of its author alone": (then(approved(), authored, signed()), MISSING),
    "by who may not review": (approved("operator"), "may not review"),
    "longer than the policy says": (
        then(approved(), signed(review_by=LATER + 90 * DAY + timedelta(seconds=1))),
        LONGER,
    ),
    "for a policy of ten days": (under('{"mandate_days": 10, "groups": []}', then(approved(), signed())), LONGER),
    "farther": (then(approved(), signed(reach={"size_mult": [1.0, 1.25]})), CHANGED),
    "less far": (then(approved(), signed(reach={"size_mult": [1.0, 1.1]})), CHANGED),
    "in the other direction": (then(approved(), signed(direction=-1)), CHANGED),
    "of another line": (then(approved(), signed(line_id=LINE)), f"{CHANGED}|one_live_mandate_per_line"),
    "of another request that brought the same": (
        then(brought_twice, approved(), signed(request_id=900_001)),
        CHANGED,
    ),
    "of another line of its request": (
        then(granted(PAIR), approved(line=ONE), signed(ONE, line_id=SAME)),
        CHANGED,
    ),
    "with fewer trades than before under a policy that keeps less": (
        under(
            '{"evidence_kept": 0.25, "groups": []}',
            then(approved(), signed(evidence_floor={"least_n": 19.9, "least_edge": 0.4})),
        ),
        "needs less evidence",
    ),
    "with fewer trades": (
        then(approved(), signed(evidence_floor={"least_n": 19.9, "least_edge": 0.4})),
        f"needs less evidence|{LONGER}",
    ),
    "with less edge": (
        under(
            '{"evidence_kept": 0.25, "groups": []}',
            then(approved(), signed(evidence_floor={"least_n": 20, "least_edge": 0.3})),
        ),
        "needs less evidence",
    ),
    "under a policy that keeps more": (
        under('{"evidence_kept": 0.6, "groups": []}', then(approved(), signed())),
        LONGER,
    ),
    "with one approval of two": (under(RAISED, then(approved(), signed())), "has 1 of 2 approvals"),
    "with both approvals": (under(RAISED, then(approved(), approved("somebody"), signed())), HONEST),
    "by a person twice": (then(approved(), approved()), "one_renewal_per_mandate_and_person"),
    "by nobody of the groups": (
        under('{"groups": ["board"]}', then(approved(), signed())),
        MISSING,
    ),
    "without a reason": (approved(reason=""), "renewal_has_a_reason"),
    "an approval rewritten": (
        then(approved(), lambda: sql("UPDATE overrides_mandaterenewal SET reason = 'x'")),
        f"is append-only|{DENIED}",
    ),
    "an approval deleted": (
        then(approved(), lambda: sql("DELETE FROM overrides_mandaterenewal")),
        f"is append-only|{DENIED}",
    ),
    "a date put off": (
        lambda: sql("UPDATE overrides_mandate SET review_by = review_by + interval '1 day'"),
        f"is immutable: only revoked_at is set|{DENIED}",
    ),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", RENEWALS)
def test_renewals(name: str, role: str) -> None:
    refused(*RENEWALS[name], role=role)


def test_an_approval_without_an_entry_is_refused() -> None:
    def write() -> None:
        MandateRenewal.objects.create(
            mandate=standing(), voter=User.objects.get(username="second"), reason="x", voted_at=LATER
        )

    refused(write, "INSERT on overrides_mandaterenewal without an audit entry")
