"""A mandate is what a reviewed request of the same transaction says: no wider, no longer, and on no less evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overrides.models import Mandate
from overrides.versions.publish import store_parameters
from tests.builders import NOW, make_parameters
from tests.bypass.ways.forgery import (
    DAY,
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
)

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

BEYOND = "reaches beyond what request"
UNREADABLE = "has no readable reach, floor or term"
LONGER = "lasts longer, or needs less evidence, than the policy of request"
BAD = {"trend": "Bad"}
NEW = size(1.1, BAD)
FLOOR = {"least_n": 20.0, "least_edge": 0.4}


def granted(forgery: Forgery | None = None, **over: Any) -> Act:
    """Publish a new line after votes, and sign a mandate on it that differs in `over`."""
    forgery = forgery or Forgery(brings=(NEW,))

    def write() -> None:
        forgery()
        fields = {
            "line_id": forgery.brings[0].line, "request": forgery.asked, "direction": 1,
            "reach": {"size_mult": [1.0, 1.1]}, "evidence_floor": FLOOR, "granted_at": NOW,
            "review_by": NOW + 90 * DAY,
        } | over  # fmt: skip
        Mandate.objects.create(**fields)

    return write


def claims() -> None:
    """What a mandate rests on is written by the database, whatever is claimed."""
    granted(edge_sign=-1, approvals_needed=0, voter_groups=["everybody"])()
    found = Mandate.objects.latest("pk")
    assert (found.edge_sign, found.approvals_needed, found.voter_groups) == (1, 1, [])


def claims_of_a_falling_line() -> None:
    """Each line of a request has the sign of its own edge."""
    falling, rising = size(0.9, BAD, edge_raw=-0.8), size(1.1, {"trend": "Good"})
    forgery = Forgery(brings=(falling, rising))
    granted(forgery, reach={"size_mult": [0.9, 1.0]})()
    Mandate.objects.create(
        line_id=rising.line, request=forgery.asked, direction=1, reach={"size_mult": [1.0, 1.1]}, evidence_floor=FLOOR,
        granted_at=NOW, review_by=NOW + DAY,
    )  # fmt: skip
    assert list(Mandate.objects.order_by("-pk").values_list("edge_sign", flat=True)[:2]) == [1, -1]


def claims_of_a_line_that_turned() -> None:
    """The edge counts that this request brings, not what earlier ones brought on the same line."""
    fallen = Forgery(brings=(size(0.9, edge_raw=-0.8),))
    on_a_line_that_had_one(fallen, reach={"size_mult": [0.9, 1.0]})()
    assert Mandate.objects.latest("pk").edge_sign == -1


def early(**request: Any) -> Act:
    """Sign a mandate in the transaction of its request, before the request is applied or even written."""
    forgery = Forgery(brings=(NEW,), request=request)

    def sign() -> None:
        Mandate.objects.create(
            line_id=NEW.line, request_id=request.get("id") or forgery.asked.pk, direction=1, granted_at=NOW,
            reach={"size_mult": [1.0, 1.1]}, evidence_floor=FLOOR, review_by=NOW + DAY,
        )  # fmt: skip

    forgery.more = (lambda: None) if request else sign
    return then(sign, forgery) if request else forgery


def claims_under_a_stricter_policy() -> None:
    as_before("INSERT INTO auth_group (name) VALUES ('board')")
    as_before("INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user AS u, auth_group AS g")
    forgery = Forgery(brings=(NEW,), voters=("somebody", "second"))
    under('{"approvals": 2, "groups": ["board"]}', granted(forgery))()
    found = Mandate.objects.latest("pk")
    assert (found.approvals_needed, found.voter_groups) == (2, ["board"])


def claims_without_an_edge() -> None:
    granted(Forgery(brings=(size(1.1, BAD, edge_raw=0.0),)), edge_sign=1, evidence_floor=FLOOR | {"least_edge": 0})()
    assert Mandate.objects.latest("pk").edge_sign == 0


def old_request() -> None:
    found = Mandate.objects.get(line_id=OTHER, revoked_at=None)
    Mandate.objects.filter(pk=found.pk).update(revoked_at=NOW)
    audited("anything")
    found.pk = None
    found.save(force_insert=True)


def unaudited() -> None:
    Mandate.objects.filter(line_id=OTHER).update(revoked_at=NOW)


def on_a_line_that_had_one(forgery: Forgery, **over: Any) -> Act:
    """Sign another mandate on a line after the one before it has ended."""

    def write() -> None:
        line = forgery.brings[0].line
        Mandate.objects.filter(line_id=line, revoked_at=None).update(revoked_at=NOW)
        granted(forgery, **over)()

    return write


def of_parameters() -> None:
    wanted = make_parameters(protected_motifs=["a"])
    row = store_parameters(wanted, by="m", reason="m", at=NOW)
    forgery = Forgery(kind="parameters", content=wanted.to_document(), brings=(NEW,), version={"parameters_id": row.pk})
    granted(forgery)()


def by_itself() -> None:
    """Publish under the mandate on a line, have that checked, and sign a wider mandate by the same request."""

    def checked() -> None:
        sql("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        Mandate.objects.filter(line_id=LINE, revoked_at=None).update(revoked_at=NOW)

    granted(Forgery(route="mandate", brings=(size(1.1),), last=checked), review_by=NOW + 99 * DAY)()


MANDATES: dict[str, tuple[Act, str]] = {
    "as it was signed": (granted(), HONEST),
    "less than was signed": (granted(reach={"size_mult": [1.0, 1.05]}), BEYOND),
    "farther than was signed": (granted(reach={"size_mult": [1.0, 1.11]}), BEYOND),
    "to the other side": (granted(reach={"size_mult": [0.99, 1.1]}), BEYOND),
    "nothing": (granted(reach={"size_mult": [1.0, 1.0]}), BEYOND),
    "the target alone": (granted(reach={"size_mult": [1.1, 1.1]}), HONEST),
    "on a line that is not there": (
        then(granted(line_id="f" * 64), lambda: sql("SET CONSTRAINTS mandate_is_signed IMMEDIATE")),
        "is not applied, or of another kind",
    ),
    "the wrong way round": (granted(reach={"size_mult": [1.1, 1.0]}), BEYOND),
    "three ends": (granted(reach={"size_mult": [1.0, 1.1, 1.1]}), BEYOND),
    "no lever": (granted(reach={}), UNREADABLE),
    "a term that is over as it begins": (granted(review_by=NOW), UNREADABLE),
    "a term that was over before": (granted(review_by=NOW - DAY), UNREADABLE),
    "by a request that the mandate before covered": (by_itself, BEYOND),
    "another lever that stays": (granted(reach={"size_mult": [1.0, 1.1], "alloc_mult": [1.0, 1.0]}), BEYOND),
    "what another line of the request brings": (
        granted(Forgery(brings=(NEW, size(1.2, {"trend": "Good"}))), reach={"size_mult": [1.0, 1.2]}),
        BEYOND,
    ),
    "what an earlier request brought": (
        on_a_line_that_had_one(Forgery(brings=(size(1.1),)), reach={"size_mult": [1.0, 1.25]}),
        BEYOND,
    ),
    "less evidence than another line of the request has": (
        granted(Forgery(brings=(NEW, size(1.2, {"trend": "Good"}, n=90)))),
        HONEST,
    ),
    "less evidence than an earlier request had": (
        on_a_line_that_had_one(
            Forgery(brings=(size(1.1, n=20, edge_raw=0.4),)), evidence_floor={"least_n": 10, "least_edge": 0.2}
        ),
        HONEST,
    ),
    "a hair fewer trades": (granted(evidence_floor=FLOOR | {"least_n": 19.995}), LONGER),
    "a hair less edge": (granted(evidence_floor=FLOOR | {"least_edge": 0.395}), LONGER),
    "of a rollback": (
        on_a_line_that_had_one(
            Forgery(kind="rollback", content={"to": 1}, brings=(size(1.2),), withdraws=(OTHER,)),
            reach={"size_mult": [1.0, 1.2]},
        ),
        HONEST,
    ),
    "of a request for parameters": (of_parameters, HONEST),
    "by a request under mandates": (
        on_a_line_that_had_one(Forgery(route="mandate", brings=(size(1.1),))),
        f"{BEYOND}|no mandate covers",
    ),
    "another lever": (granted(reach={"size_mult": [1.0, 1.1], "alloc_mult": [1.0, 1.1]}), BEYOND),
    "another line": (granted(line_id=LINE), f"{BEYOND}|one_live_mandate_per_line"),
    "as long as the policy says": (granted(review_by=NOW + 90 * DAY), HONEST),
    "longer than the policy says": (granted(review_by=NOW + 90 * DAY + timedelta(seconds=1)), LONGER),
    "for a hundred years": (granted(review_by=NOW + 36500 * DAY), LONGER),
    "fewer trades than the policy says": (granted(evidence_floor=FLOOR | {"least_n": 19.9}), LONGER),
    "less edge than the policy says": (granted(evidence_floor=FLOOR | {"least_edge": 0.39}), LONGER),
    "no floor of trades": (granted(evidence_floor={"least_edge": 0.4}), UNREADABLE),
    "no floor of edge": (granted(evidence_floor={"least_n": 20.0}), UNREADABLE),
    "a policy of ten days": (under('{"mandate_days": 10, "groups": []}', granted()), LONGER),
    "a policy of a hundred days": (
        under('{"mandate_days": 100, "groups": []}', granted(review_by=NOW + 100 * DAY)),
        HONEST,
    ),
    "a policy that keeps more evidence": (under('{"evidence_kept": 0.6, "groups": []}', granted()), LONGER),
    "a policy that keeps less": (
        under('{"evidence_kept": 0.25, "groups": []}', granted(evidence_floor={"least_n": 10, "least_edge": 0.2})),
        HONEST,
    ),
    "of another transaction": (old_request, "was applied in another transaction"),
    "what it claims to rest on": (claims, HONEST),
    "what it claims of a falling line": (claims_of_a_falling_line, HONEST),
    "what it claims of a line that turned": (claims_of_a_line_that_turned, HONEST),
    "before its request is applied": (early(), "is signed after request [0-9]+ was applied"),
    "before its request is written": (early(id=900_001), "is signed after request 900001 was applied"),
    "what it claims under a stricter policy": (claims_under_a_stricter_policy, HONEST),
    "what it claims without an edge": (claims_without_an_edge, HONEST),
    "without votes": (granted(Forgery(brings=(NEW,), voters=())), "has 0 of 1 approvals"),
    "under a mandate": (
        granted(Forgery(route="mandate", brings=(size(1.1),)), reach={"size_mult": [1.0, 1.1]}),
        f"{BEYOND}|one_live_mandate",
    ),
    "revoked at its grant": (granted(revoked_at=NOW), "only revoked_at is set, once and later"),
    "a direction that is none": (granted(direction=2), "mandate_direction_is_a_sign"),
    "revoked without an entry": (unaudited, "without an audit entry in its transaction"),
    "revoked where nothing was ever written": (
        lambda: then(lambda: as_before("DELETE FROM telemetry_auditentry"), unaudited)(),
        "without an audit entry in its transaction",
    ),
    "revoked twice": (
        then(unaudited, lambda: audited("anything"), unaudited),
        "only revoked_at is set, once and later",
    ),
    "revoked with one": (then(unaudited, lambda: audited("anything")), HONEST),
    "a second one on its line": (lambda: granted(Forgery(brings=(size(1.1),)))(), "one_live_mandate_per_line"),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", MANDATES)
def test_mandates(name: str, role: str) -> None:
    refused(*MANDATES[name], role=role)
