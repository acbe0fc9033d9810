"""Other rule engines against this one's matching, on the overrides of one key: who matches, and nothing else.

The engines are installed into an environment of their own, kept between runs; all of them and this one run in one
process of it (`engine_peers_driver.py`), taking turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from devkit import state
from devkit.environment import UV, install

from tests.bench.engine_worlds import ASKED, KEY, columns
from tests.bench.report import figure

DRIVER = Path(__file__).with_name("engine_peers_driver.py")
PACKAGES = ("numpy", "zen-engine", "cedarpy", "flagsmith-flag-engine", "growthbook")
BARS = {"zen-engine": 20, "cedarpy": 100, "flagsmith-flag-engine": 300, "growthbook": 300}
OVERRIDES, MATCHES = 500, 10


def run(directory: Path, rounds: int) -> None:
    """Install the engines into an environment in `directory` and print their times as multiples of this engine's."""
    python = _environment(directory)
    rows = columns(OVERRIDES, MATCHES, np.random.default_rng(7)).documents(KEY)
    with TemporaryDirectory() as name:
        world = Path(name) / "world.json"
        world.write_text(
            json.dumps({"asked": ASKED, "overrides": [{each: row[each] for each in ("id", "scope")} for row in rows]})
        )
        environment = os.environ | {"PYTHONPATH": str(state.ROOT)}
        done = subprocess.run(
            [python, DRIVER, world, str(rounds)], env=environment, capture_output=True, text=True, check=True
        )
    found = json.loads(done.stdout)
    ours = found.pop("counterweight")["us"]
    of = {"overrides": OVERRIDES, "matched": MATCHES}
    figure("engine", "matching", ours, "µs", **of)
    for name, each in found.items():
        context = {**of, "release": each["release"], "peer_us": round(each["us"], 1)}
        figure("engine", f"matching_against_{name}", each["us"] / ours, "x", **context, bar=BARS[name])


def _environment(directory: Path) -> Path:
    """Return the Python of an environment with the engines."""
    python = directory / "bin" / "python"
    if not python.exists():
        install([sys.executable, "-m", "venv", "--without-pip", directory])
    install([UV, "pip", "install", "--quiet", "--python", python, *PACKAGES])
    return python
