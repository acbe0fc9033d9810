"""Change every condition of governance once, and list the changes that no test notices.

`./dev bench mutants [database|python] [TEXT]`: of both or one of them, all or those whose name contains the text. It
prints a line of JSON per figure, then what docs/mutants.md does not explain, and ends with 1 if there is anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from tests.bench.mutants.database_mutants import function_mutants, key_mutants, trigger_mutants
from tests.bench.mutants.explained import DOCUMENT, complaints, read
from tests.bench.mutants.judge_database import Verdict, judge_database, say
from tests.bench.mutants.judge_python import judge_python
from tests.bench.mutants.mutant import Mutant
from tests.bench.report import figure, timed

Judged = tuple[list[str], list[str]]  # all changes by name, and those that no test noticed
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


def of_database(text: str) -> Judged:
    """Return the names of all changes of the database, and of those that no test noticed."""

    def find() -> Iterator[Mutant]:
        return (each for each in chain(function_mutants(), trigger_mutants(), key_mutants()) if text in each.name)

    verdict: Verdict = judge_database(find, JUDGES)
    for name in verdict.unusable:
        say(f"fails without any change, and judges none: {name}")
    figure("mutants", "database_unusable", len(verdict.unusable), "tests")
    figure("mutants", "database_invalid", len(verdict.invalid), "mutants")
    return [each.name for each in verdict.tried], [each.name for each in verdict.survivors]


def _into(found: list[Judged], judge: Callable[[str], Judged], text: str) -> None:
    found.append(judge(text))


def main(which: str = "both", text: str = "") -> int:
    """Run the tool; see the module."""
    explained = {name: why for name, why in read(DOCUMENT.read_text(encoding="utf-8")).items() if text in name}
    wrong: list[str] = []
    for name, judge in (("database", of_database), ("python", judge_python)):
        if which not in (name, "both"):
            continue
        found: list[Judged] = []
        taken = timed(partial(_into, found, judge, text))
        [(tried, survivors)] = found
        count = partial(figure, "mutants", unit="mutants")
        count(f"{name}_tried", len(tried))
        count(f"{name}_killed", len(tried) - len(survivors))
        count(f"{name}_survivors", len(survivors))
        figure("mutants", f"{name}_wall", taken.wall, "s")
        listed = {each: why for each, why in explained.items() if each.startswith("core.") is (name == "python")}
        wrong += complaints(listed, tried, survivors)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
