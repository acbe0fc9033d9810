"""Rows of the evidence method, as its builder stores them."""

from __future__ import annotations

from typing import Any

from learning.core.significance.strength import Estimate, Strength
from learning.models import BuilderRun, Lesson, MethodStrength
from tests.builders import HEAVY, NOW, make_lesson

TESTED: dict[str, Any] = {
    "n": [20, 40, 90, 400],
    "raw": [1.2, -0.3, 0.6, 0.05],
    "se": [0.5, 0.25, 0.2, 0.08],
    "shrunk": [0.1, -0.02, 0.3, 0.01],
    "emitted": [0, 0, 1, 0],
    "total": 4,
}


def make_run(policy: str = "evidence", tested: dict[str, Any] | None = TESTED, **over: Any) -> BuilderRun:
    fields: dict[str, Any] = {
        "module": "pm", "as_of": NOW, "parameters": {}, "baseline": {}, "n_cells": 4, "n_candidates": 4,
        "n_active": 1, "n_withdrawn": 0, "code_version": "test",
    }  # fmt: skip
    return BuilderRun.objects.create(policy=policy, tested=tested, **fields | over)


def make_strength(
    lasting: float = 0.9, recent: float = 0.8, se: float = 0.1, *, module: str = "pm", **over: Any
) -> MethodStrength:
    """Store a measured strength of the evidence method, without covariance."""
    whole, of = Estimate(lasting, se), "allocation" if module == "dm" else "entry and add"
    found = Strength(whole, whole, Estimate(recent, se), 0.0, 6, 1200)
    fields: dict[str, Any] = {
        "policy": "evidence", "as_of": NOW, "asked_at": NOW, "seen_at": NOW, "finished_at": NOW, "status": "done",
        "progress": 1.0, "parameters": {}, "code_version": "test", "strengths": {of: found.to_document()},
    }  # fmt: skip
    fields |= over
    return MethodStrength.objects.create(key=f"{module} {fields['policy']} {fields['as_of']}", module=module, **fields)


def make_evidence_lesson(rank: int = 1, b: float = 0.2, *, run: BuilderRun | None = None, **over: Any) -> Lesson:
    """Make a lesson whose raw edge is three times its shrunk edge."""
    stored = {
        "edge_raw": b, "n": 90, "variance": 1.96, "half_life_days": 360.0, "baseline": 0.1, "raw": 3 * b,
        "raw_se": 0.1, "sd": 0.05, "lfsr": 0.01, "c": b, "verified": True, "rank": rank,
        "owner_shares": [0.2, 0.3, 0.5], "recent": 0.05, "weight_sum": 70.0, "noise": 1.4,
    } | over.pop("stats", {})  # fmt: skip
    fields: dict[str, Any] = {
        "policy": "evidence",
        "edge_raw": b,
        "weight": 1 - stored["lfsr"],
        "stats": HEAVY | stored,
    }
    runs = {} if run is None else {"first_run": run, "run": run}
    return make_lesson(**fields | runs | over)
