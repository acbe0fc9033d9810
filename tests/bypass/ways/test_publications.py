"""A version is what its votes or mandates say, line by line: every deviation from an honest one is refused by name."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import ChangeRequest, Mandate, Membership, Quarantine
from overrides.versions.publish import store_override, store_parameters
from tests.builders import NOW, make_parameters, make_spec
from tests.bypass.ways.forgery import (
    DAY,
    DENIED,
    DIP,
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
    vote,
)
from tests.people import somebody

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

HOUR = timedelta(hours=1)
BAD = {"trend": "Bad"}
WEIGHTS = {"chain=base": 1.5}
NEW = size(1.1, BAD)
AGGRESSIVE = make_spec(
    {"size_mult": 1.1, "entry_aggression_mult": 1.1}, stats={"n": 40, "edge_raw": 0.8, "variance": 0.5}
)
ALLOCATION = make_spec({"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation")
UNDECIDED = "has 0 of 1 approvals of its content by others than its author"
UNCOVERED = f"no mandate covers line {LINE}"
OF_ITS_VERSION = "(?s)differs from request [0-9]+ at line.*membership_is_of_its_version"
OUT = "was taken out of force without another in its place"
BY_VERSION = "(?s)version pm/4 differs from request [0-9]+ at line.*version_is_decided"
CAPPED = f"line {LINE} moves farther than its cap"
DIFFERS = f"version pm/4 differs from request [0-9]+ at line {LINE}"


def stored(*specs: OverrideSpec) -> None:
    for spec in specs:
        store_override(spec, source="lesson", at=NOW)


def mandated(spec: OverrideSpec | None = None, **over: Any) -> Forgery:
    return Forgery(route="mandate", brings=(spec or size(1.1),), **over)


def reviewed(spec: OverrideSpec | None = None, **over: Any) -> Forgery:
    return Forgery(brings=(spec or size(1.1),), **over)


def hold(
    kind: str,
    line: str = LINE,
    *,
    expires_at: datetime | None = None,
    lifted_at: datetime | None = None,
    cap: str | None = None,
    rejected: str | None = None,
) -> Act:
    """Let a veto, a pin or a cap have stood for long; `cap` and `rejected` are JSON."""
    return lambda: as_before(
        "INSERT INTO overrides_linehold (line_id, kind, reason, placed_by_id, placed_at, expires_at, lifted_at, cap, "
        "rejected) SELECT %s, %s, 'x', min(id), %s, %s, %s, %s::jsonb, %s::jsonb FROM auth_user",
        line, kind, NOW, expires_at, lifted_at, cap, rejected,
    )  # fmt: skip


def capped(of: str = '{"size_mult": 1.05}', line: str = LINE, **over: Any) -> Act:
    return hold("cap", line, cap=of, **over)


def quarantine(module: str = "pm", *, is_lifted: bool = False) -> Act:
    def place() -> None:
        Quarantine.objects.create(module=module, reason="x", placed_by=somebody(), placed_at=NOW)
        if is_lifted:
            Quarantine.objects.update(lifted_at=NOW)
        audited(f"builder {module}")

    return place


def lowering(document: str = '{"lowering_applies": true}', *, is_active: bool = True, module: str = "pm") -> Act:
    """Let a policy stand that lets the builder lower exposure without a mandate."""

    def place() -> None:
        as_before(
            "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, "
            "created_by) SELECT %s, 1, %s, %s, min(request_id), now(), 'm' FROM overrides_mandate",
            module, is_active, document,
        )  # fmt: skip

    return place


def late(number: int = 3) -> None:
    """Open a membership of a version that was published long ago."""
    store_override(NEW, source="x", at=NOW)
    Membership.objects.create(module="pm", line_id=NEW.line, override_id=NEW.content_id, from_version=number)
    audited("version pm/3")


def ended_late() -> None:
    Membership.objects.filter(line_id=LINE, to_version=None).update(to_version=3)
    audited("version pm/3")


def revoked() -> None:
    Mandate.objects.filter(line_id=LINE, revoked_at=None).update(revoked_at=NOW)
    audited("anything")


def voted_down() -> None:
    """Let the signer of one mandate alone have changed his mind."""
    as_before(
        "INSERT INTO overrides_vote (request_id, voter_id, decision, content_hash, reason, voted_at) "
        "SELECT v.request_id, v.voter_id, 'reject', v.content_hash, 'no', now() FROM overrides_vote AS v "
        "JOIN overrides_mandate AS m ON m.request_id = v.request_id WHERE m.line_id = %s AND m.revoked_at IS NULL",
        LINE,
    )  # fmt: skip


def without_floor() -> None:
    as_before('UPDATE overrides_mandate SET evidence_floor = \'{"least_n": 20, "least_edge": 0}\'')


def somebody_is(change: str) -> Act:
    return lambda: as_before(f"UPDATE auth_user SET {change} WHERE username = 'somebody'")


def replaced_edition() -> None:
    as_before(
        "INSERT INTO overrides_vote (request_id, voter_id, decision, content_hash, reason, voted_at) "
        "SELECT request_id, voter_id, 'reject', content_hash, 'no', now() FROM overrides_vote"
    )


def in_another_cluster(act: Forgery) -> Act:
    """Claim the transaction of an old request, as after a restore into a cluster that counts anew."""

    def forge() -> None:
        act.draft()
        act.apply(act.asked)
        act.publish()
        epoch = "UPDATE overrides_changerequest SET epoch = 1 WHERE id = %s"
        as_before(epoch, act.asked.pk, is_checked=False)

    return forge


def voted_beside() -> None:
    """Let a vote be on another request whose content has the same hash."""
    vote(Forgery(brings=(NEW,)).draft())


def edited_after(act: Forgery) -> Act:
    """Apply another edition by the votes on the one before."""

    def edit() -> None:
        found = ChangeRequest.objects.filter(pk=act.asked.pk)
        found.update(edition=F("edition") + 1, content_hash="b" * 64, state="in_review")
        found.update(state="approved")

    act.more = edit
    return act


def signed_by_its_author(act: Forgery) -> Act:
    """Let the voter have been the author all along."""
    act.more = lambda: as_before(
        "UPDATE overrides_changerequest SET author_id = (SELECT id FROM auth_user WHERE username = 'somebody') "
        "WHERE id = %s",
        act.asked.pk,
    )
    return act


def checked_early() -> None:
    """Let memberships be checked before the version is."""
    sql("SET CONSTRAINTS membership_is_of_its_version IMMEDIATE")


def opened(line: str, override: str) -> None:
    Membership.objects.create(module="pm", line_id=line, override_id=override, from_version=4)


def published_unapplied() -> None:
    forgery = reviewed()
    forgery.draft()
    forgery.publish()


def opened_new() -> None:
    opened(NEW.line, NEW.content_id)


def brought_beside() -> None:
    """Let another request bring a line, and open the line with a version of this one."""
    Forgery(brings=(NEW,)).draft()
    reviewed(last=then(opened_new, checked_early))()


def ended_beside() -> None:
    Membership.objects.filter(line_id=OTHER, to_version=None).update(to_version=4)


def of_dm() -> None:
    """Publish version 6 of the other module as it should be."""
    Forgery(module="dm", brings=(ALLOCATION,))()


def of_dm_with(weights: dict[str, float], *, movement: float) -> Act:
    """Publish other weights of the other module, and nothing else."""
    return Forgery(
        module="dm", content={"coefficients": weights}, version={"coefficients": weights}, movement=movement,
        request={"base_version": 5},
    )  # fmt: skip


def doubled() -> None:
    """Let each trade have another action that was judged."""
    as_before(
        "INSERT INTO telemetry_outcome SELECT (jsonb_populate_record(o, jsonb_build_object('id', o.id + 1000000, "
        "'action_index', o.action_index + 9))).* FROM telemetry_outcome AS o"
    )


def tightened() -> None:
    """Let half the largest step be in force."""
    channel = make_parameters().to_document()["channels"]["pm_strength"]
    weights = channel["weights"] | {"max_steps": {"size_mult": 0.01}}
    row = store_parameters(make_parameters({"weights": weights}), by="m", reason="m", at=NOW)
    as_before("UPDATE learning_configs SET parameters_id = %s WHERE module = 'pm' AND is_active", row.pk)


UNDER_MANDATES: dict[str, tuple[Act, str]] = {
    "a move towards neutral": (mandated(), HONEST),
    "a withdrawal": (Forgery(route="mandate", withdraws=(LINE,)), HONEST),
    "a withdrawal without a mandate": (then(revoked, Forgery(route="mandate", withdraws=(LINE,))), UNCOVERED),
    "another line without a mandate": (mandated(NEW), "no mandate covers line"),
    "an override of another line in the change": (
        then(lambda: stored(size(1.1, DIP)), mandated(line={"after_id": size(1.1, DIP).content_id})),
        "change_brings_its_line",
    ),
    "an override of another line as what stood": (
        mandated(line={"before_id": size(1.2, DIP).content_id}),
        "change_replaces_its_line",
    ),
    "an override of another line in the membership": (
        then(lambda: stored(size(1.1, BAD)), mandated(membership={"override_id": NEW.content_id, "override": None})),
        "membership_holds_its_line|differs from request",
    ),
    "more trades than the module has": (mandated(size(1.1, n=101)), UNCOVERED),
    "as many trades as the module has": (mandated(size(1.1, n=100)), HONEST),
    "more trades than the module has without those of another": (
        then(
            lambda: as_before("UPDATE telemetry_outcome SET module = 'dm' WHERE id %% 2 = 0"), mandated(size(1.1, n=60))
        ),
        UNCOVERED,
    ),
    "more trades than the module has, each with two actions": (
        then(doubled, mandated(size(1.1, n=101))),
        UNCOVERED,
    ),
    "fewer trades than the floor": (mandated(size(1.1, n=19)), UNCOVERED),
    "as many trades as the floor": (mandated(size(1.1, n=20)), HONEST),
    "less edge than the floor": (mandated(size(1.1, edge_raw=0.39)), UNCOVERED),
    "as much edge as the floor": (mandated(size(1.1, edge_raw=0.4)), HONEST),
    "the opposite sign of the edge": (mandated(size(1.1, edge_raw=-0.8)), UNCOVERED),
    "evidence of the future": (mandated(size(1.1, updated_at="2100-01-01T00:00:00Z")), UNCOVERED),
    "evidence of this moment": (mandated(size(1.1, updated_at=(NOW + HOUR).isoformat())), HONEST),
    "no edge where the mandate asks for none": (then(without_floor, mandated(size(1.1, edge_raw=0.0))), HONEST),
    "a target beyond the reach": (mandated(size(1.255)), UNCOVERED),
    "a target beyond neutral": (mandated(size(0.995)), UNCOVERED),
    "another lever": (mandated(AGGRESSIVE), UNCOVERED),
    "a mandate that ran out": (mandated(at=NOW + 400 * DAY), UNCOVERED),
    "a mandate at the moment it runs out": (mandated(at=NOW + 90 * DAY), UNCOVERED),
    "a mandate in its last second": (mandated(at=NOW + 90 * DAY - timedelta(seconds=1)), HONEST),
    "a mandate that was revoked": (then(revoked, mandated()), UNCOVERED),
    "a mandate whose signer was deactivated": (then(somebody_is("is_active = false"), mandated()), UNCOVERED),
    "a mandate whose signer may not review": (then(somebody_is("is_superuser = false"), mandated()), UNCOVERED),
    "a mandate whose signer said no later": (then(replaced_edition, mandated()), UNCOVERED),
    "a mandate whose own request was voted down later": (then(voted_down, mandated()), UNCOVERED),
    "a person who drafted it": (
        lambda: mandated(request={"author": somebody()})(),
        "no mandate covers line <NULL>|no mandate covers line",
    ),
    "a quarantine": (then(quarantine(), mandated()), "the builder of pm is in quarantine"),
    "a quarantine of the other module": (then(quarantine("dm"), mandated()), HONEST),
    "a quarantine that was lifted": (then(quarantine(is_lifted=True), mandated()), HONEST),
    "a pin": (then(hold("pin"), mandated()), f"line {LINE} is pinned"),
    "a pin on another line": (then(hold("pin", OTHER), mandated()), HONEST),
    "a pin that was lifted": (then(hold("pin", lifted_at=NOW), mandated()), HONEST),
    "a pin that ran out": (then(hold("pin", expires_at=NOW), mandated()), HONEST),
    "a pin that ends at this moment": (then(hold("pin", expires_at=NOW + HOUR), mandated()), HONEST),
    "a pin that runs": (then(hold("pin", expires_at=NOW + DAY), mandated()), "is pinned"),
    "a pin of a rejection": (then(hold("pin", rejected="{}"), mandated()), f"line {LINE} is pinned"),
    "a withdrawal under a pin": (then(hold("pin"), Forgery(route="mandate", withdraws=(LINE,))), "is pinned"),
    "a withdrawal under a pin of a rejection": (
        then(hold("pin", rejected="{}"), Forgery(route="mandate", withdraws=(LINE,))),
        HONEST,
    ),
    "a target beyond a cap": (then(capped(), mandated()), CAPPED),
    "a target beyond a cap in the other direction": (then(capped('{"size_mult": 0.96}'), mandated()), CAPPED),
    "a target at a cap": (then(capped('{"size_mult": 1.1}'), mandated()), HONEST),
    "a target within a cap in the other direction": (then(capped('{"size_mult": 0.9}'), mandated()), HONEST),
    "a cap on another lever": (then(capped('{"entry_aggression_mult": 1.05}'), mandated()), HONEST),
    "a cap that no one can read": (then(capped('{"size_mult": null}'), mandated()), CAPPED),
    "a cap on another line": (then(capped(line=OTHER), mandated()), HONEST),
    "a cap that was lifted": (then(capped(lifted_at=NOW), mandated()), HONEST),
    "a cap that ran out": (then(capped(expires_at=NOW), mandated()), HONEST),
    "a cap that runs": (then(capped(expires_at=NOW + DAY), mandated()), CAPPED),
    "a withdrawal under a cap": (then(capped(), Forgery(route="mandate", withdraws=(LINE,))), HONEST),
    "a target beyond a cap where the policy lets exposure fall": (
        then(lowering(), revoked, capped(), mandated()),
        CAPPED,
    ),
    "a veto": (then(hold("veto"), mandated()), f"a veto stands on line {LINE}"),
    "a veto of what is withdrawn": (then(hold("veto"), Forgery(route="mandate", withdraws=(LINE,))), HONEST),
    "parameters": (mandated(kind="parameters"), "has constants|was not reviewed and may move lines alone"),
    "content beside its lines": (mandated(content={"note": "x"}), "was not reviewed and may move lines alone"),
    "less exposure where the policy lets it": (then(then(lowering(), revoked), mandated()), HONEST),
    "more exposure where the policy lets it fall": (
        then(then(lowering(), revoked), mandated(size(1.26))),
        UNCOVERED,
    ),
    "the same exposure where the policy lets it fall": (
        then(lowering(), revoked, mandated(size(1.25, n=50))),
        UNCOVERED,
    ),
    "less exposure in one lever and more in another": (
        then(lowering(), revoked, mandated(AGGRESSIVE)),
        UNCOVERED,
    ),
    "a withdrawal where the policy lets exposure fall": (
        then(lowering(), revoked, Forgery(route="mandate", withdraws=(LINE,))),
        HONEST,
    ),
    "less exposure where a policy of old let it": (
        then(then(lowering(is_active=False), revoked), mandated()),
        UNCOVERED,
    ),
    "less exposure where the policy of the other module lets it": (
        then(lowering(module="dm"), revoked, mandated()),
        UNCOVERED,
    ),
    "less exposure than a before that did not stand": (
        then(
            then(lowering(), revoked, lambda: stored(size(1.3))),
            mandated(size(1.28), line={"before_id": size(1.3).content_id}),
        ),
        "was drafted against other levers than stood on line",
    ),
}

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
@pytest.mark.parametrize("name", UNDER_MANDATES)
def test_under_mandates(name: str, role: str) -> None:
    refused(*UNDER_MANDATES[name], role=role)


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", REVIEWED)
def test_after_votes(name: str, role: str) -> None:
    refused(*REVIEWED[name], role=role)
