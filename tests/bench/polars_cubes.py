"""The cube next to polars on the same cells, in one run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from devkit.environment import UV, install

from learning.core.cells.cell_columns import Cells
from learning.core.cells.cube import build_cubes
from overrides.core.engine.definitions.parameters import LessonParameters
from tests.bench.cube import BUDGET, sums
from tests.bench.report import figure, timed
from tests.bench.worlds import World

BENCH = "aggregate"
DRIVER = Path(__file__).with_name("polars_driver.py")
SIZES = (2, 3, 10)  # dimensions of the largest cells
FEWER_ROUNDS = 1  # of all subsets, which take polars long
BAR = 3
CHECKED = ("cells", "n", "mean", "variance")


def against_polars(everything: World, rounds: int, environment: Path) -> None:
    """Report CPU seconds of both and their ratio; the cells and their statistics have to agree."""
    python = _environment(environment)
    for size in SIZES:
        parameters = LessonParameters(cell_budget=BUDGET, max_subset_size=size)
        with TemporaryDirectory() as name:
            file = Path(name) / "rows.npz"
            _write(everything, parameters, size, file)
            ours, theirs = _rounds(
                everything, parameters, [python, DRIVER, file, str(size)], rounds if size < 10 else FEWER_ROUNDS
            )
        version, cells = theirs[0]["polars"], theirs[0]["cells"]
        cpu, peer = median(ours), median(each["cpu"] for each in theirs)
        of = {"rows": len(everything), "largest": size, "cells": cells, "rounds": len(ours)}
        figure(BENCH, "cube_cpu", cpu, "s", **of)
        figure(BENCH, "polars_cpu", peer, "s", version=version, **of)
        figure(BENCH, "cube_against_polars", peer / cpu, "x", bar=BAR, **of)


def _rounds(
    everything: World, parameters: LessonParameters, command: list[Any], rounds: int
) -> tuple[list[float], list[dict[str, Any]]]:
    """Let both take turns; return our CPU seconds and all that polars reports. Raises AssertionError if they differ."""
    groups, built = everything.rows(), list[Cells]()
    ours, theirs = list[float](), list[dict[str, Any]]()
    one_thread = {"POLARS_MAX_THREADS": "1", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one_thread) as peer:
        if peer.stdin is None or peer.stdout is None:
            raise AssertionError("the peer has no pipes")
        for _ in range(rounds):
            built.clear()
            ours.append(timed(lambda: built.extend(build_cubes(groups, parameters))).cpu)
            peer.stdin.write("\n")
            peer.stdin.flush()
            theirs.append(json.loads(peer.stdout.readline()))
            found = [theirs[-1][name] for name in CHECKED]
            if not np.allclose(sums(built), found):
                raise AssertionError(f"cells, or sums of n, mean and variance, differ: {sums(built)}, {found}")
        peer.stdin.close()
    return ours, theirs


def _write(everything: World, parameters: LessonParameters, size: int, file: Path) -> None:
    """Write the rows in the types that favour polars most, and the minimum for each number of dimensions."""
    dims: dict[str, Any] = {f"d{place}": column.astype(np.int16) for place, column in enumerate(everything.codes.T)}
    n_min = np.maximum.accumulate([1, *(parameters.n_min_of(k) for k in range(1, size + 1))])
    columns: dict[str, Any] = {
        "group": everything.group.astype(np.int16),
        "y": everything.outcomes,
        "closed_at": everything.closed_at,
    }
    np.savez(file, n_min=n_min, **columns, **dims)


def _environment(directory: Path) -> Path:
    """Return the Python of an environment with polars and numpy, which is made if it is not there."""
    python = directory / "bin" / "python"
    if not python.exists():
        install([sys.executable, "-m", "venv", "--without-pip", directory])
        install([UV, "pip", "install", "--quiet", "--python", python, "polars", "numpy"])
    return python
