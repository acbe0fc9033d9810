"""Facts to lessons of the evidence method: one fit for each family of categories, and the best overrides of all fits.

See docs/method.md 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np

from learning.core.cells.baseline import Baseline
from learning.core.cells.cell_history import weeks_of
from learning.core.cells.rows import LARGEST, Codes, Floats, Ints, Rows
from learning.core.evidence_method import learn
from learning.core.evidence_method.coding import Owner
from learning.core.evidence_method.fold_down import Overrides
from learning.core.evidence_method.learn import Learned, acts, verified_with_scope
from learning.core.evidence_method.lever_targets import lever_targets, likely
from learning.core.evidence_method.supporting_trades import SupportingTrades
from learning.core.lesson_levers import LESSON_NAMES
from learning.core.significance.strength import Brake
from learning.core.significance.tested_cells import TestedCells
from learning.core.significance.twin_gate import TwinCounts
from learning.lessons.candidates import LEARNED_CHANNELS, CandidateLesson, SearchResult
from learning.lessons.lifetime_ledger import proven_signs, update_ledger
from learning.lessons.run_strength import brakes_of, newest_strength
from learning.lessons.run_twins import Count, counted_before, twins_of_run
from learning.lessons.tuning_lessons import find_tuning_lessons
from learning.models import Lesson
from learning.readers.group_columns import PatternGroup, moment_from_microseconds, scope_of
from learning.readers.observations import LoadedObservations, day_at, load_observations
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.vocabulary import LearningMethod

BUILDER = "evidence 4"


class Unlearnable(ValueError):
    """Raised if the facts yield nothing that can be stored; the message names the problem."""


def find_evidence_lessons(module: str, parameters: ModuleParameters, now: datetime) -> SearchResult:
    """Return the best overrides of a fit to everything known by `now`; reproducible for the same facts and day.

    Lessons on tuning levers come with them, as the newest measurement of levers found them (`tuning_lessons`). No
    override is verified where noise twins of the run verify too many (`twin_gate`).

    Raises BudgetExceeded, which says what to drop, if the fit would hold too much, and Unlearnable if outcomes scatter
    too widely.
    """
    loaded = load_observations(module, parameters.learned_from, now)
    strength = newest_strength(module, LearningMethod.EVIDENCE, now)
    brakes = brakes_of(strength, module)
    learned = learn_module(loaded, module, parameters, now, brakes)
    tuning = find_tuning_lessons(module, parameters, now)  # windows of gates tell without any trade
    if learned is None:
        return SearchResult({}, 0, 0, tuning, BUILDER, strength=strength)
    _refuse_wide(loaded, learned)
    count = partial(count_verified, module=module, parameters=parameters, now=now, brakes=brakes)
    twins = _twins(loaded, learned, module, parameters, count)
    if twins is not None and not twins.is_beyond_noise:
        learned = learned.with_none_verified(parameters.evidence)
    update_ledger(loaded, module, parameters, now)
    found = [*_Finder(loaded, learned, module, parameters, proven_signs(module)).lessons(), *tuning]
    return SearchResult(
        baselines=_baselines(loaded, learned),
        n_cells=sum(fit.cells for fit in learned.fits),
        n_candidates=len(learned.overrides),
        found=found,
        code_version=BUILDER,
        tested=_tested(learned, parameters),
        twins=twins,
        strength=strength,
    )


def learn_module(
    loaded: LoadedObservations, module: str, parameters: ModuleParameters, now: datetime, brakes: Sequence[Brake] = ()
) -> Learned | None:
    """Return the fits of a module, one for each family of categories, braked each by its own; None without facts."""
    observations, categories = loaded.observations, loaded.categories
    return learn.learn_module(observations, module, categories, day_at(now), parameters.evidence, brakes)


def _refuse_wide(loaded: LoadedObservations, learned: Learned) -> None:
    """Raise Unlearnable if the noise of a pattern is too large to be stored."""
    for fit in learned.fits:
        widest = int(np.argmax(fit.noise.sd))
        noise = float(fit.noise.sd[widest] * fit.noise.scale)
        if noise**2 > LARGEST:
            pattern = loaded.patterns[int(fit.coding.patterns[widest])]
            raise Unlearnable(f"rr: outcomes of {pattern} scatter by {noise:.0e} R; correct or exclude such trades")


def count_verified(
    loaded: LoadedObservations, module: str, parameters: ModuleParameters, now: datetime, brakes: Sequence[Brake] = ()
) -> int:
    """Return the number of verified overrides that act and have a scope; 0 without facts.

    See `verified_with_scope`.
    """
    learned = learn_module(loaded, module, parameters, now, brakes)
    return 0 if learned is None else int(verified_with_scope(learned, parameters.evidence).sum())


def _twins(
    loaded: LoadedObservations, learned: Learned, module: str, parameters: ModuleParameters, count: Count
) -> TwinCounts | None:
    """Return the counts in the noise twins of a run, made anew only if what it verified has changed."""
    found = np.flatnonzero(verified_with_scope(learned, parameters.evidence))
    if not len(found):
        return None
    overrides = learned.overrides.take(found)
    names = [loaded.patterns[code] for code in overrides.pattern.tolist()]
    keys = zip(names, overrides.category.tolist(), map(partial(_scope, loaded), overrides.scope), strict=True)
    of = content_hash([BUILDER, module, parameters.evidence.to_document(), sorted(map(list, keys), key=str)])
    return counted_before(module, of) or twins_of_run(loaded, len(found), of, count)


def _scope(loaded: LoadedObservations, codes: Codes) -> dict[str, str]:
    return dict(scope_of(codes.tolist(), loaded.observations.dimensions, loaded.values))


def days_of_others(overrides: Overrides, at: int) -> float | None:
    """Return the fewest effective days behind what an override has from other trades; None if it has nothing."""
    shared = overrides.parts[at, : Owner.OWN] != 0
    return float(overrides.days[at, : Owner.OWN][shared].min()) if shared.any() else None


def _tested(learned: Learned, parameters: ModuleParameters) -> TestedCells:
    """Return all overrides as tested cells."""
    all_of_them = learned.overrides
    return TestedCells(
        all_of_them.n, all_of_them.raw, all_of_them.raw_se, all_of_them.b, acts(learned, parameters.evidence)
    )


def _baselines(loaded: LoadedObservations, learned: Learned) -> dict[str, Baseline]:
    """Return the mean from which edges of each category are measured, and its number of units."""
    category, cluster = loaded.observations.category, loaded.observations.cluster
    return {
        loaded.categories[code]: Baseline(len(np.unique(cluster[category == code])), mean)
        for fit in learned.fits
        for code, mean in zip(fit.coding.categories.tolist(), fit.noise.mu0.tolist(), strict=True)
    }


@dataclass(frozen=True)
class _Finder:
    """Converts the ranked overrides of a module to lessons; `proven` has the sign of each line proven for life."""

    loaded: LoadedObservations
    learned: Learned
    module: str
    parameters: ModuleParameters
    proven: Mapping[str, float]

    def lessons(self) -> Iterator[CandidateLesson]:
        """Yield the lessons, best first; those that act with their weekly edges."""
        overrides = self.learned.overrides
        behind = SupportingTrades(self.loaded.observations, self.learned)
        active = acts(self.learned, self.parameters.evidence)
        nearly, shares = likely(overrides, self.parameters.evidence), overrides.owner_shares
        for at in range(self.learned.materialised):
            rows = behind.rows(int(overrides.pattern[at]), int(overrides.category[at]), overrides.scope[at])
            found = self._lesson(at, rows, shares[at], bool(nearly[at]))
            is_proven = self.proven.get(found.line, 0.0) * found.stats.edge_raw > 0
            found = replace(found, facts={**found.facts, "proven": is_proven})
            yield self._with_weeks(found, at, rows, behind) if active[at] else found

    def _lesson(self, at: int, rows: Ints, shares: Floats, is_likely: bool) -> CandidateLesson:
        """Return a lesson as too light to act, given the trades behind it."""
        overrides, channel = self.learned.overrides, LEARNED_CHANNELS[self.module]
        category = self.loaded.categories[int(overrides.category[at])]
        is_verified, c = bool(self.learned.verified[at]), float(self.learned.c[at])
        targets = lever_targets(category, c, self.parameters.channels[channel].weights)
        b, noise, lfsr = float(overrides.b[at]), float(overrides.noise[at]), float(overrides.lfsr[at])
        return CandidateLesson(
            group=PatternGroup(self.module, self.loaded.patterns[int(overrides.pattern[at])], category),
            channel=channel,
            policy=LearningMethod.EVIDENCE,
            scope=_scope(self.loaded, overrides.scope[at]),
            status=Lesson.Status.TOO_LIGHT,
            stats=Stats(
                edge_raw=b,
                n=int(overrides.n[at]),
                variance=noise**2,
                half_life_days=self.parameters.evidence.half_life_days,
                updated_at=moment_from_microseconds(int(self.loaded.closed_at[rows].max())),
            ),
            baseline=float(overrides.mu0[at]),
            weight=1.0 - lfsr,
            facts={
                "raw": float(overrides.raw[at]),
                "raw_se": float(overrides.raw_se[at]),
                "sd": float(overrides.sd[at]),
                "lfsr": lfsr,
                "c": c,
                "verified": is_verified,
                "standing": "verified" if is_verified else "likely" if is_likely else "unverified",
                "capped": bool(c != self.parameters.evidence.kappa * b),
                "rank": at + 1,
                "owner_shares": shares.tolist(),
                "from_others": float(overrides.parts[at, : Owner.OWN].sum()),
                "days_of_others": days_of_others(overrides, at),
                "days": float(overrides.days[at, Owner.OWN]),
                "left_out": float(overrides.left_out[at]),
                "recent": float(overrides.recent[at]),
                "believed": float(overrides.believed[at].sum()),
                "weight_sum": float(overrides.weight[at]),
                "noise": noise,
            },
            targets={LESSON_NAMES.get(name, name): target.value for name, target in targets.items()},
        )

    def _with_weeks(self, found: CandidateLesson, at: int, rows: Ints, behind: SupportingTrades) -> CandidateLesson:
        """Return the lesson as acting, with its trades' weekly means and their weekly edges net of other effects."""
        overrides = self.learned.overrides
        edges = behind.incremental(rows, *overrides.believed[at].tolist())
        weeks = weeks_of(self._rows(rows, self.loaded.observations.outcome[rows]))
        of_edges = weeks_of(self._rows(rows, edges))
        return replace(found, status=Lesson.Status.ACTIVE, weeks=weeks, week_edges=of_edges.mean)

    def _rows(self, rows: Ints, outcomes: Floats) -> Rows:
        all_of_them = self.loaded.observations
        codes = np.empty((len(rows), 0), dtype=np.int32)
        return Rows(codes, outcomes, all_of_them.trade[rows], all_of_them.cluster[rows], self.loaded.closed_at[rows])
