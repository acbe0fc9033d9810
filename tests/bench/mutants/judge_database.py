"""Run the tests against every change of the database, in one process and on one database.

First each test runs on the database as it is: it must pass, and the functions it calls and the tables it writes are
counted. Then each change is made, the tests that could notice it run until one fails, and the change is unmade. Files
take turns, because they commit worlds of their own; a later file judges only what survived the earlier ones.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from django.db import DatabaseError, connection

from tests.bench.mutants.mutant import Mutant

MOST = {"ways": (400, 800), "bypass": (400, 1200), "models": (100, 100)}  # judges of a change: named, and others
ELSEWHERE = (12, 12)
FEW, FEWER = (15, 15), (3, 3)  # for a change that is explained: of the ways, and elsewhere
KILLERS = Path(__file__).parents[3] / ".dev" / "mutants.json"  # what noticed a change last time is tried first
RAISED_IN = re.compile(r"function (\w+)\(")
CALLS = """
SELECT funcname, sum(calls) FROM pg_stat_user_functions GROUP BY funcname
UNION ALL SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'public'
"""
TEXTUAL = re.compile(r"test_sql\.py::Test(Requests|Coefficients|Others)")  # read texts: judge lists and numbers only


@dataclass
class Verdict:
    """What became of the changes, and the tests that could judge none, because they fail without any."""

    tried: list[Mutant] = field(default_factory=list)
    killed: dict[str, str] = field(default_factory=dict)
    invalid: dict[str, str] = field(default_factory=dict)  # changes that the database does not accept, and why
    survivors: list[Mutant] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    tests: int = 0


class Judge:
    """A plugin of pytest that replaces the loop over tests."""

    def __init__(self, find: Callable[[], Iterable[Mutant]], verdict: Verdict, explained: Collection[str]) -> None:
        self.find, self.verdict, self.explained = find, verdict, explained
        self.killers = known_killers()
        self.refused: dict[str, set[str]] = {}
        self.deadly: dict[str, dict[str, int]] = {}
        self.items: set[str] = set()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from pytest_django.plugin import blocking_manager_key  # pytest wants to import its plugins itself

        files = [list(items) for _, items in groupby(session.items, key=_world)]
        self.verdict.tests = len(session.items)
        self.items = {item.nodeid for item in session.items}
        alive: list[Mutant] | None = None
        with session.config.stash[blocking_manager_key].unblock():
            _count_calls()
            for number, items in enumerate(files):
                following = files[number + 1][0] if number + 1 < len(files) else None
                alive = self._judge(items, alive)
                session._setupstate.teardown_exact(following)
                say(f"{items[0].path.name}: {len(alive)} of {len(self.verdict.tried)} live on")
        self.verdict.survivors = alive or []
        KILLERS.parent.mkdir(exist_ok=True)
        KILLERS.write_text(json.dumps(known_killers() | self.killers, indent=0, sort_keys=True))
        return True

    def _judge(self, items: list[pytest.Item], alive: list[Mutant] | None) -> list[Mutant]:
        touched: dict[pytest.Item, frozenset[str]] = {}
        before = dict[str, int]()
        for item in items:
            with refusals_into(self.refused.setdefault(item.nodeid, set())):
                passed = _passes(item)
            after = _calls()
            if passed:
                raised = {name for each in self.refused[item.nodeid] for name in RAISED_IN.findall(each)}
                counted = {name for name, calls in after.items() if calls > before.get(name, 0)}
                touched[item] = frozenset(counted | raised)  # a call that ends in a refusal is not counted
            else:
                self.verdict.unusable.append(item.nodeid)
            before = after
        if alive is None:  # the database is there now
            alive = self.verdict.tried = list(self.find())
        return [mutant for mutant in alive if not self._is_killed(mutant, touched)]

    def _is_killed(self, mutant: Mutant, touched: dict[pytest.Item, frozenset[str]]) -> bool:
        last = self.killers.get(mutant.name)
        if last in self.items and not any(item.nodeid == last for item in touched):
            return False  # its turn comes with the file of what noticed it last time
        judges = self._judges(mutant, touched)
        if not judges:
            say(f"lives on unjudged: {mutant.kind} | {mutant.name}")
            return False
        try:
            while (item := _first_to_fail(judges, mutant)) is not None:
                if item.nodeid == last or _passes(item):  # what noticed it last time passed without it then
                    self.verdict.killed[mutant.name] = self.killers[mutant.name] = item.nodeid
                    say(f"killed {mutant.name} by {item.nodeid}")
                    deaths = self.deadly.setdefault(mutant.where, {})
                    deaths[item.nodeid] = deaths.get(item.nodeid, 0) + 1
                    return True
                say(f"proves nothing, because it fails without the change too: {item.nodeid}")
                judges = judges[judges.index(item) + 1 :]
        except DatabaseError as error:
            self.verdict.invalid[mutant.name] = str(error)
            say(f"cannot be made: {mutant.name}, {str(error).splitlines()[0]}")
            return True
        say(f"lives on: {mutant.kind} | {mutant.name}")
        return False

    def _judges(self, mutant: Mutant, touched: dict[pytest.Item, frozenset[str]]) -> list[pytest.Item]:
        """The tests that could notice the change, likeliest first."""
        table = mutant.where.partition(" on ")[2]
        name = table.rpartition("_")[2] or mutant.where.removeprefix("guard_").partition("_")[0]
        deaths = self.deadly.get(mutant.where, {})

        def rank(item: pytest.Item) -> tuple[bool, int, bool, bool, bool, bool]:
            """The deadliest first, then those of the name and the table; the second role of a row after the first."""
            kills, called = deaths.get(item.nodeid, 0), item.nodeid.lower()
            is_second = called.endswith("-owner]")
            was_last = self.killers.get(mutant.name) == item.nodeid
            return (
                not was_last,
                -kills,
                is_second,
                name not in called,
                table not in touched[item],
                bool(self.refused[item.nodeid]),
            )

        found = sorted(
            (
                item
                for item, names in touched.items()
                if (
                    names & mutant.functions
                    or (table and name in item.nodeid.lower())
                    or (mutant.kind == "key" and self._refuses(item, mutant.message))  # a refused row is not counted
                    or TEXTUAL.search(item.nodeid)
                )
                and (mutant.kind in {"list", "number"} or not TEXTUAL.search(item.nodeid))
            ),
            key=rank,
        )
        last = [item for item in found[:1] if self.killers.get(mutant.name) == item.nodeid]
        named = [item for item in found if self._refuses(item, mutant.message)]
        others = _kind_by_kind([item for item in found if item not in named])
        by_name, beside = MOST.get(found[0].path.parent.name, ELSEWHERE) if found else ELSEWHERE
        if mutant.name in self.explained:
            by_name, beside = FEW if found and _is_of_ways(found[0]) else FEWER
        return last + _kind_by_kind(named)[:by_name] + others[: beside if named else by_name + beside]

    def _refuses(self, item: pytest.Item, message: str) -> bool:
        return bool(message) and any(message in each for each in self.refused[item.nodeid])


def _kind_by_kind(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The first row of each test, then the second of each, so that a few are of all kinds."""
    kinds: dict[str, int] = {}
    places: dict[pytest.Item, int] = {}
    for item in items:
        kind = item.nodeid.partition("[")[0]
        places[item] = kinds[kind] = kinds.get(kind, -1) + 1
    return sorted(places, key=lambda item: places[item])


