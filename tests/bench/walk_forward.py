"""Both methods walked forward over real data: textbook rules on real price bars, and logs of other people.

`./dev bench walk_forward --data DIR [--only NAME ...] [--folds N]`, with DIR as test_converter_reference.py reads it.
Trades are recorded, loaded and walked by the product's own code; one line per figure, whatever its value.
`matched_vs_plan` is the mean paired difference to the plan method with its own combiner, at matched tilt.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from learning.core.walk_forward.score import Uplift, increments, matched
from learning.core.walk_forward.sized_trades import SizedTrades
from learning.core.walk_forward.walk import bounds_of, sizing_method, walk
from learning.models import WalkForward
from learning.readers.walk_trades import load_trades
from learning.validation.walk_forward_runs import CHOICES, FOLDS, Choice, walk_forward
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod
from overrides.core.monitoring.days.day_bootstrap import day_block_band
from overrides.versions.load_version import current_parameters
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.core.trades import parse_trade
from telemetry.recording.import_files import import_files
from telemetry.recording.record_trades import record_trades
from tests.bench.real_logs import LOGS, SCOPED, scoped_log
from tests.bench.real_trades import SOURCES, converted
from tests.bench.record import empty_tables
from tests.bench.report import figure, scratch_database, timed
from tests.builders import NOW

BATCH = 2_000
PLAN = Choice(LearningMethod.PLAN, Combiner.PLAN)
Payloads = Iterator[Mapping[str, Any]]
Data = Callable[[Path], object]  # records the trades of a data set


def record(payloads: Payloads) -> None:
    batch = []
    for payload in payloads:
        batch.append(parse_trade(payload, now=NOW))
        if len(batch) == BATCH:
            record_trades(batch, now=NOW)
            batch = []
    record_trades(batch, now=NOW)


def imported(file: str, data: Path) -> None:
    for _ in import_files([data / file], now=NOW, defaults=Defaults()):
        pass


DATA: dict[str, tuple[Data, tuple[str, ...]]] = {
    "converter": (lambda data: record(converted(data, SOURCES)), ("pm", "dm")),
    **{
        f"converter {source}": (partial(lambda s, d: record(converted(d, (s,))), source), ("pm",)) for source in SOURCES
    },
    **{f"log {name}": (partial(imported, file), ("pm",)) for name, file in LOGS.items()},
    **{f"log {name}, scoped": (partial(lambda n, d: record(scoped_log(d, n)), name), ("pm",)) for name in SCOPED},
}


def run(data: Path, names: Sequence[str], folds: int = FOLDS) -> None:
    for name in names:
        empty_tables()
        WalkForward.objects.all().delete()
        fill, modules = DATA[name]
        figure("walk_forward", "recorded", timed(partial(fill, data)).wall, "s", data=name)
        for module in modules:
            walked(name, module, folds)
        figure("walk_forward", "peak_rss", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", data=name)


def walked(name: str, module: str, folds: int) -> None:
    found: list[WalkForward] = []
    differences = cache(lambda: list(paired(module, folds)))
    for choice in CHOICES:
        context = {"data": name, "module": module, "policy": str(choice)}
        seconds = timed(partial(_walk, found, module, choice, folds))
        row = found[-1]
        if row.figures is None:
            figure("walk_forward", "refused", 1, "walk", error=row.error, **context)
            continue
        figure("walk_forward", "walk", seconds.wall, "s", cpu=round(seconds.cpu, 2), **context)
        report(row.figures, context)
    for choice, gain in differences() if all(row.figures for row in found) else ():
        figure("walk_forward", "matched_vs_plan", gain.mean, "R per 1,000", low=gain.low, high=gain.high, data=name,
               module=module, policy=str(choice))  # fmt: skip


def _walk(found: list[WalkForward], module: str, choice: Choice, folds: int) -> None:
    found += walk_forward(module=module, choices=[choice], folds=folds, now=NOW)


def report(found: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    for name in ("uplift", "matched", "optimistic"):
        if found[name] is not None:
            band = {end: None if found[name][end] is None else round(found[name][end], 3) for end in ("low", "high")}
            figure("walk_forward", name, found[name]["mean"], "R per 1,000", n=found["n"], **band, **context)
    tilt, line = found["tilt"], found["calibration"]
    if tilt is not None:
        figure("walk_forward", "tilt", tilt["sd_ln"], "sd of ln m", mean=round(tilt["mean"], 5),
               mean_ln=round(tilt["mean_ln"], 5), moved=round(tilt["moved"], 4), **context)  # fmt: skip
    if line["slope"] is not None:
        figure("walk_forward", "slope", line["slope"], "R per R", se=line["slope_se"], in_bar=line["in_bar"], **context)
    if line["squared_error_ratio"] is not None:
        figure("walk_forward", "squared_error", line["squared_error_ratio"], "x no learning", **context)
    lists = {name: [fold[name] for fold in found["folds"]] for name in ("known", "decided", "lessons", "verified")}
    if found["folds"]:
        figure("walk_forward", "lessons", found["folds"][-1]["lessons"], "in the last fold", by_fold=lists, **context)


def paired(module: str, folds: int) -> Iterator[tuple[Choice, Uplift]]:
    """Return each method's increments at matched tilt less those of the plan, trade by trade."""
    parameters = current_parameters(module)
    trades, bounds = load_trades(parameters, NOW), bounds_of(parameters)
    sized = {c: walk(trades, sizing_method(c.policy, c.combiner, parameters), folds=folds).sized for c in CHOICES}
    added = {choice: _added(each, *bounds) for choice, each in sized.items()}
    for choice in CHOICES:
        band = day_block_band(sized[choice].day, added[choice] - added[PLAN])
        if choice != PLAN and band is not None:
            yield choice, Uplift.of(band)


def _added(sized: SizedTrades, low: float, high: float) -> Any:
    size = matched(sized.size, low, high) if len(sized) else None
    return increments(sized.fold, np.ones(len(sized)) if size is None else size, sized.outcome)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev bench walk_forward")
    parser.add_argument("--data", type=Path, required=True, help="the folder of bars and logs")
    parser.add_argument("--only", action="append", choices=list(DATA), help="default: all")
    parser.add_argument("--folds", type=int, default=FOLDS)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        raise SystemExit(f"--data: {arguments.data} is no folder; give the one with bars and logs")
    with scratch_database():
        run(arguments.data, arguments.only or list(DATA), arguments.folds)
