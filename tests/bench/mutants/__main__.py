"""Change every condition of governance once, and list the changes that no test notices.

`./dev bench mutants [--only-unkilled] [database|python] [TEXT [PATH ...]]`: of both or one of them, all or those whose
name contains the text, judged by all tests or by those of the paths. `@FILE` as the text stands for the names in a
file, and `1/2` for the first of two parts. With `--only-unkilled`, changes of the database that a test noticed in an
earlier run are left out. It prints a line of JSON per figure, then what docs/mutants.md does not explain, and ends with
1 if there is anything.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from zlib import crc32

from tests.bench.mutants.database_mutants import function_mutants, key_mutants, trigger_mutants
from tests.bench.mutants.explained import DOCUMENT, complaints, read
from tests.bench.mutants.judge_database import Verdict, judge_database, known_killers, say
from tests.bench.mutants.judge_python import judge_python
from tests.bench.mutants.mutant import Mutant
from tests.bench.report import figure, timed

ONLY_UNKILLED = "--only-unkilled"
PART = re.compile(r"(\d+)/(\d+)")
Judged = tuple[list[str], list[str]]  # all changes by name, and those that no test noticed
JUDGES = (
    "tests/overrides/models/test_sql.py",
    "tests/bypass/ways",
    "tests/bypass/people",
    "tests/overrides/models/test_governed_by_facts.py",
    "tests/overrides/versions/test_coefficients.py",
    "tests/overrides/requests/test_trial.py",
    "tests/overrides/requests/test_auto_publish.py",
    "tests/bypass/test_tables.py",
    "tests/bypass/test_application_role.py",
    "tests/config/access/test_people_audit.py",
    "tests/telemetry/audit/test_audit_log.py",
    "tests/telemetry/models/test_constraints.py",
    "tests/bypass/test_at_once.py",
)


def is_asked(name: str, text: str) -> bool:
    """Return whether a change is to be tried.

    >>> is_asked("guard_vote: [a] -> true", "vote"), is_asked("guard_vote: [a] -> true", "guard_mode")
    (True, False)
    """
    if part := PART.fullmatch(text):
        return crc32(name.encode()) % int(part[2]) == int(part[1]) % int(part[2])
    if text.startswith("@"):
        return name in Path(text[1:]).read_text(encoding="utf-8").splitlines()
    return text in name


def of_database(left_out: Collection[str], text: str, *paths: str) -> Judged:
    """Return the names of all changes of the database that could be made, and of those that no test noticed."""

    def find() -> Iterator[Mutant]:
        every = chain(function_mutants(), trigger_mutants(), key_mutants())
        return (each for each in every if is_asked(each.name, text) and each.name not in left_out)

    verdict: Verdict = judge_database(find, paths or JUDGES, read(DOCUMENT.read_text(encoding="utf-8")))
    for name in verdict.unusable:
        say(f"fails without any change, and judges none: {name}")
    for file, killed in Counter(item.partition("::")[0] for item in verdict.killed.values()).most_common():
        figure("mutants", "database_killed_by", killed, "mutants", file=file)
    figure("mutants", "database_unusable", len(verdict.unusable), "tests")
    figure("mutants", "database_invalid", len(verdict.invalid), "mutants")
    tried = [each.name for each in verdict.tried if each.name not in verdict.invalid]
    return tried, [each.name for each in verdict.survivors]


def of_python(text: str, *_: str) -> Judged:
    """Return the same of the changes of the cores, whose tests stand beside them."""
    return judge_python(text)


def _into(found: list[Judged], judge: Callable[..., Judged], *asked: str) -> None:
    found.append(judge(*asked))


def main(*arguments: str) -> int:
    """Run the tool; see the module."""
    asked = [each for each in arguments if each != ONLY_UNKILLED]
    which, text, *paths = [*asked, *("both", "")[len(asked) :]]
    left_out = frozenset(known_killers()) if ONLY_UNKILLED in arguments else frozenset[str]()
    listed = read(DOCUMENT.read_text(encoding="utf-8"))
    explained = {name: why for name, why in listed.items() if is_asked(name, text) and name not in left_out}
    wrong: list[str] = []
    for name, judge in (("database", partial(of_database, left_out)), ("python", of_python)):
        if which not in (name, "both"):
            continue
        found: list[Judged] = []
        taken = timed(partial(_into, found, judge, text, *paths))
        [(tried, survivors)] = found
        count = partial(figure, "mutants", unit="mutants")
        count(f"{name}_tried", len(tried))
        count(f"{name}_killed", len(tried) - len(survivors))
        count(f"{name}_survivors", len(survivors))
        figure("mutants", f"{name}_wall", taken.wall, "s")
        of_it = {each: why for each, why in explained.items() if each.startswith("core.") is (name == "python")}
        wrong += complaints(of_it, tried, survivors)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
