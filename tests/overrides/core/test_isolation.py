"""The core is pure: it runs where Django is absent and knows nothing of the other apps."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import overrides.core

FILES = sorted(Path(overrides.core.__file__).parent.glob("*.py"))
ROOT = Path(overrides.core.__file__).parents[2]
BLOCKED = """
import importlib, sys
for name in ("django", "rest_framework", "celery", "redis", "psycopg", "telemetry", "learning", "config"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module("overrides.core." + name)
"""


class TestImports:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_are_relative_or_standard_library_or_numpy(self, path: Path) -> None:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level in (0, 1), node.module
                names = [node.module or ""] if node.level == 0 else []
            for name in names:
                assert name.partition(".")[0] in {*sys.stdlib_module_names, "numpy"}, name

    def test_work_where_everything_else_is_absent(self) -> None:
        modules = [path.stem for path in FILES if path.stem != "__init__"]

        run = subprocess.run(
            [sys.executable, "-c", BLOCKED, *modules], cwd=ROOT, capture_output=True, text=True, timeout=60
        )

        assert run.returncode == 0, run.stderr


class TestClock:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_is_never_read(self, path: Path) -> None:
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }

        assert not calls & {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}
