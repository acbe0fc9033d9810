"""What each method would have been worth on real trades, and whether what was verified held: one table.

`./dev bench real_table --data DIR [--only NAME ...] [--folds N] [--write FILE]`, with the data sets of `walk_forward`.
Each method is walked forward through each data set. Of the evidence method the table adds what it verifies at the end,
what it verifies in its noise twins, and what verified overrides earned in the fold after they were verified. `--write`
replaces the table in a document (docs/real_data.md) and dates it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from learning.core.cells.rows import DAY, MISSING, Floats, Ints
from learning.core.evidence_method.learn import FAMILIES, family_codes, verified_with_scope
from learning.core.evidence_method.predict import predict
from learning.core.significance.strength import NO_BRAKE, Brake
from learning.core.walk_forward.evidence_walker import EvidenceWalker, learned_at
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.prequential import evidence_strength
from learning.core.walk_forward.walk import bounds_of, figures, sizing_method, walk
from learning.lessons.build_evidence import count_verified
from learning.lessons.run_twins import twins_of_run
from learning.models import WalkForward
from learning.readers.group_columns import EPOCH, moment_from_microseconds
from learning.readers.observations import day_at, load_observations
from learning.readers.walk_trades import load_trades
from learning.validation.walk_forward_runs import CHOICES, FOLDS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.monitoring.days.day_bootstrap import day_block_band
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.number_text import typeset
from tests.bench.real_logs import SCOPED
from tests.bench.real_trades import SOURCES
from tests.bench.record import empty_tables
from tests.bench.report import figure, scratch_database
from tests.bench.walk_forward import DATA
from tests.builders import NOW

FEWEST_IN_FOLD, FEWEST_CLAIMS, WEEKS_OF_A_SET = 5, 30, 100_000
# Data sets whose trades another one holds: the parts of "converter", logs that are also scoped, and one in two formats.
REPEATED = {
    *(f"converter {source}" for source in SOURCES),
    *(f"log {name}" for name in SCOPED),
    "log freqtrade_native",
}
START, END = "<!-- table -->", "<!-- end of table -->"
HEADER = (
    "| data | module | method | trades | uplift, R per 1,000 | squared error | slope | verified | twins: weeks "
    "| twins: shifted | verified, in the fold after |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


@dataclass
class Claimed:
    """What verified overrides claimed and earned in the fold after.

    Each override has arrays `(trades,)` of its scope's trades in the fold: the week of each, numbered apart from those
    of other data sets, and what it earned, in R; `claimed` is its edge without sign.
    """

    claimed: list[float] = field(default_factory=list)
    weeks: list[Ints] = field(default_factory=list)
    earned: list[Floats] = field(default_factory=list)

    def add(self, other: Claimed, data_set: int) -> None:
        """Add the overrides of a data set."""
        self.claimed += other.claimed
        self.weeks += [weeks + WEEKS_OF_A_SET * data_set for weeks in other.weeks]
        self.earned += other.earned

    def report(self, name: str) -> str:
        """Return what was earned of what was claimed; below 30 claims nothing is decided."""
        n = len(self.claimed)
        if n < FEWEST_CLAIMS:
            figure("real_table", "claims", n, "overrides", data=name, decidable=False)
            return f"{n} claims: not decidable below {FEWEST_CLAIMS}"
        trades = np.array([len(each) for each in self.earned])
        claimed = float(np.average(self.claimed, weights=trades))
        wrong = float(np.average([each.mean() < 0 for each in self.earned], weights=trades))
        band = day_block_band(np.concatenate(self.weeks), np.concatenate(self.earned))
        assert band is not None  # there are claims, and each has trades
        ends = {} if band.low is None or band.high is None else {"low": round(band.low, 3), "high": round(band.high, 3)}
        known = {"claims": n, "claimed": round(claimed, 3), "earned": round(band.mean, 3), "wrong_sign": wrong} | ends
        figure("real_table", "earned_of_claimed", band.mean / claimed, "x", data=name, decidable=True, **known)
        interval = f" (95 % {ends['low']:+.3f} to {ends['high']:+.3f})" if ends else ""
        return f"{n} claims: claimed {claimed:+.3f} R, earned {band.mean:+.3f} R{interval}, wrong sign {wrong:.0%}"


def run(data: Path, names: Sequence[str], folds: int = FOLDS) -> list[str]:
    """Return the lines of the table and of what follows it; pooled are data sets that hold no trade of another."""
    lines, pooled = list(HEADER), Claimed()
    errors: list[tuple[Ints, Floats, Floats]] = []
    for number, name in enumerate(names):
        empty_tables()
        WalkForward.objects.all().delete()
        fill, modules = DATA[name]
        fill(data)
        for module in modules:
            parameters = current_parameters(module)
            trades = load_trades(parameters, NOW)
            if len(trades.decided()):
                claims = follow(trades, parameters, folds)
                is_pooled = name not in REPEATED and module == modules[0]
                lines += list(rows_of(name, parameters, trades, folds, claims, errors if is_pooled else []))
                if is_pooled:
                    pooled.add(claims, number)
    return [*lines, "", f"Verified overrides in the fold after, pooled: {pooled.report('pooled')}.", error_of(errors)]


def rows_of(
    name: str,
    parameters: ModuleParameters,
    trades: Trades,
    folds: int,
    claims: Claimed,
    errors: list[tuple[Ints, Floats, Floats]],
) -> Iterator[str]:
    """Yield the table's row of each method, and add the squared errors of the evidence method to `errors`."""
    low, high = bounds_of(parameters)
    for choice in CHOICES:
        try:
            sized = walk(trades, sizing_method(choice.policy, choice.combiner, parameters), folds=folds)
        except ValueError as refused:
            yield f"| {name} | {parameters.module} | {choice} | {len(trades):,} | {refused} | | | | | | |"
            continue
        found = figures(sized, low, high)
        is_evidence = choice.policy is LearningMethod.EVIDENCE
        ends = (*twins_cells(parameters), claims.report(name)) if is_evidence else ("", "", "", "")
        if is_evidence and len(sized.sized):
            each = sized.sized
            believed = (each.outcome - each.baseline - each.edge) ** 2
            errors.append((each.day, believed, (each.outcome - each.prior_mean) ** 2))
        cells = (name, parameters.module, str(choice), f"{found['n']:,}", _uplift(found["uplift"]), _error(found),
                 _slope(found["calibration"]), *ends)  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def twins_cells(parameters: ModuleParameters) -> tuple[str, str, str]:
    """Return what the evidence method verifies as of now, and in its twins of both kinds."""
    module = parameters.module
    loaded = load_observations(module, parameters.learned_from, NOW)
    at = EPOCH + timedelta(days=float(loaded.observations.known.max()), seconds=1)
    families = family_codes(module, loaded.categories)
    strengths = evidence_strength(loaded.observations, families, day_at(at), parameters.evidence)
    brakes = [NO_BRAKE if each is None else each.brake for each in strengths]
    count = partial(count_verified, module=module, parameters=parameters, now=at, brakes=brakes)
    found = twins_of_run(loaded, count(loaded), "", count)
    return str(found.found), _counts(found.weeks), _counts(found.shifts)


