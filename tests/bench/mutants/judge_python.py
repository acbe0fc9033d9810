"""Run the matching tests of the cores against every change of a module, each in a process forked for it.

The fork has pytest and the libraries in memory, and none of the modules of the cores: it imports the changed text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType

import pytest

from tests.bench.mutants.python_mutations import changes

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Target:
    """A module, the functions of it that bound or decide (empty: all), and the tests that judge it."""

    path: str
    tests: tuple[str, ...]
    functions: frozenset[str] = frozenset()

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")


GOVERNANCE, ENGINE = "overrides/core/governance", "tests/overrides/core/engine"


def _tests_of(name: str) -> list[str]:
    """Return the files of tests whose names begin with the module's."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / GOVERNANCE).glob(f"test_{name}*.py"))


TARGETS = (
    *(
        Target(f"{GOVERNANCE}/{name}.py", (*_tests_of(name), f"{GOVERNANCE}/{name}.py"))
        for name in ("votes", "mandates", "request_states", "gates")
    ),
    Target(
        "overrides/core/engine/combine.py",
        (f"{ENGINE}/test_combine.py", f"{ENGINE}/test_golden.py"),
        frozenset({"_settled", "_bounded", "_lever_values"}),
    ),
)


class Changed(SourceFileLoader):
    """Loads a module from a changed text instead of its file."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    """Finds the one changed module before anybody else does; also a plugin of pytest, which would rewrite it."""

    def __init__(self, target: Target, text: str) -> None:
        self.target, self.text = target, text

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if fullname != self.target.module:
            return None
        file = str(ROOT / self.target.path)
        loader: Loader = Changed(fullname, file, self.text)
        return spec_from_file_location(fullname, file, loader=loader)

    def pytest_sessionstart(self) -> None:
        sys.meta_path.insert(0, self)


def judge_python(chosen: str = "") -> tuple[list[str], list[str]]:
    """Return the names of all changes, and of those that no test noticed.

    Raises SystemExit if tests fail without any change.
    """
    from hypothesis import settings  # here, as pytest wants to import its plugins itself in `judge_database`

    settings.register_profile("mutants", derandomize=True)
    settings.load_profile("mutants")
    tried: list[str] = []
    survivors: list[str] = []
    for target in TARGETS:
        text = (ROOT / target.path).read_text(encoding="utf-8")
        if _fails(target, text):
            raise SystemExit(f"{', '.join(target.tests)} fail without any change")
        for change in changes(text, target.functions):
            name = f"core.{Path(target.path).stem}.{change.wording}"
            if chosen not in name:
                continue
            tried.append(name)
            if not _fails(target, change.text):
                survivors.append(name)
    return tried, survivors


def _fails(target: Target, text: str) -> bool:
    """Run the target's tests on this text in a child; true if one fails, or the text cannot even be imported."""
    child = os.fork()
    if child == 0:
        os._exit(_run(target, text))
    _, status = os.waitpid(child, 0)
    return status != 0


def _run(target: Target, text: str) -> int:
    for name in [name for name in sys.modules if name.startswith(("overrides.core", "tests.overrides"))]:
        del sys.modules[name]
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # these tests need no plugin
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        bare = ["-c", os.devnull, "--rootdir", str(ROOT), "-p", "no:cacheprovider", "--doctest-modules", "-x", "-qqq"]
        return int(pytest.main([*bare, *(str(ROOT / path) for path in target.tests)], [Finder(target, text)]))
