"""The core is pure: it runs without Django and the other apps, and its engine ships alone."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import overrides.core

CORE = Path(overrides.core.__file__).parent
ROOT = CORE.parents[1]
ENGINE = CORE / "engine"
FILES = sorted(CORE.rglob("*.py"))
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES if path.stem != "__init__"]
BLOCKED = """
import importlib, sys
for name in ("django", "rest_framework", "celery", "redis", "psycopg", *sys.argv[1].split(",")):
    sys.modules[name] = None
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def name(path: Path) -> str:
    return str(path.relative_to(CORE))


def load_with_blocked(modules: list[str], blocked: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKED, blocked, *modules]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)


class TestImports:
    def test_are_looked_for_in_every_package(self) -> None:
        assert {path.parent.name for path in FILES} >= {"definitions", "engine", "governance", "impact", "monitoring"}

    @pytest.mark.parametrize("path", FILES, ids=name)
    def test_are_of_the_core_or_the_standard_library_or_numpy(self, path: Path) -> None:
        depth = len(path.relative_to(ENGINE).parts) if path.is_relative_to(ENGINE) else 0
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= depth, f"{node.module} lies outside the engine"
                names = [node.module or ""] if node.level == 0 else []
            for imported in names:
                if not depth and imported.startswith("overrides.core."):
                    continue
                assert imported.partition(".")[0] in {*sys.stdlib_module_names, "numpy"}, imported

    def test_work_where_everything_else_is_absent(self) -> None:
        run = load_with_blocked(MODULES, "telemetry,learning,config", ROOT)

        assert run.returncode == 0, run.stderr

    def test_of_the_engine_work_where_it_lies_alone(self, tmp_path: Path) -> None:
        shutil.copytree(ENGINE, tmp_path / "shipped")
        modules = [each.replace("overrides.core.engine", "shipped") for each in MODULES if ".engine." in each]

        run = load_with_blocked(modules, "telemetry,learning,config,overrides", tmp_path)

        assert len(modules) > 20
        assert run.returncode == 0, run.stderr


class TestClock:
    @pytest.mark.parametrize("path", FILES, ids=name)
    def test_is_never_read(self, path: Path) -> None:
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }

        assert not calls & {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}
