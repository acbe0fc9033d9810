"""The pure packages must work where Django is not installed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import telemetry

ROOT = Path(telemetry.__file__).parents[1]
PURE = ("telemetry/core", "telemetry/foundation/core")
MARKET_CONTEXT = ROOT / "telemetry/core/market_context"  # ships with the bots' client, and may use numpy
FILES = sorted(
    path
    for folder in PURE
    for path in (ROOT / folder).rglob("*.py")
    if path.stem != "__init__" and MARKET_CONTEXT not in path.parents
)
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES]
BLOCKED = ("django", "numpy", "psycopg", "celery", "redis", "rest_framework", "config", "learning", "overrides")


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


class TestPureFolders:
    def test_hold_every_module_of_both(self) -> None:
        assert {"telemetry.core.file_formats.flat_csv", "telemetry.foundation.core.fields"} <= set(MODULES)

    def test_import_the_standard_library_and_themselves_only(self) -> None:
        ours = ("telemetry.core.", "telemetry.foundation.core.")
        for path in FILES:
            foreign = {name for name in imported(path) if not f"{name}.".startswith(ours)}
            assert {name.split(".")[0] for name in foreign} <= sys.stdlib_module_names, path.name

    def test_import_of_the_market_context_only_itself_and_numpy_besides(self) -> None:
        for path in MARKET_CONTEXT.rglob("*.py"):
            nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
            assert {node.level for node in nodes if not node.module or node.level} <= {1}, path.name
            absolute = {node.module or "" for node in nodes if node.level == 0}
            plain = imported(path) - {node.module or "" for node in nodes}
            assert {name.split(".")[0] for name in absolute | plain} <= {*sys.stdlib_module_names, "numpy"}, path.name

    def test_load_with_everything_else_blocked(self) -> None:
        script = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r}))\nimport {', '.join(MODULES)}"

        subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
