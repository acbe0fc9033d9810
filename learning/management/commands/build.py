"""`./dev manage build`: build the lessons of the modules now, as the hourly jobs do."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from learning.coefficients.coefficient_memory import update_coefficients
from learning.core.cells.cell_columns import CellBudgetExceeded
from learning.core.evidence_method.blocks import BudgetExceeded
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.lessons.build_evidence import Unlearnable
from learning.validation.run_evidence import run_evidence
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.core.vocabulary import Module

HELP = """Read what was recorded since the last build and build the lessons of both learning methods now, instead of
waiting for the hourly jobs. Lessons are opinions: nothing that is served changes."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--module", choices=[module.value for module in Module], help="default: all modules")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        modules = [options["module"]] if options["module"] else [module.value for module in Module]
        update_coefficients(now=now)
        try:
            for module in modules:
                aggregate_dirty(now=now, module=module)
                for method in LearningMethod:
                    build_lessons(module=module, policy=method, now=now)
                    self.stdout.write(f"{module}, method {method.value}: {run_evidence(module, method).sentence}")
        except (BudgetExceeded, CellBudgetExceeded, Unlearnable) as refusal:
            raise CommandError(str(refusal)) from refusal
