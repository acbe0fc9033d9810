"""A version is what its votes say, line by line: every deviation from an honest one is refused by name."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from overrides.models import Membership
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
    refused,
    size,
    sql,
    then,
)
from tests.bypass.ways.publications import (
    ALLOCATION,
    BY_VERSION,
    DIFFERS,
    HOUR,
    NEW,
    OF_ITS_VERSION,
    OUT,
    UNDECIDED,
    WEIGHTS,
    brought_beside,
    capped,
    checked_early,
    edited_after,
    ended_beside,
    ended_late,
    hold,
    in_another_cluster,
    late,
    of_dm,
    of_dm_with,
    opened_new,
    published_unapplied,
    reviewed,
    signed_by_its_author,
    somebody_is,
    stored,
    tightened,
    voted_beside,
)

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]
REVIEWED: dict[str, tuple[Act, str]] = {
    "a change": (reviewed(), HONEST),
    "a new line": (reviewed(NEW), HONEST),
    "a withdrawal": (Forgery(withdraws=(LINE,)), HONEST),
    "no vote": (reviewed(voters=()), UNDECIDED),
    "a vote of somebody who was deactivated since": (reviewed(more=somebody_is("is_active = false")), UNDECIDED),
    "a vote of somebody who was demoted since": (reviewed(more=somebody_is("is_superuser = false")), UNDECIDED),
    "votes on another request of the same content": (then(voted_beside, reviewed(voters=())), UNDECIDED),
    "votes on the edition before": (edited_after(reviewed()), UNDECIDED),
    "the vote of its author": (signed_by_its_author(reviewed()), UNDECIDED),
    "a line that was not brought": (reviewed(opens=False), BY_VERSION),
    "a line that was not closed": (reviewed(closes=False), f"{DIFFERS}|one_open_membership_per_line"),
    "a new line that is not opened": (reviewed(NEW, opens=False), BY_VERSION),
    "a withdrawal that is not closed": (Forgery(withdraws=(LINE,), closes=False), BY_VERSION),
    "a line more is closed": (
        reviewed(last=lambda: Membership.objects.filter(line_id=OTHER, to_version=None).update(to_version=4)),
        f"(?s)version pm/4 differs from request [0-9]+ at line {OTHER}.*version_is_decided",
    ),
    "another override than was brought": (
        then(lambda: stored(size(1.15)), reviewed(membership={"override_id": size(1.15).content_id, "override": None})),
        BY_VERSION,
    ),
    "a line more is opened": (then(lambda: stored(NEW), reviewed(last=opened_new)), BY_VERSION),
    "a membership of a version of old": (late, "is opened or closed only by the version that does it"),
    "a membership of a version of old beside a new one": (
        then(reviewed(), late),
        "is opened or closed only by the version that does it",
    ),
    "a membership of a version of the other module": (
        then(of_dm, lambda: late(6)),
        "a membership of pm is opened or closed only by the version that does it",
    ),
    "a line that another request brings": (brought_beside, OF_ITS_VERSION),
    "an end of a line beside those of the request": (reviewed(last=then(ended_beside, checked_early)), OF_ITS_VERSION),
    "another override on a line of the request": (
        then(
            lambda: stored(size(1.15)),
            reviewed(membership={"override_id": size(1.15).content_id, "override": None}, last=checked_early),
        ),
        OF_ITS_VERSION,
    ),
    "an end by a version of old": (ended_late, "is opened or closed only by the version that does it"),
    "a path of the plan's method": (
        reviewed(membership={"path_from": {"size_mult": 1.0}, "path_since": NOW}),
        "the path of line [0-9a-f]+ does not begin where the line stood",
    ),
    "a time without a path": (reviewed(membership={"path_since": NOW}), "membership_path_is_whole"),
    "half a path": (
        reviewed(membership={"path_from": {"size_mult": 1.0}}),
        "does not begin where|membership_path_is_whole",
    ),
    "a number beyond the next": (reviewed(version={"number": 5}), "version pm/5: the next number is 4"),
    "the greatest number": (reviewed(version={"number": 2147483647}), "version pm/2147483647: the next number is 4"),
    "an earlier number": (reviewed(version={"number": 2}), "version pm/2: the next number is 4"),
    "more movement than it says": (reviewed(movement=6.45), "request [0-9]+ moves 6.45[0-9]* steps and says 6.4"),
    "less movement than it makes, and another version in its place": (
        then(reviewed(movement=1.0), Forgery(brings=(NEW,))),
        "request [0-9]+ moves 6.45[0-9]* steps and says 1(?![0-9])",
    ),
    "less movement than it makes at tightened steps": (
        then(tightened, reviewed(movement=12.8)),
        "request [0-9]+ moves 12.8[0-9]* steps and says 12.8",
    ),
    "less movement than its weights make": (
        of_dm_with(WEIGHTS, movement=20.0),
        "moves 20.4[0-9]* steps and says 20(?![0-9])",
    ),
    "no movement where its weights stood": (
        then(
            lambda: as_before(
                "UPDATE learning_configs SET coefficients = %s WHERE module = 'dm' AND is_active", json.dumps(WEIGHTS)
            ),
            of_dm_with(WEIGHTS, movement=0.0),
        ),
        HONEST,
    ),
    "as much movement as its weights make": (of_dm_with(WEIGHTS, movement=20.5), HONEST),
    "as much movement as it says beside another module with weights": (
        then(
            lambda: as_before("UPDATE learning_configs SET coefficients = '{\"chain=base\": 1.5}' WHERE module = 'dm'"),
            reviewed(movement=6.46),
        ),
        HONEST,
    ),
    "as much movement as it says": (reviewed(movement=6.46), HONEST),
    "a transaction of another cluster": (in_another_cluster(reviewed()), "was applied in another transaction"),
    "a request that expired": (
        reviewed(at=NOW + 30 * DAY),
        "request [0-9]+ expired on",
    ),
    "a request in its last second": (reviewed(at=NOW + 30 * DAY - timedelta(seconds=1)), HONEST),
    "a veto": (then(hold("veto"), reviewed()), f"a veto stands on line {LINE}"),
    "a veto that was lifted": (then(hold("veto", lifted_at=NOW), reviewed()), HONEST),
    "a veto that ran out": (then(hold("veto", expires_at=NOW), reviewed()), HONEST),
    "a veto that ends at this moment": (then(hold("veto", expires_at=NOW + HOUR), reviewed()), HONEST),
    "a veto on what the next version takes out": (
        then(hold("veto"), reviewed(), Forgery(withdraws=(LINE,))),
        HONEST,
    ),
    "a veto on a line that the other module's version of this number opened": (
        then(hold("veto", ALLOCATION.line), reviewed()),
        HONEST,
    ),
    "a veto on another line": (then(hold("veto", OTHER), reviewed()), HONEST),
    "a veto that runs": (then(hold("veto", expires_at=NOW + DAY), reviewed()), "a veto stands on line"),
    "a pin": (then(hold("pin"), reviewed()), HONEST),
    "a cap": (then(capped(), reviewed()), HONEST),
    "other coefficients": (
        reviewed(version={"coefficients": {"chain=base": 2.0}}),
        "has constants that request|no weight of dm",
    ),
    "a request that is not applied": (published_unapplied, "request [0-9]+ of pm is not applied, or of another kind"),
    "an active trial": (
        reviewed(version={"kind": "trial"}),
        "trial_is_never_active|is not applied, or of another kind",
    ),
    "a restored version": (reviewed(version={"kind": "restored"}), DIFFERS),
    "a version of old rewritten": (
        lambda: sql("UPDATE learning_configs SET content_hash = 'x' WHERE module = 'pm' AND number = 1"),
        f"version pm/1 is immutable|{DENIED}",
    ),
    "a version of old in force again": (
        lambda: sql("UPDATE learning_configs SET is_active = true WHERE module = 'pm' AND number = 1"),
        "version pm/1 is immutable",
    ),
    "a version of old put out of force once more": (
        lambda: sql("UPDATE learning_configs SET is_active = false WHERE module = 'pm' AND number = 1"),
        OUT,
    ),
    "out of force beside a new version of the other module": (
        then(of_dm, lambda: sql("UPDATE learning_configs SET is_active = false WHERE module = 'pm' AND is_active")),
        OUT,
    ),
    "inactive beside the one before": (
        reviewed(version={"is_active": False}, replaces=False),
        "version pm/4 is not in force, which only a trial may be",
    ),
    "inactive": (reviewed(version={"is_active": False}), "was taken out of force without another in its place"),
    "what is served at once": (
        Forgery(route="at_once", brings=(size(1.1),)),
        "took effect at once and may only take lines away",
    ),
    "a line taken away at once": (Forgery(route="at_once", withdraws=(LINE,)), HONEST),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", REVIEWED)
def test_after_votes(name: str, role: str) -> None:
    refused(*REVIEWED[name], role=role)