def _first_to_fail(judges: Iterable[pytest.Item], mutant: Mutant) -> pytest.Item | None:
    """Make a change, return the first test that fails, and unmake the change."""
    _execute(mutant.make)
    try:
        return next((item for item in judges if not _passes(item)), None)
    finally:
        try:
            _execute(mutant.unmake)
        except DatabaseError as error:
            raise SystemExit(f"cannot be unmade: {mutant.name}, {error}") from error


def _world(item: pytest.Item) -> Path:
    """Where the world of a test is committed: for its folder, or for its file alone."""
    return item.path.parent if _is_of_ways(item) else item.path


def _is_of_ways(item: pytest.Item) -> bool:
    return item.path.parent.name == "ways"


@contextmanager
def refusals_into(messages: set[str]) -> Iterator[None]:
    """Collect the texts of the database's refusals."""

    def record(execute: Callable[..., object], *arguments: object) -> object:
        try:
            return execute(*arguments)
        except DatabaseError as refusal:
            messages.add(str(refusal))
            raise

    with connection.execute_wrapper(record):
        yield


def _passes(item: pytest.Item) -> bool:
    """Run a test; what its world has set up stays, because what is said to come next is the file or folder itself."""
    world = item.getparent(pytest.Package if _is_of_ways(item) else pytest.Module)
    reports = runtestprotocol(item, log=False, nextitem=world)  # type: ignore[arg-type]  # a node serves
    return all(report.outcome != "failed" for report in reports)


def known_killers() -> dict[str, str]:
    """Return the tests that noticed a change in earlier runs, by the name of the change."""
    return dict[str, str](json.loads(KILLERS.read_text())) if KILLERS.exists() else {}


def _count_calls() -> None:
    _execute(
        f"ALTER ROLE CURRENT_USER SET {setting}"
        for setting in ("track_functions = 'all'", "statement_timeout = '20s'", "synchronous_commit = off")
    )
    connection.close()


def _calls() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(CALLS)
        return {name: int(calls) for name, calls in cursor.fetchall()}


def _execute(statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("; ".join(statements))


def say(line: str) -> None:
    print(line, file=sys.__stderr__, flush=True)


def judge_database(
    find: Callable[[], Iterable[Mutant]], paths: Sequence[str], explained: Collection[str] = ()
) -> Verdict:
    """Run pytest over the paths in this process with all changes; return what became of them.

    A change that is explained already is judged by a few tests only.
    """
    verdict = Verdict()
    arguments = ["-qqq", "--no-header", "--no-summary", "-p", "no:randomly", "-p", "no:cacheprovider", *paths]
    code = pytest.main(arguments, plugins=[Judge(find, verdict, explained)])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SystemExit(f"pytest ended with {code!r}")
    return verdict
