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

from learning.core.cells.rows import MISSING, Floats, Ints
from learning.core.evidence_method.learn import FAMILIES
from learning.core.evidence_method.predict import predict
from learning.core.significance.strength import NO_BRAKE
from learning.core.walk_forward.evidence_walker import EvidenceWalker, learned_at
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.prequential import evidence_strength
from learning.core.walk_forward.walk import bounds_of, figures, sizing_method, walk
from learning.lessons.build_evidence import count_verified
from learning.lessons.run_twins import twins_of_run
from learning.models import WalkForward
from learning.readers.group_columns import EPOCH
from learning.readers.observations import day_at, load_observations
from learning.readers.walk_trades import load_trades
from learning.validation.walk_forward_runs import CHOICES, FOLDS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.monitoring.day_bootstrap import day_block_band
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.number_text import typeset
from tests.bench.record import empty_tables
from tests.bench.report import figure, scratch_database
from tests.bench.walk_forward import DATA
from tests.builders import NOW

FEWEST_IN_FOLD, FEWEST_CLAIMS = 5, 30
START, END = "<!-- table -->", "<!-- end of table -->"
HEADER = (
    "| data | module | method | trades | uplift, R per 1,000 | squared error | slope | verified | twins: weeks "
    "| twins: shifted |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


@dataclass
class Claimed:
    """What verified overrides claimed and earned in the fold after, R per trade, one entry for each of them."""

    claimed: list[float] = field(default_factory=list)
    earned: list[float] = field(default_factory=list)
    trades: list[int] = field(default_factory=list)

    def report(self, name: str) -> str:
        """Return one sentence; below 30 claims nothing is decided."""
        n = len(self.trades)
        if n < FEWEST_CLAIMS:
            figure("real_table", "claims", n, "overrides", data=name, decidable=False)
            return f"{name}: {n} verified claims were followed by trades; not decidable below {FEWEST_CLAIMS}."
        claimed, earned = self._mean(self.claimed), self._mean(self.earned)
        weights = np.array(self.trades) / sum(self.trades)
        se = math.sqrt(float((weights**2 * (np.array(self.earned) - earned) ** 2).sum()))
        wrong = float(weights @ (np.array(self.earned) < 0))
        figure("real_table", "earned_of_claimed", earned / claimed, "x", data=name, claims=n, claimed=round(claimed, 3),
               earned=round(earned, 3), se=round(se, 3), wrong_sign=round(wrong, 3), decidable=True)  # fmt: skip
        return (
            f"{name}: {n} claims, claimed {claimed:+.3f} R, earned {earned:+.3f} R "
            f"(95 % {earned - 1.96 * se:+.3f} to {earned + 1.96 * se:+.3f}), wrong sign {wrong:.0%}."
        )

    def _mean(self, values: Sequence[float]) -> float:
        return float(np.average(values, weights=self.trades))


def run(data: Path, names: Sequence[str], folds: int = FOLDS) -> list[str]:
    """Return the lines of the table and of what follows it."""
    lines, pooled = list(HEADER), Claimed()
    errors: list[tuple[Ints, Floats, Floats]] = []
    for name in names:
        empty_tables()
        WalkForward.objects.all().delete()
        fill, modules = DATA[name]
        fill(data)
        for module in modules:
            parameters = current_parameters(module)
            trades = load_trades(parameters, NOW)
            if len(trades.decided()):
                lines += list(rows_of(name, parameters, trades, folds, errors))
                follow(trades, parameters, folds, pooled)
    return [*lines, "", pooled.report("Verified overrides in the fold after, all data"), error_of(errors)]


def rows_of(
    name: str, parameters: ModuleParameters, trades: Trades, folds: int, errors: list[tuple[Ints, Floats, Floats]]
) -> Iterator[str]:
    """Yield the table's row of each method, and keep the squared errors of the evidence method."""
    low, high = bounds_of(parameters)
    for choice in CHOICES:
        try:
            sized = walk(trades, sizing_method(choice.policy, choice.combiner, parameters), folds=folds)
        except ValueError as refused:
            yield f"| {name} | {parameters.module} | {choice} | {len(trades):,} | {refused} | | | | | |"
            continue
        found = figures(sized, low, high)
        is_evidence = choice.policy is LearningMethod.EVIDENCE
        ends = twins_cells(parameters) if is_evidence else ("", "", "")
        if is_evidence and len(sized.sized):
            each = sized.sized
            believed = (each.outcome - each.baseline - each.edge) ** 2
            errors.append((each.day, believed, (each.outcome - each.prior_mean) ** 2))
        cells = (name, parameters.module, str(choice), f"{found['n']:,}", _uplift(found["uplift"]), _error(found),
                 _slope(found["calibration"]), *ends)  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def twins_cells(parameters: ModuleParameters) -> tuple[str, str, str]:
    """Return what the evidence method verifies as of now, and in its twins of both kinds."""
    module, lessons = parameters.module, parameters.lessons
    loaded = load_observations(module, lessons.dimensions_of(module), lessons.books, NOW)
    at = EPOCH + timedelta(days=float(loaded.observations.known.max()), seconds=1)
    families = [[loaded.categories.index(name) for name in family] for family in FAMILIES[module]]
    strengths = evidence_strength(loaded.observations, families, day_at(at), parameters.evidence)
    brakes = [NO_BRAKE if each is None else each.brake for each in strengths]
    count = partial(count_verified, module=module, parameters=parameters, now=at, brakes=brakes)
    found = twins_of_run(loaded, count(loaded), "", count)
    return str(found.found), _counts(found.weeks), _counts(found.shifts)


def follow(trades: Trades, parameters: ModuleParameters, folds: int, claims: Claimed) -> None:
    """Add what overrides that were verified at the start of each fold earned in it, all other beliefs taken out."""
    decided, walker = trades.decided(), EvidenceWalker(parameters.evidence, *bounds_of(parameters))
    for period in folds_of(decided.at, folds):
        known, coming = (
            trades.known_at(period.start),
            decided.take((decided.at >= period.start) & (decided.at < period.end)),
        )
        brake = walker.brake(period.start)
        found = learned_at(known, period.start, parameters.evidence, brake)
        if found is None or not len(coming):
            continue
        learned, fit, category = found
        believed = predict(fit, coming.pattern, coming.category, coming.scope)
        walker.remember(known, coming, believed)
        expected = believed.braked(brake).edge
        residual = coming.outcome - coming.outcome.mean() - (expected - expected.mean())
        sure = np.flatnonzero(learned.verified & (learned.overrides.category == category))
        for at in sure.tolist():
            inside = _inside(coming, int(learned.overrides.pattern[at]), learned.overrides.scope[at])
            if inside.sum() >= FEWEST_IN_FOLD:
                b = float(learned.overrides.b[at])
                claims.claimed.append(abs(b))
                claims.earned.append(math.copysign(1.0, b) * (float(residual[inside].mean()) + b))
                claims.trades.append(int(inside.sum()))


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
