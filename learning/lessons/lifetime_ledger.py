"""The ledger of proofs for life, kept by the evidence builder: closed days in, published and withdrawn lines out.

Lines are all combinations of pattern, action and scope with 20 trades of their own, chosen by counts and never by
outcomes. The ledger begins once 60 days are closed. A decision day is taken in once, `lifetime_wait_days` after its
end; facts that reach a day that was taken in change it no more. A run that finds no newly closed day changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Q

from learning.core.cells.rows import LARGEST, Floats, Ints
from learning.core.lifetime.day_outcomes import (
    FEWEST_DAYS,
    Key,
    LineDays,
    Standard,
    closed_rows,
    dependence_of,
    line_days,
    standardised,
    with_shares,
)
from learning.core.lifetime.e_process import DayDependence
from learning.core.lifetime.ledger import NEVER, Ledger
from learning.core.lifetime.publication import FEWEST
from learning.core.lifetime.spending import share_spent
from learning.lessons.candidates import LEARNED_CHANNELS
from learning.models import LifetimeLedger, LifetimeLine
from learning.readers.group_columns import scope_of
from learning.readers.observations import LoadedObservations, day_at
from overrides.core.engine.definitions.content_hash import line_id
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod

BUDGETED_DAYS = 730  # of a line's life, for its horizon
START = date(1970, 1, 1)
STATE = {  # columns of the core by their stored names
    "score": "u", "information": "i", "carried": "a", "day_n": "day_n", "n": "n", "recent": "recent",
    "recent_n": "recent_n",
}  # fmt: skip
PLAIN = ("number", "share", "boost", "horizon", "sign", "times")


@dataclass(eq=False)
class Life:
    """A module's ledger with the identity of its lines: position -> line and the names it consists of."""

    ledger: Ledger
    lines: list[str]
    names: dict[str, tuple[str, str, dict[str, str]]]
    installed: int
    until: int
    dependence: DayDependence


def update_ledger(loaded: LoadedObservations, module: str, parameters: ModuleParameters, now: datetime) -> None:
    """Take in the days that have closed since the last run, publish and withdraw lines, and store the ledger.

    The first run takes in all days before at once, and publishes once. The same facts give the same ledger.
    """
    closed = int(np.floor(day_at(now) - parameters.evidence.lifetime_wait_days)) - 1
    row = LifetimeLedger.objects.filter(module=module).first()
    if row is not None and _day(row.taken_until) >= closed:
        return
    before = None if row is None else _read(row)
    life = advance(before, loaded, module, parameters, closed)
    if life is not None and (row is None or life.until > _day(row.taken_until)):
        _write(module, life, parameters.evidence.lifetime_alpha)


def proven_signs(module: str) -> dict[str, float]:
    """Return the sign of each line of a module that is published as proven now."""
    rows = LifetimeLine.objects.filter(ledger__module=module).exclude(sign=0)
    return dict(rows.values_list("line_id", "sign"))


def ledger_document(module: str) -> dict[str, Any] | None:
    """Return what the ledger of a module spent and how many lines it published, as JSON values; None without one."""
    proven = Count("lines", filter=~Q(lines__sign=0))
    row = LifetimeLedger.objects.filter(module=module).annotate(proven=proven).first()
    if row is None:
        return None
    return {
        "alpha": row.alpha,
        "spent": share_spent(row.arrivals, row.initial),
        "lines": row.arrivals,
        "proven": row.proven,
        "ever": row.ever,
        "until": row.taken_until.isoformat(),
    }


def advance(
    life: Life | None, loaded: LoadedObservations, module: str, parameters: ModuleParameters, closed: int
) -> Life | None:
    """Return the life after all days up to `closed`, a whole day since 1970.

    None until 60 days are closed and a line has 20 trades.
    """
    if life is None:
        return _take(None, loaded, module, parameters, closed)
    for day in range(life.until + 1, closed + 1):
        life = _take(life, loaded, module, parameters, day) or life
    return life


def _take(
    life: Life | None, loaded: LoadedObservations, module: str, parameters: ModuleParameters, day: int
) -> Life | None:
    """Take in one closed day, and all days before it for lines that are new."""
    evidence = parameters.evidence
    observations = loaded.observations
    rows, share = with_shares(observations.take(closed_rows(observations, day, evidence.lifetime_wait_days)))
    if not len(rows):
        return life
    outcome = standardised(rows, share, Standard(evidence.winsor_sds, evidence.noise_prior))
    if not np.isfinite(outcome).any():
        return life
    found = line_days(rows, share, outcome, evidence.max_subset_size)
    if life is None:
        if not found.lines or day - int(np.floor(rows.day.min())) < FEWEST_DAYS:
            return None
        life = Life(Ledger.of_new(0), [], {}, day, day, DayDependence(0, 0))
    earlier = np.floor(rows.day) < day
    life.dependence = _dependence(rows.take(earlier), share[earlier], outcome[earlier], evidence)
    place = _places(life, found, loaded, module)
    is_new = place >= len(life.ledger.number)
    life.ledger.append(Ledger.of_new(int(is_new.sum())))
    wanted = is_new[found.line] | (found.day == day)
    for of_day, line, n, total in found.only(wanted).by_day():
        life.ledger.evidence.take_day(of_day, place[line], n, total, life.dependence)
    expected = np.full(len(life.lines), float(FEWEST))
    age = np.maximum(day - found.first + 1, 1)
    expected[place] = life.ledger.evidence.n[place] / age * BUDGETED_DAYS
    life.ledger.arrive(np.maximum(expected, FEWEST))
    life.ledger.close_day(day, evidence.lifetime_alpha)
    life.until = day
    return life


