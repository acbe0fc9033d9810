"""A mandate, and a policy, are what a reviewed request of the same transaction says: no wider, no longer, no weaker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overrides.models import Mandate, ModulePolicy
from overrides.versions.publish import store_parameters
from tests.builders import NOW, make_parameters
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


def under(document: str, act: Act) -> Act:
    """Under a policy that has long been in force."""

    def write() -> None:
        as_before(
            "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, "
            "created_by) SELECT 'pm', 1, true, %s, min(request_id), now(), 'm' FROM overrides_mandate",
            document,
        )  # fmt: skip
        act()

    return write


def claims() -> None:
    """What a mandate rests on is written by the database, whatever is claimed."""
    granted(edge_sign=-1, approvals_needed=0, voter_groups=["everybody"])()
    found = Mandate.objects.latest("pk")
    assert (found.edge_sign, found.approvals_needed, found.voter_groups) == (1, 1, [])


def claims_of_a_falling_line() -> None:
    falling = size(0.9, BAD, edge_raw=-0.8)
    granted(Forgery(brings=(size(1.1), falling)), line_id=falling.line, reach={"size_mult": [0.9, 1.0]})()
    assert Mandate.objects.latest("pk").edge_sign == -1


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
    "revoked with one": (then(unaudited, lambda: audited("anything")), HONEST),
    "a second one on its line": (lambda: granted(Forgery(brings=(size(1.1),)))(), "one_live_mandate_per_line"),
}


def policy(content: dict[str, Any], document: dict[str, Any] | None = None, **over: Any) -> Act:
    forgery = Forgery(
        kind="policy", content=content, brings=(), **{k: v for k, v in over.items() if k in ("voters", "route")}
    )
    fields = {k: v for k, v in over.items() if k not in ("voters", "route")}

    def write() -> None:
        forgery.apply(forgery.draft())
        row = {
            "module": "pm", "number": 1, "is_active": True, "request": forgery.asked, "created_at": NOW,
            "document": content if document is None else document, "created_by": "m",
        } | fields  # fmt: skip
        ModulePolicy.objects.create(**row)
        audited(f"policy {row['module']}/{row['number']}")

    return write


def replaced(act: Act) -> Act:
    def write() -> None:
        ModulePolicy.objects.filter(is_active=True).update(is_active=False)
        act()

    return write


RAISED = '{"approvals": 2, "groups": []}'


def stands(number: int, module: str = "pm", *, is_active: bool = True) -> Act:
    """Let a policy have been there for long."""
    return lambda: as_before(
        "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, created_by) "
        "SELECT %s, %s, %s, '{\"groups\": []}', min(request_id), now(), 'm' FROM overrides_mandate",
        module, number, is_active,
    )  # fmt: skip


def is_active(number: int, value: bool, document: str = '{"groups": []}') -> Act:
    return lambda: sql(
        "UPDATE overrides_modulepolicy SET is_active = %s, document = %s WHERE module = 'pm' AND number = %s",
        value, document, number,
    )  # fmt: skip


IMMUTABLE = "policy pm/[0-9] is immutable; another one replaces it"
POLICIES: dict[str, tuple[Act, str]] = {
    "as it was signed": (policy({"approvals": 2}), HONEST),
    "another document": (policy({"approvals": 2}, {"approvals": 1}), "is not what request"),
    "a number that does not follow": (policy({}, number=2), "policy pm/2 does not follow the last one"),
    "of the other module": (policy({}, module="dm"), "is not applied, or of another kind"),
    "without votes": (policy({}, voters=()), "has 0 of 1 approvals"),
    "with fewer votes than the last one": (
        under(RAISED, replaced(policy({"approvals": 1}, number=2))),
        "has 1 of 2 approvals",
    ),
    "with as many votes as the last one": (
        under(RAISED, replaced(policy({"approvals": 1}, number=2, voters=("somebody", "second")))),
        HONEST,
    ),
    "of groups without the voter": (
        under('{"groups": ["board"]}', replaced(policy({}, number=2))),
        "has 0 of 1 approvals",
    ),
    "of large groups without the voter": (
        under('{"groups": [], "large_groups": ["board"]}', replaced(policy({}, number=2))),
        "has 0 of 1 approvals",
    ),
    "beside another one": (
        under(RAISED, policy({}, number=2, voters=("somebody", "second"))),
        "one_active_policy_per_module",
    ),
    "a document changed later": (
        under(RAISED, lambda: sql("UPDATE overrides_modulepolicy SET document = '{}'")),
        "is immutable; another one replaces it",
    ),
    "a document changed as another replaces it": (
        then(stands(1), is_active(1, False, '{"approvals": 0}'), policy({}, number=2)),
        IMMUTABLE,
    ),
    "none in its place but an inactive one": (
        then(stands(1), stands(2, is_active=False), is_active(1, False)),
        IMMUTABLE,
    ),
    "none in its place but one of the other module": (
        then(stands(1), stands(2, "dm"), is_active(1, False)),
        IMMUTABLE,
    ),
    "an older one in force for a moment": (
        then(
            stands(1, is_active=False),
            stands(2),
            is_active(2, False),
            is_active(1, True),
            is_active(1, False),
            policy({}, number=3),
        ),
        IMMUTABLE,
    ),
    "the second of its module beside the first of another": (
        then(stands(1), stands(1, "dm"), is_active(1, False), policy({}, number=2)),
        HONEST,
    ),
    "at once": (policy({}, route="at_once"), "was not reviewed and changes no policy"),
    "none in its place": (
        under(RAISED, lambda: sql("UPDATE overrides_modulepolicy SET is_active = false")),
        "is immutable; another one replaces it",
    ),
    "under nobody": (
        under('{"approvals": 0, "groups": []}', replaced(policy({}, number=2, voters=()))),
        "has 0 of 1 approvals",
    ),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", MANDATES)
def test_mandates(name: str, role: str) -> None:
    refused(*MANDATES[name], role=role)


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", POLICIES)
def test_policies(name: str, role: str) -> None:
    act, why = POLICIES[name]
    refused(act, f"{why}|{DENIED}" if why else why, role=role)


def nothing_moved() -> None:
    as_before("UPDATE overrides_changerequest SET movement = 0")


class TestLargeMovements:
    """What is large, by itself or with what was applied in the window before it, needs the votes of the policy."""

    POLICY = (
        '{"approvals": 1, "groups": [], "large_movement": 10, "large_approvals": 2, "large_groups": [], '
        '"window_days": 1}'
    )

    @pytest.mark.parametrize(
        ("moved", "before", "hours", "over", "why"),
        [
            (10.0, 0.0, 1, {}, HONEST),
            (10.1, 0.0, 1, {}, "has 1 of 2 approvals"),
            (10.1, 0.0, 1, {"voters": ("somebody", "second")}, HONEST),
            (7.0, 3.0, 1, {}, HONEST),
            (7.0, 4.0, 1, {}, "has 1 of 2 approvals"),
            (7.0, 4.0, 23.99, {}, "has 1 of 2 approvals"),
            (7.0, 4.0, 24, {}, HONEST),
            (7.0, 4.0, 0, {}, "has 1 of 2 approvals"),
            (7.0, 4.0, -1, {}, HONEST),
            (10.0, 0.0, 48, {}, HONEST),
            (10.1, 0.0, 48, {}, "has 1 of 2 approvals"),
        ],
    )  # fmt: skip
    def test_need_their_votes(self, moved: float, before: float, hours: float, over: dict[str, Any], why: str) -> None:
        forgery = Forgery(brings=(size(1.1),), movement=moved, **over)

        def write() -> None:
            as_before(
                "UPDATE overrides_changerequest SET movement = 0, closed_at = %s WHERE state = 'applied'",
                forgery.at - timedelta(hours=hours),
            )
            as_before(
                "UPDATE overrides_changerequest SET movement = %s WHERE id = (SELECT max(id) FROM "
                "overrides_changerequest WHERE state = 'applied')", before,
            )  # fmt: skip
            forgery()

        refused(under(self.POLICY, write), why)

    @pytest.mark.parametrize("change", ["module = 'dm'", "route = 'mandate'", "state = 'cancelled'"])
    def test_count_what_was_applied_in_their_module_by_their_route(self, change: str) -> None:
        def write() -> None:
            as_before(
                f"UPDATE overrides_changerequest SET movement = 100, closed_at = %s, {change} WHERE state = 'applied'",
                NOW,
            )
            Forgery(brings=(size(1.1),), movement=7.0)()

        refused(under(self.POLICY, write), HONEST)

    def test_are_none_where_the_policy_names_no_size(self) -> None:
        policy = '{"approvals": 1, "groups": [], "large_approvals": 2}'

        refused(under(policy, Forgery(brings=(size(1.1),), movement=1e6)), HONEST)

    @pytest.mark.parametrize(("moved", "why"), [(11.0, "has 0 of 2 approvals"), (9.0, HONEST)])
    def test_need_votes_of_their_groups(self, moved: float, why: str) -> None:
        board = self.POLICY.replace('"large_groups": []', '"large_groups": ["board"]')

        refused(under(board, then(nothing_moved, Forgery(brings=(size(1.1),), movement=moved))), why)

    def test_are_voted_on_by_members_of_their_groups(self) -> None:
        board = self.POLICY.replace('"groups": [],', '"groups": ["desk", "board"],', 1)

        def join() -> None:
            as_before("INSERT INTO auth_group (name) VALUES ('board'), ('others')")
            as_before(
                "INSERT INTO auth_user_groups (user_id, group_id) "
                "SELECT u.id, g.id FROM auth_user AS u, auth_group AS g "
                "WHERE (u.username, g.name) IN (('somebody', 'board'), ('second', 'others'))"
            )

        first, second = (Forgery(brings=(size(1.1),), movement=7.0, voters=(name,)) for name in ("somebody", "second"))
        refused(under(board, then(nothing_moved, join, first)), HONEST)
        refused(under(board, then(nothing_moved, join, second)), "has 0 of 1 approvals")
