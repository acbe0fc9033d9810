"""`./dev manage walk_forward`: what each learning method would have earned, as a table with bands or as JSON lines."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from learning.models import WalkForward
from learning.validation.walk_forward_runs import CHOICES, FOLDS, choice_of, walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.refusal import Refused

HELP = """Walk forward through a module's closed trades: learn from what was known when a fold began, size the trades
decided in it. Uplift is in R per 1,000 trades of unit size at equal exposure, with the 95 % band of a bootstrap over
UTC days; matched is the same with the ln m of every method scaled to the same spread. Earlier results are reused."""
NOTHING = "-"
HEAD = (
    "policy",
    "trades",
    "uplift [95 %]",
    "matched [95 %]",
    "optimistic",
    "mean m",
    "sd ln m",
    "slope",
    "error ratio",
)


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--module", choices=[module.value for module in Module], default=Module.PM.value)
        parser.add_argument(
            "--policy", action="append", choices=[policy.value for policy in LearningMethod], help="default: all"
        )
        parser.add_argument("--folds", type=int, default=FOLDS, metavar="N", help=f"default: {FOLDS}")
        parser.add_argument("--json", action="store_true", help="print one JSON line for each method, with all figures")

    def handle(self, *args: Any, **options: Any) -> None:
        methods = options["policy"] or list(LearningMethod)
        choices = [choice for choice in CHOICES if choice.policy in methods]
        try:
            rows = walk_forward(
                module=options["module"],
                choices=choices,
                folds=options["folds"],
                now=datetime.now(UTC),
                progress=self._progress if sys.stderr.isatty() else lambda _: None,
            )
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        for row in rows:
            if row.status != WalkForward.Status.DONE:
                raise CommandError(f"{choice_of(row)}: {row.error or 'a worker is at it; ask again when it is done'}")
        if options["json"]:
            for row in rows:
                self.stdout.write(json.dumps(_document(row), sort_keys=True))
        else:
            self._table([HEAD, *map(_cells, rows)])

    def _progress(self, share: float) -> None:
        self.stderr.write(f"\r{share:4.0%}", ending="\r" if share >= 1 else "")
        self.stderr.flush()

    def _table(self, lines: Sequence[Sequence[str]]) -> None:
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
        for name, *numbers in lines:
            cells = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
            self.stdout.write("  ".join([name.ljust(widths[0]), *cells]))


def _cells(row: WalkForward) -> tuple[str, ...]:
    found: Mapping[str, Any] = row.figures or {}
    tilt, line = found.get("tilt") or {}, found["calibration"]
    return (
        str(choice_of(row)),
        f"{found['n']:,}",
        _banded(found["uplift"]),
        _banded(found["matched"]),
        _number(None if found["optimistic"] is None else found["optimistic"]["mean"], "+.1f"),
        _number(tilt.get("mean"), ".4f"),
        _number(tilt.get("sd_ln"), ".4f"),
        _slope(line),
        _number(line["squared_error_ratio"], ".4f"),
    )


def _banded(uplift: Mapping[str, float | None] | None) -> str:
    if uplift is None:
        return NOTHING
    low, high = (_number(uplift[end], "+.2f") for end in ("low", "high"))
    return f"{_number(uplift['mean'], '+.2f')} [{low}, {high}]"


def _slope(line: Mapping[str, Any]) -> str:
    return NOTHING if line["slope"] is None else f"{line['slope']:.2f} ± {_number(line['slope_se'], '.2f')}"


def _number(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)


def _document(row: WalkForward) -> dict[str, Any]:
    about = {name: getattr(row, name) for name in ("module", "policy", "combiner", "folds", "key", "code_version")}
    return about | {"as_of": row.as_of.isoformat(), "figures": row.figures}
