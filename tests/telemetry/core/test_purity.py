"""The border of the folder: it must work where Django is not installed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import telemetry.core

FOLDER = Path(telemetry.core.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
BLOCKED = ("django", "numpy", "psycopg", "celery", "redis", "rest_framework", "config", "learning", "overrides")


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


class TestTelemetryCore:
    def test_imports_the_standard_library_and_itself_only(self) -> None:
        for path in FOLDER.glob("*.py"):
            foreign = {name for name in imported(path) if not name.startswith("telemetry.core.")}
            assert {name.split(".")[0] for name in foreign} <= sys.stdlib_module_names, path.name

    def test_loads_with_everything_else_blocked(self) -> None:
        script = (
            f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
            f"import {', '.join(f'telemetry.core.{name}' for name in MODULES)}"
        )

        subprocess.run([sys.executable, "-c", script], check=True, cwd=FOLDER.parents[1])