def _dependence(rows: Any, share: Floats, outcome: Floats, evidence: EvidenceParameters) -> DayDependence:
    return dependence_of(rows, share, outcome) if evidence.same_day and len(rows) else DayDependence(0, 0)


def _places(life: Life, found: LineDays, loaded: LoadedObservations, module: str) -> Ints:
    """Return the position `(lines,)` of each line found; new lines are numbered on, in alphabetical order."""
    named = [_named(key, loaded) for key in found.lines]
    channel = LEARNED_CHANNELS[module]
    ids = [line_id(module, channel, LearningMethod.EVIDENCE, *name) for name in named]
    known = {line: position for position, line in enumerate(life.lines)}
    new = sorted((at for at, line in enumerate(ids) if line not in known), key=lambda at: _order(named[at]))
    for at in new:
        known[ids[at]] = len(life.lines)
        life.lines.append(ids[at])
        life.names[ids[at]] = named[at]
    return np.array([known[line] for line in ids], dtype=np.int64)


def _named(key: Key, loaded: LoadedObservations) -> tuple[str, str, dict[str, str]]:
    pattern, category, scope = key
    named = dict(scope_of(list(scope), loaded.observations.dimensions, loaded.values))
    return loaded.patterns[pattern], loaded.categories[category], named


def _order(name: tuple[str, str, Mapping[str, str]]) -> tuple[str, str, list[tuple[str, str]]]:
    return name[0], name[1], sorted(name[2].items())


def _read(row: LifetimeLedger) -> Life:
    """Return the stored life of a module."""
    lines = list(row.lines.order_by("position"))
    ledger = Ledger.of_new(len(lines), row.initial)
    for stored, name in STATE.items():
        getattr(ledger.evidence, name)[:] = [getattr(line, stored) for line in lines]
    for name in PLAIN:
        getattr(ledger, name)[:] = [getattr(line, name) for line in lines]
    ledger.evidence.day[:] = [0 if line.day is None else _day(line.day) for line in lines]
    ledger.published[:] = [NEVER if line.published_on is None else _day(line.published_on) for line in lines]
    ledger.withdrawn[:] = [NEVER if line.withdrawn_on is None else _day(line.withdrawn_on) for line in lines]
    ledger.arrivals, ledger.ever = row.arrivals, row.ever
    return Life(
        ledger,
        [line.line_id for line in lines],
        {line.line_id: (line.pattern_key, line.action_category, line.scope) for line in lines},
        _day(row.installed_on),
        _day(row.taken_until),
        DayDependence(row.correlation, row.persistence),
    )


def _write(module: str, life: Life, alpha: float) -> None:
    """Store a life; lines are replaced by position."""
    ledger = life.ledger
    row, _ = LifetimeLedger.objects.update_or_create(
        module=module,
        defaults={
            "installed_on": _date(life.installed),
            "taken_until": _date(life.until),
            "alpha": alpha,
            "initial": ledger.initial,
            "arrivals": ledger.arrivals,
            "ever": ledger.ever,
            "correlation": life.dependence.rho,
            "persistence": life.dependence.phi,
        },
    )
    stored = [field.name for field in LifetimeLine._meta.concrete_fields if field.name not in ("id", "line_id")]
    LifetimeLine.objects.bulk_create(
        _rows(row, life), update_conflicts=True, unique_fields=["line_id"], update_fields=stored, batch_size=2000
    )


def _rows(row: LifetimeLedger, life: Life) -> Iterator[LifetimeLine]:
    ledger, evidence = life.ledger, life.ledger.evidence
    columns: dict[str, list[Any]] = {stored: getattr(evidence, name).tolist() for stored, name in STATE.items()}
    columns |= {name: getattr(ledger, name).tolist() for name in PLAIN}
    columns["e_value"] = np.minimum(evidence.e_values(), LARGEST).tolist()
    columns["day"] = [_date(day) if n else None for day, n in zip(evidence.day.tolist(), columns["n"], strict=True)]
    columns["published_on"] = [None if day == NEVER else _date(day) for day in ledger.published.tolist()]
    columns["withdrawn_on"] = [None if day == NEVER else _date(day) for day in ledger.withdrawn.tolist()]
    for position, line in enumerate(life.lines):
        pattern, category, scope = life.names[line]
        state = {name: column[position] for name, column in columns.items()}
        yield LifetimeLine(
            ledger=row,
            line_id=line,
            pattern_key=pattern,
            action_category=category,
            scope=scope,
            position=position,
            **state,
        )


def _day(on: date) -> int:
    return (on - START).days


def _date(day: int) -> date:
    return START + timedelta(days=day)
