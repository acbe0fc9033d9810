"""A policy is what a reviewed request says, follows the last one, and decides how many votes a large movement needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overrides.models import ChangeRequest, ModulePolicy
from tests.builders import NOW
from tests.bypass.ways.forgery import (
    DENIED,
    HONEST,
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

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]


def policy(
    content: dict[str, Any],
    document: dict[str, Any] | None = None,
    *,
    named: str = "policy {module}/{number}",
    **over: Any,
) -> Act:
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
        audited(named.format_map(row))

    return write


def replaced(act: Act) -> Act:
    def write() -> None:
        ModulePolicy.objects.filter(is_active=True).update(is_active=False)
        act()

    return write


RAISED = '{"approvals": 2, "groups": []}'


def stands(number: int, module: str = "pm", *, is_active: bool = True, document: str = '{"groups": []}') -> Act:
    """Let a policy have been there for long."""
    return lambda: as_before(
        "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, created_by) "
        "SELECT %s, %s, %s, %s, min(request_id), now(), 'm' FROM overrides_mandate",
        module, number, is_active, document,
    )  # fmt: skip


def is_active(number: int, value: bool, document: str = '{"groups": []}') -> Act:
    return lambda: sql(
        "UPDATE overrides_modulepolicy SET is_active = %s, document = %s WHERE module = 'pm' AND number = %s",
        value, document, number,
    )  # fmt: skip


def applied_alone() -> None:
    forgery = Forgery(kind="policy")
    forgery.apply(forgery.draft())


IMMUTABLE = "policy pm/[0-9] is immutable; another one replaces it"
POLICIES: dict[str, tuple[Act, str]] = {
    "as it was signed": (policy({"approvals": 2}), HONEST),
    "another document": (policy({"approvals": 2}, {"approvals": 1}), "is not what request"),
    "a number that does not follow": (policy({}, number=2), "policy pm/2 does not follow the last one"),
    "of the other module": (policy({}, module="dm"), "is not applied, or of another kind"),
    "without votes": (policy({}, voters=()), "has 0 of 1 approvals"),
    "without an entry of its own": (
        policy({}, named="policy dm/{number}"),
        'overrides_modulepolicy without an audit entry of "policy pm/1"',
    ),
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
    "lines by fewer votes than the policy in force asks for, and as many as the one before it": (
        then(stands(1, is_active=False), stands(2, document=RAISED), Forgery(brings=(size(1.1),))),
        "has 1 of 2 approvals",
    ),
    "lines by fewer votes than the policy of the other module asks for": (
        then(stands(1, "dm", document=RAISED), Forgery(brings=(size(1.1),))),
        HONEST,
    ),
    "by fewer votes than the last one asks for, and as many as the one before it": (
        then(stands(1, is_active=False), stands(2, document=RAISED), is_active(2, False, RAISED), policy({}, number=3)),
        "has 1 of 2 approvals",
    ),
    "inactive": (policy({}, is_active=False), "is applied without what it brings"),
    "none, beside another one": (then(stands(1), applied_alone), "is applied without what it brings"),
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

    def test_are_counted_to_the_clock_while_a_request_is_approved(self) -> None:
        def approve() -> None:
            as_before("UPDATE overrides_changerequest SET movement = 0 WHERE state = 'applied'")
            as_before(
                "UPDATE overrides_changerequest SET movement = 4, closed_at = now() WHERE id = (SELECT max(id) FROM "
                "overrides_changerequest WHERE state = 'applied' AND module = 'pm' AND route = 'review')"
            )
            asked = Forgery(brings=(size(1.1),), movement=7.0).draft()
            vote(asked)
            ChangeRequest.objects.filter(pk=asked.pk).update(state="approved")

        refused(under(self.POLICY, approve), "has 1 of 2 approvals")

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
