"""Every command that a text tells a person to type exists, with the options that stand beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

ROOT = Path(__file__).parents[2]
PATTERNS = ("README.md", ".env.example", "docs/**/*.md", "docs/examples/*.*", "templates/**/*.html")
TEXTS = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))
OWN = re.compile(r'^    "([a-z]+)": \(', re.MULTILINE)  # the table of `./dev`


def commands() -> Iterator[tuple[str, str, str]]:
    """Yield file, name and the rest of the line or code span of every `./dev manage` command."""
    for path in TEXTS:
        for name, rest in re.findall(r"\./dev manage\s+([a-z_]+)([^\n`]*)", path.read_text()):
            yield path.name, name, rest


def options_of(name: str) -> set[str]:
    app = get_commands()[name]
    command = app if isinstance(app, BaseCommand) else load_command_class(app, name)
    parser = command.create_parser("./dev manage", name)
    return {option for action in parser._actions for option in action.option_strings}


def test_commands_are_found() -> None:
    assert {"import_trades", "issue_key", "migrate", "verify_audit"} <= {name for _, name, _ in commands()}


def test_commands_of_django_exist() -> None:
    known = get_commands()

    assert [(file, name) for file, name, _ in commands() if name not in known] == []


@pytest.mark.parametrize("name", sorted({name for _, name, _ in commands() if name in get_commands()}))
def test_options_exist(name: str) -> None:
    written = {
        (file, option)
        for file, of, rest in commands()
        if of == name
        for option in re.findall(r"(?<![\w-])--[a-z-]+", rest.partition("#")[0])
    }

    assert {each for each in written if each[1] not in options_of(name)} == set()


def test_commands_of_dev_exist() -> None:
    known = set(OWN.findall((ROOT / "dev").read_text()))
    written = {
        name for path in TEXTS for name in re.findall(r"(?:`|^|\()\./dev ([a-z]+)", path.read_text(), re.MULTILINE)
    }

    assert {"start", "demo", "wheel", "manage"} <= written
    assert written - known == set()


def test_options_of_the_first_hour_are_those_of_an_import() -> None:
    """They stand in a table there, apart from the commands."""
    table = re.findall(r"^\| `(--[a-z]+)", (ROOT / "docs" / "first_hour.md").read_text(), re.MULTILINE)

    assert len(table) > 4
    assert set(table) <= options_of("import_trades") & options_of("first_look")
