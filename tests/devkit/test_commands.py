from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from devkit import commands, state, supervise
from devkit.console import Refused
from devkit.planted import VARIABLE, take_planted


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state of its own in place of this checkout's."""
    monkeypatch.setattr(state, "HOME", tmp_path)
    monkeypatch.setattr(state, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(state, "STATIC", tmp_path / "static")
    monkeypatch.setattr(state, "_MEMORY", tmp_path / "state.json")
    return tmp_path


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        yield int(other.getsockname()[1])


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> int:
    """The port that is preferred, free as the test begins."""
    with listening() as port:
        pass
    monkeypatch.setattr(supervise, "_FIRST_PORT", port)
    monkeypatch.setattr(supervise, "_LAST_PORT", port + 20)
    return port


class TestPort:
    def test_is_the_preferred_one_and_silent_where_it_is_free(
        self, first: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert supervise.choose_port() == supervise.choose_port() == first
        assert capsys.readouterr().err == ""

    def test_is_another_where_that_is_taken_and_says_so_once(
        self, first: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with listening(first):
            chosen = supervise.choose_port()
            assert f"port {first} is taken: this checkout uses {chosen} from now on" in capsys.readouterr().err

        assert supervise.choose_port() == chosen != first
        assert capsys.readouterr().err == ""

    def test_that_was_chosen_and_is_taken_is_refused_with_the_way_out(self, first: int) -> None:
        supervise.choose_port()

        with listening(first), pytest.raises(Refused, match=f"port {first} is taken.*--port N"):
            supervise.choose_port()

    def test_that_a_person_wants_is_kept(self, first: int) -> None:
        with listening() as wanted:
            pass

        assert supervise.choose_port(wanted) == wanted
        assert supervise.choose_port() == wanted

    @pytest.mark.parametrize("arguments", [["--port"], ["--port", "x"], ["--port", "80"], ["--port", "65536"]])
    def test_that_is_none_is_refused(self, arguments: list[str]) -> None:
        with pytest.raises(Refused, match="from 1024 to 65535"):
            commands._take_port(arguments)

    def test_is_taken_out_of_the_arguments(self) -> None:
        arguments = ["--headless", "--port", "9000"]

        assert (commands._take_port(arguments), arguments) == (9000, ["--headless"])
        assert commands._take_port(arguments) is None


class TestTwoDemos:
    def test_in_one_checkout_are_refused_in_words(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DATABASE_URL")  # of the tests' server, which a reset would refuse to remove
        script = (
            "import fcntl, sys\n"
            f"lock = open({str(home / 'demo.lock')!r}, 'w')\n"
            "fcntl.flock(lock, fcntl.LOCK_EX)\n"
            "print('held', flush=True)\n"
            "sys.stdin.read()\n"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            for command in (commands.demo, commands.start, commands.reset):
                with pytest.raises(Refused, match=r"another \./dev demo, start or reset runs in this checkout"):
                    command([])
        finally:
            other.communicate(timeout=10)

    def test_one_after_the_other_are_not(self) -> None:
        for _ in range(2):
            with commands._the_only_demo():
                pass


class TestPlanted:
    @pytest.mark.parametrize(
        ("given", "left", "is_planted"),
        [
            (["demo", "--planted"], ["demo"], True),
            (["demo", "--port", "9000", "--planted"], ["demo", "--port", "9000"], True),
            (["manage", "--planted", "replay", "--sample", "1"], ["manage", "replay", "--sample", "1"], True),
            (["manage", "replay", "--planted"], ["manage", "replay", "--planted"], False),
            (["test", "--planted"], ["test", "--planted"], False),
            (["demo"], ["demo"], False),
            ([], [], False),
        ],
    )
    def test_is_taken_out_of_the_commands_that_know_it(
        self, given: list[str], left: list[str], is_planted: bool
    ) -> None:
        environment: dict[str, str] = {}

        assert take_planted(given, environment) == left
        assert (VARIABLE in environment) == is_planted

    def test_gives_a_folder_ports_and_a_banner_of_its_own(self) -> None:
        shown = (
            "from devkit import commands, services, state, supervise\n"
            "exports = services._exports({}, {}, secret_key='x')\n"
            "print(state.HOME.relative_to(state.ROOT), supervise._FIRST_PORT, commands._story())\n"
            "print(exports.get('PLANTED_DEMO'), exports['AUDIT_HEAD_FILE'].endswith('.dev/planted/audit-heads.jsonl'))"
        )
        bare = {name: value for name, value in os.environ.items() if name != "AUDIT_HEAD_FILE"}

        def run(variables: dict[str, str]) -> list[str]:
            env = bare | variables | {"PYTHONPATH": str(Path(commands.__file__).parents[1])}
            done = subprocess.run([sys.executable, "-c", shown], env=env, text=True, capture_output=True, check=True)
            return done.stdout.split()

        assert run({VARIABLE: "1"}) == [".dev/planted", "8100", "planted_demo", "true", "True"]
        assert run({}) == [".dev", "8000", "demo", "None", "False"]

    def test_is_stopped_and_removed_with_the_first_demo(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        called: list[list[str]] = []
        monkeypatch.setattr(commands, "capture", lambda command: called.append([str(part) for part in command[2:]]))

        commands._of_planted("stop")
        (home / state.PLANTED).mkdir()
        commands._of_planted("reset")

        assert called == [["reset", "--planted"]]
