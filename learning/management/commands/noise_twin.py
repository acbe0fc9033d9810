"""`./dev manage noise_twin`: compare a method's lessons with those it finds in permuted outcomes."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from learning.core.significance.twin_gate import SEEDS
from learning.models import NoiseTwin
from learning.validation.noise_twin_runs import count_twins
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.refusal import Refused

HELP = """Permute the outcomes of a module within each pattern and week, so that they are unrelated to scope, count
the lessons that the learning method finds in them, and compare with those in the real outcomes. For the evidence method
only verified lessons with a scope count. Earlier results are reused."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--module", choices=[module.value for module in Module], default=Module.PM.value)
        parser.add_argument(
            "--policy", choices=[policy.value for policy in LearningMethod], default=LearningMethod.PLAN.value
        )
        parser.add_argument(
            "--seed", type=int, action="append", metavar="N", help=f"default: {', '.join(map(str, SEEDS))}"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON line for each seed")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = count_twins(
                module=options["module"],
                policy=LearningMethod(options["policy"]),
                seeds=options["seed"] or SEEDS,
                now=datetime.now(UTC),
                progress=self._progress if sys.stderr.isatty() else lambda _: None,
            )
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        if options["json"]:
            for row in rows:
                self.stdout.write(json.dumps(_document(row), sort_keys=True))
            return
        self.stdout.write(f"{rows[0].module}, policy {rows[0].policy}: {rows[0].found} found")
        for row in rows:
            self.stdout.write(f"  on permuted outcomes, seed {row.seed}: {row.count}")

    def _progress(self, share: float) -> None:
        self.stderr.write(f"\r{share:4.0%}", ending="\r" if share >= 1 else "")
        self.stderr.flush()


def _document(row: NoiseTwin) -> dict[str, Any]:
    about = {name: getattr(row, name) for name in ("module", "policy", "seed", "found", "count", "key")}
    return about | {"as_of": row.as_of.isoformat()}
