"""The wheel of the client installs where neither Django nor this repository is, and works there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy
import pytest
from devkit import wheel
from devkit.console import Refused
from devkit.environment import UV
from devkit.state import ROOT

from tests.overrides.client.snapshot_server import snapshot_server

BOT = """
import importlib.util, sys
from counterweight.client import Client, Journal, Position, bar_start
from counterweight.core.engine.definitions.levers import LEVERS
import counterweight
import counterweight.core.engine.serve
import counterweight.market_context.context
from counterweight.pattern_names import pattern_key

assert importlib.util.find_spec("django") is None
assert importlib.util.find_spec("overrides") is None
answer = Client("http://127.0.0.1:9", "cw_key", timeout=0.5).resolve({"module": "pm", "action_category": "entry"})
print(counterweight.__version__, answer.reason, answer.lever("size_mult"), len(LEVERS), pattern_key("S", "long", "a b"))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with numpy (this one's, by links) and the wheel, and nothing else."""
    home = tmp_path_factory.mktemp("bot")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
    (packages,) = home.glob("venv/lib/python*/site-packages")
    for part in Path(numpy.__file__).parents[1].glob("numpy*"):
        if part.suffix == ".dist-info":  # uv does not count linked ones as installed
            shutil.copytree(part, packages / part.name)
        else:
            (packages / part.name).symlink_to(part)
    built = wheel.build(home)
    python = home / "venv" / "bin" / "python"
    options: list[str | Path] = ["--quiet", "--offline", "--no-cache", "--python", python]
    subprocess.run([UV, "pip", "install", *options, built], check=True, cwd=home)
    return home


LOCAL = """
import sys
from counterweight.client import LocalClient


url, directory = sys.argv[1:]
question = {"module": "pm", "pattern_key": "donchian.long.breakout", "action_category": "entry",
            "scope": {"macro_phase": "Good", "bucket": "micro"}, "at": "2026-03-02T12:00:00+00:00"}
with LocalClient(url, "cw_key", timeout=20.0, directory=directory, stream=False) as client:
    answer = client.resolve(question)
    print(answer.reason, answer.lever("size_mult"), client.counters["local"], client.states()["pm"].remote)
assert "django" not in sys.modules
"""


class TestWheel:
    def test_answers_by_itself_without_django(self, environment: Path, tmp_path: Path) -> None:
        python = environment / "venv" / "bin" / "python"
        with snapshot_server() as server:
            done = subprocess.run(
                [python, "-I", "-c", LOCAL, server.url, tmp_path],
                cwd=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )

        assert done.stderr == ""
        assert done.stdout == "SINGLE 1.02 1 None\n"
        assert [each["reason"] for each in server.reported] == ["SINGLE"]

    def test_holds_the_engine_byte_by_byte(self, environment: Path) -> None:
        (built,) = environment.glob("*.whl")
        root = ROOT
        with zipfile.ZipFile(built) as archive:
            for folder, place in wheel.PARTS.items():
                for path in (root / folder).rglob("*.py"):
                    name = f"counterweight/{place}/{path.relative_to(root / folder)}"
                    assert archive.read(name) == path.read_bytes()

    def test_is_installed_and_used_without_django(self, environment: Path) -> None:
        python = environment / "venv" / "bin" / "python"

        done = subprocess.run(
            [python, "-I", "-c", BOT], cwd=environment, capture_output=True, text=True, check=False, timeout=60
        )

        assert done.stderr == ""
        assert done.stdout == "1.0.0 ERROR 1.0 17 S.long.a_b--c8687a08aa\n"

    def test_is_the_same_from_the_same_sources(self, environment: Path, tmp_path: Path) -> None:
        (first,) = environment.glob("*.whl")

        assert wheel.build(tmp_path).read_bytes() == first.read_bytes()

    def test_holds_modules_and_its_description_alone(self, environment: Path) -> None:
        (built,) = environment.glob("*.whl")
        with zipfile.ZipFile(built) as archive:
            names = archive.namelist()
            metadata = archive.read("counterweight-1.0.0.dist-info/METADATA").decode()

        assert all(
            name.endswith(".py") for name in names if name.startswith("counterweight/") and "py.typed" not in name
        )
        assert {name.split("/")[0] for name in names} == {"counterweight", "counterweight-1.0.0.dist-info"}
        assert "Requires-Dist: numpy>=" in metadata
        assert "django" not in metadata.lower()

    def test_is_refused_where_a_module_needs_what_it_does_not_hold(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wheel, "PARTS", {"overrides/serving": "serving"})

        with pytest.raises(Refused, match="which the wheel does not hold"):
            wheel.build(tmp_path)
