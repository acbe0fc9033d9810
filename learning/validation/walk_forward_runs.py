"""Walk-forward runs of learning methods, computed in the background and stored.

There is one row for each module, method, combiner, number of folds, parameters, facts and code; an equal request
returns the same row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from learning.core.coefficient_evidence import Fewest
from learning.core.walk_forward.coefficient_walk import walk_coefficients
from learning.core.walk_forward.plan_walker import CHANNELS
from learning.core.walk_forward.walk import bounds_of, curves, figures, sizing_method, walk
from learning.models import WalkForward
from learning.readers.walk_trades import facts_until, load_trades
from overrides.core.engine.definitions.coefficients import dimensions_weighed
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import PAIRS, Combiner, LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.background_results import BackgroundComputation, Progress
from telemetry.foundation.core.number_text import signed_fixed, typeset
from telemetry.foundation.core.refusal import Refused

CODE = "walk 4"  # increment it with every change of what is computed
FOLDS, MOST_FOLDS = 8, 200
TASK = "learning.walk_forward"
TAKEN_OVER_AFTER = timedelta(minutes=5)  # without a heartbeat; there is one for every fold
# If a cube is too large, the message says what to drop: a result, not an error.
WALKS = BackgroundComputation(WalkForward, TASK, TAKEN_OVER_AFTER, expected_errors=ValueError)


@dataclass(frozen=True)
class Choice:
    """A learning method with the combiner that serves it."""

    policy: LearningMethod
    combiner: Combiner

    def __str__(self) -> str:
        return self.policy.value if len(_combiners(self.policy)) == 1 else f"{self.policy}/{self.combiner}"


def _combiners(policy: LearningMethod) -> Sequence[Combiner]:
    return PAIRS[CHANNELS["pm"], policy]


CHOICES = tuple(Choice(policy, combiner) for policy in LearningMethod for combiner in _combiners(policy))


def walk_forward(
    *,
    module: str,
    choices: Sequence[Choice] = CHOICES,
    folds: int = FOLDS,
    now: datetime,
    progress: Progress = lambda _: None,
) -> list[WalkForward]:
    """Run every choice on the module's current trades; earlier results are reused."""
    rows = []
    for number, asked in enumerate(_requested_rows(module, choices, folds, now)):
        row, _ = WALKS.find_or_create(*asked, now=now)
        run_walk_forward(row.key, now=now, on_progress=partial(_part, progress, number, len(choices)))
        row.refresh_from_db()
        rows.append(row)
    progress(1.0)
    return rows


@transaction.atomic
def request_walk_forward(
    *, module: str, choices: Sequence[Choice] = CHOICES, folds: int = FOLDS, now: datetime
) -> list[WalkForward]:
    """Return the rows at once; a task is sent for each that is new, failed or abandoned by its worker."""
    return [WALKS.request(*asked, now=now) for asked in _requested_rows(module, choices, folds, now)]


def run_walk_forward(key: str, *, now: datetime, on_progress: Progress = lambda _: None) -> None:
    """Compute a row's result, with visible progress; if two workers try, only one computes."""
    WALKS.run(key, _compute, now=now, on_progress=on_progress)


def newest_walks(module: str) -> dict[Choice, tuple[WalkForward | None, WalkForward | None]]:
    """Return the newest finished run of each choice, and a newer unfinished run, if there is one."""
    rows = WalkForward.objects.filter(module=module).defer("parameters")
    found: dict[Choice, tuple[WalkForward | None, WalkForward | None]] = {}
    for choice in CHOICES:
        of_choice = rows.filter(policy=choice.policy, combiner=choice.combiner)
        newest = of_choice.defer("figures", "curves").first()
        finished = of_choice.filter(status=WalkForward.Status.DONE).first()
        found[choice] = finished, None if newest is None or newest.status == WalkForward.Status.DONE else newest
    return found


def choice_of(row: WalkForward) -> Choice:
    """Return the choice of a row."""
    return Choice(LearningMethod(row.policy), Combiner(row.combiner))


def summary_line(row: WalkForward) -> str:
    """Describe a finished run in one line, for a request's page and the evidence gate.

    For example: walk-forward of policy evidence: +8.3 R per 1,000 trades (95 % +7.4 to +9.2), slope 0.99, 50,817
    trades.
    """
    found: dict[str, Any] = row.figures or {}
    name = choice_of(row)
    uplift, slope = found.get("uplift"), found.get("calibration", {}).get("slope")
    if uplift is None:
        return f"walk-forward of policy {name}: no trades to decide yet"
    band = "" if uplift["low"] is None else f" (95 % {_signed(uplift['low'])} to {_signed(uplift['high'])})"
    line = "" if slope is None else typeset(f", slope {slope:.2f}")
    mean = _signed(uplift["mean"])
    return f"walk-forward of policy {name}: {mean} R per 1,000 trades{band}{line}, {found['n']:,} trades"


def _signed(value: float) -> str:
    return signed_fixed(value, 1)


def _part(progress: Progress, done: int, of: int, share: float) -> None:
    """Report the progress of one of several runs."""
    progress((done + share) / of)


def _compute(row: WalkForward, progress: Progress) -> dict[str, Any]:
    """Compute the result of a row."""
    parameters = ModuleParameters.from_document(row.module, row.parameters)
    policy = sizing_method(LearningMethod(row.policy), Combiner(row.combiner), parameters)
    weighed = dimensions_weighed(row.module)
    loaded = load_trades(parameters, row.as_of, weighed)
    trades = loaded.in_dimensions(parameters.learned_dimensions)
    walked = walk(trades, policy, folds=row.folds, protected=parameters.protected_motifs, progress=progress)
    bounds = bounds_of(parameters)
    found = figures(walked, *bounds)
    if weighed:
        found["coefficients"] = walk_coefficients(loaded, row.folds, Fewest.of(parameters.evidence))
    return {"figures": found, "curves": curves(walked, *bounds)}


def _requested_rows(
    module: str, choices: Sequence[Choice], folds: int, now: datetime
) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and the fields of the row of each choice."""
    if not 1 <= folds <= MOST_FOLDS:
        raise Refused.because(f"{folds} does not fit; ask for 1 to {MOST_FOLDS}").under("folds")
    parameters = current_parameters(module)
    n, facts = facts_until(parameters, now)
    document = parameters.to_document()
    fields = {
        "module": module, "folds": folds, "as_of": now, "n_outcomes": n, "parameters": document, "code_version": CODE,
    }  # fmt: skip
    return [
        (
            content_hash([CODE, module, choice.policy, choice.combiner, folds, document, facts]),
            fields | {"policy": choice.policy, "combiner": choice.combiner},
        )
        for choice in choices
    ]
