"""Noise twins of a module, computed in the background and kept: what the same pipeline finds where there is nothing.

A row per module, policy, parameters, facts and seed: asked again, the same row answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from learning.found import LEARNED_CHANNELS
from learning.models import CellGroup, Lesson, NoiseTwin
from learning.validate import noise_twin
from overrides.core.identity import content_hash
from overrides.core.vocabulary import Policy
from overrides.load import current_parameters
from telemetry.core.refusal import Refused
from telemetry.outbox import send_later

logger = logging.getLogger(__name__)

CODE = "twin 1"  # raise it with every change of what is counted
SEEDS = (1, 2, 3, 4, 5)
LARGEST_SEED, MOST_SEEDS = 2**31 - 1, 100
TASK = "learning.twin"
TAKEN_OVER_AFTER = timedelta(minutes=5)  # without a sign of life; one comes with every step
Status = NoiseTwin.Status
Progress = Callable[[float], None]


class Overtaken(RuntimeError):
    """Another worker took this one for dead and does its work."""


@transaction.atomic
def ask_twins(*, module: str, policy: Policy, now: datetime, seeds: Sequence[int] = SEEDS) -> list[NoiseTwin]:
    """The rows, at once; a task is sent for each that is new, failed, or whose worker is gone."""
    rows = []
    for row, is_due in _rows(module, policy, seeds, now):
        if is_due:
            send_later(TASK, {"key": row.key}, now=now)
        rows.append(row)
    return rows


def count_twins(
    *, module: str, policy: Policy, now: datetime, seeds: Sequence[int] = SEEDS, progress: Progress = lambda _: None
) -> list[NoiseTwin]:
    """The rows, computed here where they are new. Raises Refused where the facts cannot be learned from."""
    rows = []
    for number, (row, _) in enumerate(_rows(module, policy, seeds, now)):
        run_twin(row.key, now=now)
        row.refresh_from_db()
        if row.status != Status.DONE:
            raise Refused.because(row.error or "a worker is at it; ask again when it is done")
        rows.append(row)
        progress((number + 1) / len(seeds))
    return rows


def run_twin(key: str, *, now: datetime) -> None:
    """Count the lessons of the row's twin. Progress shows at once, to everybody; of two workers one computes."""
    row = _take(key, now)
    if row is None:
        return
    started = time.monotonic()

    def moment() -> datetime:
        return now + timedelta(seconds=time.monotonic() - started)

    def tell(done: int, of: int) -> None:
        _write(row, progress=done / of if of else 1.0, seen_at=moment())

    try:
        count = noise_twin(module=row.module, policy=Policy(row.policy), seed=row.seed, now=row.as_of, progress=tell)
        _write(row, status=Status.DONE, count=count, progress=1.0, finished_at=moment())
    except Overtaken:
        logger.warning("noise twin %s: another worker has taken over", key[:12])
    except Exception as error:  # whatever it was, the row says it failed; a fault goes on to the task
        is_answer = isinstance(error, ValueError)  # facts that cannot be fitted say what to do
        told = str(error) if is_answer else f"{type(error).__name__}: {error}"
        NoiseTwin.objects.filter(_mine(row)).update(status=Status.FAILED, error=told, finished_at=moment())
        if not is_answer:
            raise


def found_by(module: str, policy: str) -> QuerySet[Lesson]:
    """The lessons that compare with what a twin counts (see `validate.noise_twin`)."""
    acting = Lesson.objects.filter(module=module, policy=policy, status=Lesson.Status.ACTIVE)
    if policy == Policy.EVIDENCE:
        return acting.filter(stats__verified=True, n_dims__gt=0)
    return acting.filter(type=LEARNED_CHANNELS[module])


def _rows(module: str, policy: Policy, seeds: Sequence[int], now: datetime) -> list[tuple[NoiseTwin, bool]]:
    """The row of each seed, and whether it is to be computed."""
    if not 1 <= len(seeds) <= MOST_SEEDS or not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        raise Refused.because(f"give 1 to {MOST_SEEDS} seeds, each from 0 to {LARGEST_SEED}").under("seeds")
    content = _content(module, policy, now)
    fields = {
        "content": content, "module": module, "policy": policy, "as_of": now, "asked_at": now, "seen_at": now,
        "found": found_by(module, policy).count(),
    }  # fmt: skip
    return [_row(content_hash([content, seed]), fields | {"seed": seed}, now) for seed in dict.fromkeys(seeds)]


@transaction.atomic
def _row(key: str, fields: dict[str, Any], now: datetime) -> tuple[NoiseTwin, bool]:
    row, is_new = NoiseTwin.objects.select_for_update().get_or_create(key=key, defaults=fields)
    if is_new:
        return row, True
    is_due = row.status == Status.FAILED or _is_abandoned(row, now)
    if is_due:
        row.status, row.error, row.progress, row.seen_at = Status.WAITING, "", 0.0, now
    row.asked_at, row.found = now, fields["found"]
    row.save()
    return row, is_due


def _content(module: str, policy: Policy, now: datetime) -> str:
    """What a twin depends on: every group as it was counted last, the parameters, and the day evidence ages by."""
    groups = CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category")
    facts = [
        [key, category, n, at.isoformat()]
        for key, category, n, at in groups.values_list("pattern_key", "action_category", "n_outcomes", "aggregated_at")
    ]
    day = now.astimezone(UTC).date().isoformat() if policy is Policy.EVIDENCE else None
    return content_hash([CODE, module, policy, current_parameters(module).to_document(), facts, day])


def _is_abandoned(row: NoiseTwin, now: datetime) -> bool:
    return row.is_under_way and row.seen_at < now - TAKEN_OVER_AFTER


@transaction.atomic
def _take(key: str, now: datetime) -> NoiseTwin | None:
    """The row, now ours; None where it is done, or another worker gives signs of life (then it is looked after)."""
    row = NoiseTwin.objects.select_for_update().filter(pk=key).first()
    if row is None or not row.is_under_way:
        return None
    if row.status == Status.RUNNING and not _is_abandoned(row, now):
        send_later(TASK, {"key": key}, now=now, wait=TAKEN_OVER_AFTER)
        return None
    row.status, row.attempts, row.progress, row.seen_at = Status.RUNNING, row.attempts + 1, 0.0, now
    row.save()
    return row


def _mine(row: NoiseTwin) -> Q:
    return Q(pk=row.pk, attempts=row.attempts, status=Status.RUNNING)


def _write(row: NoiseTwin, **fields: object) -> None:
    """Update the row while it is ours, in a transaction of its own."""
    if not NoiseTwin.objects.filter(_mine(row)).update(**fields):
        raise Overtaken
