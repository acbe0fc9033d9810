"""The product as the machine drives it: every step is a committed transaction of the application's role."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from config.access.people_audit import people_audited
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.errors import GateError, GovernanceError
from overrides.core.governance.request_states import Step
from overrides.models import ChangeRequest
from overrides.requests import apply, auto_publish, gates
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.transitions import audit_request
from overrides.serving.engine import load_engine
from overrides.versions.load_version import load_specs
from overrides.versions.publish import store_override
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, make_spec, make_trades, without_triggers
from tests.people import make_person
from tests.stateful.model import Content, Move, Person

TRADES = 40
SCOPES = sorted(({"macro_phase": phase} for phase in ("Dip", "Good", "Recover")), key=lambda s: make_spec(scope=s).line)
SCOPE_OF = dict(zip("abc", SCOPES, strict=True))  # in the order of the lines' ids, in which the builder takes them
LINE_OF = {name: make_spec(scope=scope).line for name, scope in SCOPE_OF.items()}
NAME_OF = {line: name for name, line in LINE_OF.items()}
ROLES: Mapping[str, frozenset[str]] = {
    "ann": frozenset({"reviewer"}),
    "bob": frozenset({"reviewer", "desk"}),
    "cid": frozenset({"reviewer", "parameter admin"}),
    "dan": frozenset({"operator"}),
    "pam": frozenset({"parameter admin"}),
}
MEMBERS = [(name, group) for name, groups in ROLES.items() for group in sorted(groups)]
GOVERNED = (
    "overrides_quarantine", "overrides_linehold", "overrides_mandate", "overrides_modulepolicy", "overrides_modulemode",
    "overrides_membership", "learning_configs", "overrides_comment", "overrides_vote", "overrides_changeline",
    "overrides_changerequest", "overrides_override", "overrides_line", "overrides_parameterset",
    "telemetry_acknowledgement", "telemetry_notice", "telemetry_auditentry", "auth_user_groups",
)  # fmt: skip
WAYS: Mapping[str, tuple[str, ...]] = {  # state -> states on the way to being applied
    "draft": ("in_review", "approved"),
    "changes_requested": ("in_review", "approved"),
    "approved": (),
    "scheduled": (),
}
STANDS = """
SELECT (SELECT json_agg(state ORDER BY id) FROM overrides_changerequest),
       (SELECT json_agg(line_id) FROM overrides_mandate WHERE revoked_at IS NULL),
       (SELECT json_agg(json_build_array(kind, line_id)) FROM overrides_linehold WHERE lifted_at IS NULL),
       (SELECT count(*) FROM overrides_quarantine WHERE lifted_at IS NULL),
       (SELECT json_build_array(mode, rollout_percent) FROM overrides_modulemode)
"""


class Refusal(Exception):
    """The product refused a step: the names of the gates, or the message where the database or a verb refused."""

    def __init__(self, gates: frozenset[str], message: str) -> None:
        super().__init__(message)
        self.gates = gates


def prepare() -> None:
    """Store what no example changes: the people, their groups, and the trades that evidence may rest on."""
    for name in ROLES:
        make_person(name, groups=("desk",), is_staff=True)
    record_trades(make_trades([1.0] * TRADES), now=NOW)


def begin() -> None:
    """Forget what an earlier example did, as a new database would."""
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(";".join(f"DELETE FROM {table}" for table in GOVERNED))
        cursor.execute("UPDATE auth_user SET is_active = true WHERE username = ANY(%s)", [list(ROLES)])
        cursor.execute(
            "INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user u, auth_group g, "
            "unnest(%s::text[], %s::text[]) AS role (person, named) WHERE u.username = person AND g.name = named",
            [list(each) for each in zip(*MEMBERS, strict=True)],
        )
    for line in LINE_OF:  # so that people can veto lines that nobody has drafted
        store_override(spec(line, Move(1.0, TRADES, 0.8)), source="x", at=NOW)


def people() -> dict[str, Person]:
    """The people as the model has them in the beginning."""
    return {name: Person(set(groups)) for name, groups in ROLES.items()}


@contextmanager
def as_process(*, is_time_simulated: bool = True, is_undone: bool = False) -> Iterator[None]:
    """Run a transaction as the role of the processes; raise Refusal for what is refused, also at the commit.

    What is undone has run all that a commit would have run.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if not is_time_simulated:
                cursor.execute("DELETE FROM simulated_time")
            role = sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(settings.APPLICATION_ROLE))
            cursor.execute(role.as_string(cursor.connection))
            yield
            if is_undone:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                transaction.set_rollback(True)
    except GateError as refused:
        raise Refusal(frozenset(gate.name for gate in refused.gates), str(refused)) from refused
    except (GovernanceError, DatabaseError) as refused:
        raise Refusal(frozenset(), str(refused)) from refused


