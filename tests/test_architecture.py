"""Rules that hold for the whole code base."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from config.celery import BEAT, app
from tests.conftest import REMEMBERING
from tests.server_tests import INDEPENDENT, SERVERS

ROOT = Path(__file__).parents[1]
CORES = ("telemetry", "overrides", "learning")
BLOCKED = ("django", "rest_framework", "celery", "redis", "psycopg", "environ", "structlog")
OURS = ("telemetry", "overrides", "learning", "access")
OF_CONFIG = ("access", "reports")
TASKS = {name: f"{name}/tasks.py" for name in CORES} | {name: f"config/{name}/tasks.py" for name in OF_CONFIG}


def python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a new process, from the root of the checkout."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def modules_below(folder: Path) -> list[str]:
    """Return the dotted names of all modules in a folder and below it."""
    files = sorted(path for path in folder.rglob("*.py") if path.stem != "__init__")
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]


class TestFixtures:
    def test_name_modules_that_exist(self) -> None:
        assert all(find_spec(name) is not None for name in REMEMBERING)


class TestCores:
    @pytest.mark.parametrize("name", CORES)
    def test_load_without_django_and_all_servers(self, name: str) -> None:
        modules = modules_below(ROOT / name / "core")

        done = python(f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r}))\nimport {', '.join(modules)}")

        assert len(modules) > 15
        assert (done.returncode, done.stderr) == (0, "")


SPEAKS_TO_SERVERS = re.compile(
    r"\.cursor\(|RunSQL|\bCOPY\b|\bLISTEN\b|pg_[a-z]+|(import|from) (redis|celery|kombu)|\bSELECT\b.*\bFROM\b"
)


class TestServerTests:
    def test_exist(self) -> None:
        assert [path for path in (*SERVERS, *INDEPENDENT) if not (ROOT / path).exists()] == []

    def test_list_every_file_that_speaks_to_a_server_itself(self) -> None:
        files = [path for path in (ROOT / "tests").rglob("test_*.py") if "core" not in path.relative_to(ROOT).parts]
        speaking = [str(path.relative_to(ROOT)) for path in files if SPEAKS_TO_SERVERS.search(path.read_text())]
        missing = [path for path in speaking if not path.startswith((*SERVERS, *INDEPENDENT))]

        assert len(speaking) > 20
        assert missing == []


class TestMigrations:
    @pytest.mark.django_db
    def test_are_complete(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("makemigrations", check_changes=True, dry_run=True)

        assert "No changes detected" in capsys.readouterr().out

    def test_say_in_words_what_they_do(self) -> None:
        names = [name for label, name in MigrationLoader(None).disk_migrations if label in OURS]

        assert len(names) >= 9
        assert [name for name in names if re.search(r"auto_\d|_and_more$|_initial$", name)] == []
        assert all(re.fullmatch(r"\d{4}_[a-z]+(_[a-z]+)*", name) for name in names)


def task_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Return every function that is a Celery task, by module."""
    for label, path in TASKS.items():
        tree = ast.parse((ROOT / path).read_text())
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and any("shared_task" in ast.unparse(d) for d in node.decorator_list):
                yield label, node


class TestTasks:
    @pytest.fixture(autouse=True)
    def registered(self) -> None:
        app.loader.import_default_modules()

    @pytest.mark.parametrize("entry", BEAT.values(), ids=list(BEAT))
    def test_on_the_beat_table_exist_and_take_their_arguments(self, entry: dict[str, object]) -> None:
        task = app.tasks[str(entry["task"])]

        inspect.signature(task.run).bind(**entry.get("kwargs", {}))  # type: ignore[arg-type]  # a table, not a class

    def test_of_ours_are_found_in_their_files(self) -> None:
        named = {f"{label}.{function.name.removesuffix('_task')}" for label, function in task_functions()}

        assert named == {name for name in app.tasks if not name.startswith("celery.")}

    @pytest.mark.parametrize(
        ("label", "function"), list(task_functions()), ids=lambda each: getattr(each, "name", each)
    )
    def test_are_one_call_to_one_verb(self, label: str, function: ast.FunctionDef) -> None:
        """A docstring, at most the time, and one call; keyword arguments only, unknown ones accepted."""
        docstring, *moment, call = function.body

        assert isinstance(docstring, ast.Expr)
        assert [ast.unparse(each) for each in moment] in ([], ["at = moment_of_task(now)"])
        assert isinstance(call, ast.Expr)
        assert isinstance(call.value, ast.Call)
        assert (function.args.args, function.args.kwarg is not None) == ([], True)
        assert "now" in {argument.arg for argument in function.args.kwonlyargs}


class TestSettings:
    @pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_OWNER_URL"])
    @pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "mysql://root@127.0.0.1/counterweight"])
    def test_refuse_a_database_that_is_not_postgresql(self, variable: str, url: str) -> None:
        done = python("import config.settings", **{variable: url})

        assert done.returncode != 0
        assert f"{variable} must name a PostgreSQL database (postgres://user:password@host:port/name)" in done.stderr

    def test_list_every_variable_they_read(self) -> None:
        read = set(re.findall(r'(?:env(?:\.\w+)?|_database)\("([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
        listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))

        assert read == listed


def test_apps_import_one_way() -> None:
    """config -> learning -> overrides -> telemetry; import-linter checks the finer contracts."""
    order = ["telemetry", "overrides", "learning", "config"]
    for position, label in enumerate(order):
        above = tuple(order[position + 1 :])
        for path in (ROOT / label).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                assert not [name for name in names if name.split(".")[0] in above], path


def test_tables_carry_the_plans_names() -> None:
    tables = {model._meta.db_table for label in OURS for model in apps.get_app_config(label).get_models()}

    assert {"learning_coefficients", "pattern_scope_stats", "learning_lessons", "learning_configs"} <= tables
