"""Draw the positions of a module whose levers are explored, and put the alternatives into their answers.

A position of the explored share needs the budget's consent before it is served anything, whichever arm it drew. The
database gives it, under a lock, once for each position; this process keeps what it was told. Whatever prevents that (an
unreachable database, a lock that takes too long) leaves the position at the served value, and out of the comparison.
Questions to modules without arms never come here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db import Error, IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from overrides.core.engine.definitions.arms import Arm, ArmDraw, arm_draws
from overrides.core.engine.exploring import allows, explored, may_explore
from overrides.core.engine.serve import Answer
from overrides.serving.engine import Engine
from overrides.serving.holdback import holdback_secret
from overrides.serving.resolve_request import Question

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.1  # that a question waits for each of two statements at most
SECONDS_EACH = 0.002  # more for each position of a list
MOST_DRAWN = 100  # positions of one list; the others are served, and drawn when they are asked about next
PAUSE_SECONDS = 5.0  # without asking again, after the database did not answer
FRESH_SECONDS = 3.0  # an engine that was confirmed longer ago says that the database is away
MOST_KEPT = 50_000  # positions that a process remembers
CHECKED_SECONDS = 900.0  # after which it asks whether a position has closed, as often as outcomes are refreshed
ATTEMPTS = 2  # the second finds what another process wrote while the first waited

COLUMNS = """lever, position_key, alternative, probability, share_percent, rr_per_week, reserved, share_draw, draw,
    is_admitted, spent"""
ASKED = """
WITH asked AS (
    SELECT * FROM unnest(%(levers)s::text[], %(keys)s::text[], %(shares)s::float8[], %(draws)s::float8[])
        AS asked (lever, position_key, share_drawn, drawn)
)
"""
# A position that has closed is explored no more: a key that comes again names another, for which nothing is reserved.
IS_CLOSED = "EXISTS (SELECT FROM overrides_armoutcome AS outcome WHERE outcome.position_id = overrides_armposition.id)"
KNOWN = f"""
{ASKED} SELECT {COLUMNS}, {IS_CLOSED} FROM asked JOIN overrides_armposition USING (lever, position_key)
WHERE module = %(module)s
"""
# The trigger of the table decides and fills in the other columns; it refuses what no mode explores any more.
DRAW = f"""
{ASKED} INSERT INTO overrides_armposition (module, lever, position_key, share_draw, draw, drawn_at)
SELECT %(module)s, lever, position_key, share_drawn, drawn, %(at)s FROM asked ORDER BY lever, position_key
ON CONFLICT DO NOTHING RETURNING {COLUMNS}, false
"""

Place = tuple[str, str, str]  # module, lever, position key


class Positions:
    """The positions whose draws this process knows, and when it read them; what was drawn never changes.

    One thread asks at a time, so a database that is silent costs one question a wait, and not one of every thread.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Place, tuple[ArmDraw, float]] = OrderedDict()
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._paused_until = 0.0
        self.patience_seconds = PATIENCE_SECONDS

    def of(self, module: str, wanted: Mapping[Place, ArmDraw], at: datetime, *, may_draw: bool) -> dict[Place, ArmDraw]:
        """Return the draws of these positions as the database keeps them; those that it does not are left out.

        `may_draw` has it draw those that it does not keep yet. Never raises.
        """
        began = time.monotonic()
        with self._lock:
            kept = {place: self._known[place] for place in wanted if place in self._known}
        known = {place: draw for place, (draw, _) in kept.items()}
        due = [place for place in wanted if place not in kept or kept[place][1] < began - CHECKED_SECONDS]
        if due and began >= self._paused_until and self._turn.acquire(timeout=self.patience_seconds):
            try:
                if time.monotonic() >= self._paused_until:
                    known |= self._read(module, {place: wanted[place] for place in due}, at, may_draw=may_draw)
            finally:
                self._turn.release()
        return known

    def _read(
        self, module: str, wanted: Mapping[Place, ArmDraw], at: datetime, *, may_draw: bool
    ) -> dict[Place, ArmDraw]:
        """Return the draws that the database keeps, and remember them; after a failure it is left alone for a while."""
        known: dict[Place, ArmDraw] = {}
        patience, missing = self.patience_seconds, wanted
        try:
            for _ in range(ATTEMPTS):
                try:
                    found = _asked(module, missing, at, may_draw=may_draw, patience_seconds=patience)
                except IntegrityError as error:  # a new one is refused; those that were drawn before stay as they are
                    logger.info("positions of %s are not explored: %s", module, error)
                    may_draw = False
                    continue
                known |= found
                self._keep(found)
                missing = {place: each for place, each in missing.items() if place not in found}
                if not missing or not may_draw or len(found) >= MOST_DRAWN:
                    break
        except Error as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            logger.warning("positions of %s are not explored for a while: %s", module, error)
        return known

    def forget(self) -> None:
        """Forget every position, and ask the database again at once."""
        with self._lock:
            self._known.clear()
            self._paused_until = 0.0

    def _keep(self, found: Mapping[Place, ArmDraw]) -> None:
        now = time.monotonic()
        with self._lock:
            self._known.update({place: (draw, now) for place, draw in found.items()})
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)


