"""Change every condition of governance once, and list the changes that no test notices.

`./dev bench mutants [database|python] [-k TEXT]` prints a line of JSON per figure and the survivors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain

from tests.bench.mutants.database_mutants import function_mutants, key_mutants, trigger_mutants
from tests.bench.mutants.judge_database import Verdict, judge_database, say
from tests.bench.mutants.mutant import Mutant
from tests.bench.report import figure, timed

JUDGES = (
    "tests/bypass/ways",
    "tests/bypass/test_people.py",
    "tests/overrides/models",
    "tests/overrides/versions/test_coefficients.py",
    "tests/overrides/requests/test_trial.py",
    "tests/overrides/requests/test_auto_publish.py",
    "tests/bypass/test_tables.py",
    "tests/bypass/test_application_role.py",
    "tests/config/access/test_people_audit.py",
    "tests/telemetry/audit/test_audit_log.py",
    "tests/telemetry/models/test_constraints.py",
)


def main(text: str = "") -> int:
    def find() -> Iterator[Mutant]:
        return (each for each in chain(function_mutants(), trigger_mutants(), key_mutants()) if text in each.name)

    found: list[Verdict] = []
    taken = timed(lambda: found.append(judge_database(find, tuple(sys.argv[2:]) or JUDGES)))
    (verdict,) = found
    for name, killer in verdict.killed.items():
        say(f"killed: {name} BY {killer}")
    for name in verdict.unusable:
        say(f"not usable: {name}")
    for name in verdict.invalid:
        say(f"invalid: {name}")
    for mutant in verdict.survivors:
        print(f"survivor: {mutant.kind} | {mutant.name}")
    count = partial(figure, "mutants", unit="mutants")
    count("tried", len(verdict.tried))
    count("killed", len(verdict.killed))
    count("invalid", len(verdict.invalid))
    count("survivors", len(verdict.survivors))
    figure("mutants", "unusable", len(verdict.unusable), "tests")
    figure("mutants", "wall", taken.wall, "s")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
