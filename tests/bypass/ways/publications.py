"""Honest versions and every way to make one dishonest, for the tests of what votes and mandates let through."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import ChangeRequest, Mandate, Membership, Quarantine
from overrides.versions.publish import store_override, store_parameters
from tests.builders import NOW, make_parameters, make_spec
from tests.bypass.ways.forgery import (
    LINE,
    OTHER,
    Act,
    Forgery,
    as_before,
    audited,
    size,
    sql,
    then,
    vote,
)
from tests.people import somebody

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