POSITIONS = Positions()


def _asked(
    module: str, wanted: Mapping[Place, ArmDraw], at: datetime, *, may_draw: bool, patience_seconds: float
) -> dict[Place, ArmDraw]:
    limit = str(max(1, round(1000 * (patience_seconds + SECONDS_EACH * min(len(wanted), MOST_DRAWN)))))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)", [limit, limit]
        )
        found = _draws(cursor, KNOWN, module, wanted, at)
        missing = {place: each for place, each in wanted.items() if place not in found}
        if missing and may_draw:
            found |= _draws(cursor, DRAW, module, dict(islice(missing.items(), MOST_DRAWN)), at)
        return found


def _draws(
    cursor: CursorWrapper, statement: str, module: str, wanted: Mapping[Place, ArmDraw], at: datetime
) -> dict[Place, ArmDraw]:
    values: dict[str, Any] = {
        "module": module,
        "levers": [place[1] for place in wanted],
        "keys": [place[2] for place in wanted],
        "shares": [each.share_draw for each in wanted.values()],
        "draws": [each.draw for each in wanted.values()],
        "at": at,
    }
    cursor.execute(statement, values)
    return {
        (module, lever, key): ArmDraw(
            Arm(*arm), share_draw, draw, is_admitted and not is_closed, None if is_closed else spent
        )
        for lever, key, *arm, share_draw, draw, is_admitted, spent, is_closed in cursor.fetchall()
    }


def with_arms(
    questions: Sequence[Question],
    answers: Sequence[Answer],
    engine: Engine,
    stale_seconds: float = 0.0,
    *,
    at: datetime | None,
    may_draw: bool,
) -> tuple[list[Question], list[Answer]]:
    """Return the questions of one module with their draws, and the answers with the alternatives that they drew.

    Draws that a question brings, because it is replayed, are taken as they are; without `at` there are no others.
    `may_draw`: positions may be drawn that were not yet. Never raises: what fails leaves answers as they were.
    """
    try:
        found: Sequence[Mapping[str, ArmDraw]] = [each.arms or {} for each in questions]
        if at is not None:
            found = _drawn(questions, answers, engine, stale_seconds, at, may_draw=may_draw)
        pairs = [
            (question, answer) if not draws else _explored(question, answer, draws)
            for question, answer, draws in zip(questions, answers, found, strict=True)
        ]
    except Exception:  # a served value is safe, a traceback in the middle of a trade is not
        logger.exception("arms of %s failed; their levers are served without alternatives", engine.module)
        return list(questions), list(answers)
    return [question for question, _ in pairs], [answer for _, answer in pairs]


def _explored(question: Question, answer: Answer, draws: Mapping[str, ArmDraw]) -> tuple[Question, Answer]:
    changed, known = explored(answer, draws)
    return question._replace(arms=known), changed


def _drawn(
    questions: Sequence[Question],
    answers: Sequence[Answer],
    engine: Engine,
    stale_seconds: float,
    at: datetime,
    *,
    may_draw: bool,
) -> list[dict[str, ArmDraw]]:
    """Return, for each question, the draw of its position by lever; none where it may not be explored."""
    arms = _arms_of(engine)
    by_question = [
        _own_draws(arms, question.position_key, answer.levers)
        if question.position_key is not None and may_explore(engine.mode, answer)
        else {}
        for question, answer in zip(questions, answers, strict=True)
    ]
    wanted = {
        (engine.module, lever, str(question.position_key)): each
        for question, draws in zip(questions, by_question, strict=True)
        for lever, each in draws.items()
        if each.is_in_share
    }
    known = {}
    if wanted and stale_seconds <= FRESH_SECONDS:
        known = POSITIONS.of(engine.module, wanted, at, may_draw=may_draw)
    return [
        {
            lever: _consented(each, known.get((engine.module, lever, str(question.position_key))))
            for lever, each in draws.items()
        }
        for question, draws in zip(questions, by_question, strict=True)
    ]


def _consented(own: ArmDraw, kept: ArmDraw | None) -> ArmDraw:
    """Return the draw of a position as the database keeps it; without its consent, the own one, not admitted.

    A position that was drawn for another alternative, or with another probability, is not explored a second time.
    """
    if kept is None or not own.is_in_share:
        return own
    same = (kept.arm.alternative, kept.arm.probability) == (own.arm.alternative, own.arm.probability)
    return kept if same else own


def _own_draws(arms: Mapping[str, Arm], position_key: str, levers: Collection[str]) -> dict[str, ArmDraw]:
    return {lever: ArmDraw(arm, *_draws_of(lever, position_key)) for lever, arm in arms.items() if lever in levers}


@lru_cache(10_000)
def _draws_of(lever: str, position_key: str) -> tuple[float, float]:
    return arm_draws(holdback_secret(), lever, position_key)


def _arms_of(engine: Engine) -> Mapping[str, Arm]:
    """Return the arms whose alternative lies within the bounds in force, which may be tighter than when approved."""
    arms = engine.mode.arms
    return {lever: arm for lever, arm in arms.items() if allows(engine.parameters, lever, arm.alternative)}