def user(name: str) -> User:
    """A person with the permissions of this moment."""
    return User.objects.get(username=name)


def spec(line: str, move: Move) -> OverrideSpec:
    """An override as the product has it."""
    stats = {"n": move.n, "edge_raw": move.edge, "variance": 0.5}
    return make_spec({"size_mult": move.size}, scope=SCOPE_OF[line], stats=stats)


def draft_lines(lines: Content, at: datetime) -> list[DraftLine]:
    """Store the overrides of a draft, and name its lines."""
    return [
        DraftLine(
            LINE_OF[line], None if move is None else store_override(spec(line, move), source="x", at=at).id, ["x"]
        )
        for line, move in sorted(lines.items())
    ]


def change_person(name: str, change: Callable[[User], object], at: datetime) -> None:
    """Change a person as the pages of the admin do."""
    with people_audited(actor="root", at=at):
        person = user(name)
        change(person)
        person.save()


def by_hand(request_id: int, at: datetime) -> None:
    """Put a request into force as the verb does, by way of states that the database allows, and past every gate."""
    request = ChangeRequest.objects.get(pk=request_id)
    for state in WAYS.get(request.state, ("approved",)):
        ChangeRequest.objects.filter(pk=request_id).update(state=state)
    request.refresh_from_db()
    audit_request(request, "force", "mallory", "x", at)
    with past_the_gates():
        apply.apply_request(request_id=request_id, by=None, at=at)


@contextmanager
def past_the_gates() -> Iterator[None]:
    """Let verbs read the situation of a request, and mind none of its gates."""

    def read(request: ChangeRequest, step: Step, person: User | None, at: datetime) -> gates.RequestSituation:
        return gates.read_situation(request, at)

    def everything(module: str, proposed: Any, *_: object) -> Any:
        return dict(proposed)

    with ExitStack() as patches:
        for verb in (apply, auto_publish):
            patches.enter_context(patch.object(verb, "refuse_blocked", read))
        patches.enter_context(patch.object(auto_publish, "_covered", everything))
        patches.enter_context(patch.object(auto_publish, "is_quarantined", lambda module: False))
        yield


# --- what stands --------------------------------------------------------------------------------------


def stands() -> dict[str, Any]:
    """What the rows hold. What is served compiles, and its hashes are its own."""
    with connection.cursor() as cursor:
        cursor.execute(STANDS)
        states, mandates, holds, quarantines, mode = cursor.fetchone()
    engine = load_engine("pm")
    return {
        "version": engine.version or 0,
        "served": {} if engine.version is None else {
            NAME_OF[each.line]: Move(each.levers["size_mult"], int(each.stats.n), each.stats.edge_raw)
            for each in load_specs("pm", engine.version)
        },
        "states": states or [],
        "mandates": {NAME_OF[line] for line in mandates or ()},
        "holds": {(kind, NAME_OF[line]) for kind, line in holds or ()},
        "quarantines": quarantines,
        "mode": mode or ["off", 100.0],
    }  # fmt: skip


def clock() -> datetime:
    """The time at which examples begin."""
    return NOW.astimezone(UTC)