def follow(trades: Trades, parameters: ModuleParameters, folds: int) -> Claimed:
    """Return what overrides verified at the start of each fold earned in it, all else believed taken out."""
    decided, walker, claims = trades.decided(), EvidenceWalker(parameters.evidence, *bounds_of(parameters)), Claimed()
    for period in folds_of(decided.at, folds):
        coming = decided.take((decided.at >= period.start) & (decided.at < period.end))
        known, brake = trades.known_at(period.start), walker.brake(period.start)
        found = learned_at(known, period.start, parameters.evidence, brake)
        if found is None or not len(coming):
            continue
        learned, fit, category = found
        believed = predict(fit, coming.pattern, coming.category, coming.scope)
        walker.remember(known, coming, believed)
        scopes, own = learned.overrides.scope, learned.overrides.category == category
        is_sure = verified_with_scope(learned, parameters.evidence) & own
        if not is_sure.any() or not is_beyond_noise(parameters, known, category, period.start, brake):
            continue
        expected = believed.braked(brake).edge
        residual = coming.outcome - coming.outcome.mean() - (expected - expected.mean())
        for at in np.flatnonzero(is_sure).tolist():
            inside = _inside(coming, int(learned.overrides.pattern[at]), scopes[at])
            if inside.sum() >= FEWEST_IN_FOLD:
                b = float(learned.overrides.b[at])
                claims.claimed.append(abs(b))
                claims.weeks.append(coming.at[inside] // (7 * DAY))
                claims.earned.append(math.copysign(1.0, b) * (residual[inside] + b))
    return claims


def is_beyond_noise(parameters: ModuleParameters, known: Trades, category: int, moment: int, brake: Brake) -> bool:
    """Return whether the twins of a run at a moment in microseconds let it verify anything."""
    module, at = parameters.module, moment_from_microseconds(moment)
    loaded = load_observations(module, parameters.learned_from, at)
    deciding = known.categories[category]
    brakes = [brake if deciding in family else NO_BRAKE for family in FAMILIES[module]]
    count = partial(count_verified, module=module, parameters=parameters, now=at, brakes=brakes)
    return twins_of_run(loaded, count(loaded), "", count).is_beyond_noise


def _inside(trades: Trades, pattern: int, scope: Any) -> Any:
    closed = scope != MISSING
    return (trades.pattern == pattern) & (trades.scope[:, closed] == scope[closed]).all(axis=1)


def error_of(errors: Sequence[tuple[Ints, Floats, Floats]]) -> str:
    """Return the pooled squared error against not learning, with a band from blocks of seven days."""
    if not errors:
        return "No data set could be walked."
    weeks = np.concatenate([day // 7 + 100_000 * at for at, (day, _, _) in enumerate(errors)])
    gain = np.concatenate([(without - believed) / without.mean() for _, believed, without in errors])
    band = day_block_band(weeks, gain)
    low, high = (None, None) if band is None else (band.low, band.high)
    figure("real_table", "squared_error_gain", float(gain.mean()), "of not learning", low=low, high=high)
    interval = "" if low is None or high is None else f" (95 % {low:+.2%} to {high:+.2%}, blocks of seven days)"
    return f"The evidence method saves {float(gain.mean()):+.2%} of the squared error of not learning{interval}."


def _uplift(found: Any) -> str:
    if found is None:
        return ""
    band = "" if found["low"] is None else f" ({found['low']:+.2f} to {found['high']:+.2f})"
    return f"{found['mean']:+.2f}{band}"


def _error(found: Any) -> str:
    ratio = found["calibration"]["squared_error_ratio"]
    return "" if ratio is None else f"{ratio:.3f}"


def _slope(line: Any) -> str:
    return "" if line["slope"] is None else f"{line['slope']:+.2f} ± {line['slope_se'] or float('nan'):.2f}"


def _counts(counts: Sequence[int]) -> str:
    return ", ".join(map(str, counts))


def _printed(line: str) -> str:
    """Return the line with minus signs; the rule below the header keeps the hyphens that make it a table."""
    return line if line in HEADER else typeset(line)


def write(file: Path, lines: Sequence[str], command: str) -> None:
    """Replace the table in a document."""
    before, _, rest = file.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    dated = f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}`."
    file.write_text("\n".join([before + START, dated, "", *map(_printed, lines), END + after]), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev bench real_table")
    parser.add_argument("--data", type=Path, required=True, help="the folder of bars and logs")
    parser.add_argument("--only", action="append", choices=list(DATA), help="default: all")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--write", type=Path, help="the document whose table is replaced")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        raise SystemExit(f"--data: {arguments.data} is no folder; give the one with bars and logs")
    with scratch_database():
        table = run(arguments.data, arguments.only or list(DATA), arguments.folds)
    print("\n".join(table))
    if arguments.write:
        write(arguments.write, table, "./dev bench real_table --data DIR --write docs/real_data.md")
