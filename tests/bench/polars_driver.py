"""Polars on the cells of a cube: one `group_by` for each subset of dimensions, in an environment of its own.

Run by `tests/bench/polars_cubes.py` with the Python of that environment, where this project is not installed: reads
columns and minima from a file (`numpy.savez`) and answers each line on its standard input with one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import combinations

import numpy as np
import polars as pl

DIMS = "dims"


def measure(frame: pl.DataFrame, dims: int, size: int, n_min: list[int]) -> dict[str, float]:
    """Compute n, mean, variance, first and last close of every cell with enough rows; return cost and checksums."""
    found, sums = 0, np.zeros(3)
    cpu, wall = time.process_time(), time.perf_counter()
    cells = [
        frame.lazy()
        .group_by(["group", *[f"d{dim}" for dim in chosen]])
        .agg(
            pl.len().alias("n"),
            pl.col("y").mean().alias("mean"),
            pl.col("y").var().alias("variance"),
            pl.col("closed_at").min().alias("first"),
            pl.col("closed_at").max().alias("last"),
        )
        .filter(pl.col("n") >= n_min[k])
        .collect()
        for k in range(size + 1)
        for chosen in combinations(range(dims), k)
    ]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    for each in cells:
        found += len(each)
        sums += [float(each[name].fill_null(0).sum()) for name in ("n", "mean", "variance")]
    return {"cpu": cpu, "wall": wall, "cells": found, "n": sums[0], "mean": sums[1], "variance": sums[2]}


def main() -> None:
    file, size = sys.argv[1], int(sys.argv[2])
    with np.load(file) as columns:
        frame = pl.DataFrame({name: columns[name] for name in columns.files if name != "n_min"})
        n_min = columns["n_min"].tolist()
    dims = sum(name.startswith("d") for name in frame.columns)
    for _ in sys.stdin:
        print(json.dumps({"polars": pl.__version__, **measure(frame, dims, size, n_min)}), flush=True)


if __name__ == "__main__":
    main()
