"""`./dev manage gate_evidence`: how other thresholds of gates would have fared on the windows of past episodes."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from learning.core.tuning.gate_simulation import LEAST_RATIO, GateChange
from learning.core.tuning.simulated_gate import SimulatedGate
from learning.lessons.gate_evidence import gate_evidence
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.words import count_of

HELP = """Replay the windows of past episodes with one threshold changed and all other gates in force, and sum what
would have been gained and lost. A threshold whose gains are twice its losses is a candidate, which is judged like any
other alternative once a day; this command proposes nothing."""
COLUMNS = "  threshold   let in  kept out     gains    losses   ratio   mean change  unknown"


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--module", choices=[module.value for module in Module], default=Module.PM.value)
        parser.add_argument("--json", action="store_true", help="print one JSON line for each threshold")

    def handle(self, *args: Any, **options: Any) -> None:
        found = gate_evidence(options["module"], datetime.now(UTC))
        if options["json"]:
            for evidence in found:
                for change in evidence.changes:
                    self.stdout.write(json.dumps(_document(evidence, change), sort_keys=True))
            return
        if not found:
            self.stdout.write("no window of an episode is known; bots send them to POST /api/v1/telemetry/episodes/")
        for evidence in found:
            self.stdout.write("\n".join(_lines(evidence)))


def _document(evidence: SimulatedGate, change: GateChange) -> dict[str, Any]:
    ratio = change.ratio if change.losses > 0 else None
    return {"lever": evidence.lever.name, **asdict(change), "ratio": ratio, "is_candidate": change.is_candidate}


def _lines(evidence: SimulatedGate) -> list[str]:
    rows = [
        f"  {each.alternative:>9}{each.let_in:>9,}{each.kept_out:>10,}{each.gains:>8.1f} R{each.losses:>8.1f} R"
        f"{_ratio(each):>8}{each.mean:>+12.4f} R{each.unknown:>9,}{'   candidate' if each.is_candidate else ''}"
        for each in evidence.changes
    ]
    considered = (
        f"{evidence.lever.name}: {count_of(evidence.considered, 'window')}, {evidence.entered:,} of them entered"
    )
    number = sum(each.is_candidate for each in evidence.changes)
    return [considered, COLUMNS, *rows, f"  {count_of(number, 'candidate')} at {LEAST_RATIO:g} gained for 1 lost"]


def _ratio(change: GateChange) -> str:
    return f"{change.ratio:.2f}" if change.losses > 0 else "-"
