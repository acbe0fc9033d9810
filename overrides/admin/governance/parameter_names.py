"""What people call each parameter and each rule: its name, its unit, and the group in which a form shows it.

What a parameter means, the effect of raising it and its source are declared with it (`definitions.constants`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Name(NamedTuple):
    """The name, unit ("" where it has none) and group of a parameter."""

    label: str
    unit: str
    group: str


WEIGHT, BLEND, LIMITS = "Weight of an override", "Blending", "Steps and bounds"
CELLS, LESSONS, MOVEMENT, TUNING = "What is learned from", "Which lessons are made", "How targets move", "Tuning levers"
SAMPLE, PRIOR, TARGET, SIZE = "What counts as evidence", "Prior", "Targets and verification", "Size of the fit"
OTHERS = "Others"
APPROVAL, DURATION, MACHINE = "Approval", "Durations", "What the builder may do alone"

NAMES: Mapping[str, Name] = {
    "weights.weight_edge_scale": Name("Edge scale of the weight", "R", WEIGHT),
    "weights.n_target": Name("Trades for a large weight", "trades", WEIGHT),
    "weights.variance_penalty": Name("Variance penalty", "per R²", WEIGHT),
    "weights.specificity_alpha": Name("Specificity exponent", "", WEIGHT),
    "weights.max_scope_dims": Name("Dimensions of a fully specific scope", "dimensions", WEIGHT),
    "weights.min_total_weight": Name("Minimum weight", "", BLEND),
    "weights.prior_weight": Name("Weight of neutral", "", BLEND),
    "weights.max_evidence_age_days": Name("Maximum age of the evidence", "days", BLEND),
    "weights.bounds": Name("Bounds of the levers", "lever units", LIMITS),
    "weights.max_steps": Name("Largest step of the levers", "factor less 1, or lever units", LIMITS),
    "lessons.learning_rate": Name("Learning rate", "factor less 1, per day", MOVEMENT),
    "lessons.lesson_edge_scale": Name("Edge scale of the movement", "R", MOVEMENT),
    "lessons.edge_min": Name("Minimum edge", "R", LESSONS),
    "lessons.incremental_min": Name("Minimum edge beyond simpler scopes", "R", LESSONS),
    "lessons.max_lessons": Name("Maximum lessons per pattern and action", "lessons", LESSONS),
    "lessons.default_half_life_days": Name("Default half-life", "days", MOVEMENT),
    "lessons.n_min": Name("Minimum trades by number of dimensions", "trades", CELLS),
    "lessons.max_subset_size": Name("Maximum dimensions of a scope", "dimensions", CELLS),
    "lessons.cell_budget": Name("Maximum number of cells", "cells", CELLS),
    "lessons.books": Name("Books", "", CELLS),
    "lessons.dimensions": Name("Scope dimensions", "", CELLS),
    "lessons.counterfactual_cutoffs": Name("Cut-offs of a counterfactual gain", "R", TUNING),
    "lessons.signal_edge_min": Name("Minimum edge for signal thresholds", "R", TUNING),
    "evidence.half_life_days": Name("Half-life of a trade", "days", SAMPLE),
    "evidence.recent_days": Name("Recent window", "days", SAMPLE),
    "evidence.n_min": Name("Minimum trades of a cell", "trades", SAMPLE),
    "evidence.winsor_sds": Name("Clipping of outcomes", "standard deviations", SAMPLE),
    "evidence.same_day": Name("Trades of one day, or of days near it, move together", "", SAMPLE),
    "evidence.effective_days": Name("Effective days behind an effect", "days", SAMPLE),
    "evidence.lifetime_alpha": Name("False share of all that was ever proven", "share", TARGET),
    "evidence.lifetime_wait_days": Name("Wait until a decision day is closed", "days", SAMPLE),
    "evidence.publish_proven_only": Name("Builder moves only proven lines farther by itself", "", TARGET),
    "evidence.noise_prior": Name("Weight of the common noise", "trades", PRIOR),
    "evidence.grid": Name("Sizes of effects considered", "standard deviations", PRIOR),
    "evidence.null_mass": Name("Prior probability of no effect", "share, by dimensions", PRIOR),
    "evidence.null_counts": Name("Pseudo-counts of no effect", "effects, by dimensions", PRIOR),
    "evidence.recent_factor": Name("Share of recent shifts", "share", PRIOR),
    "evidence.sweeps": Name("Passes of the fit", "passes", SIZE),
    "evidence.kappa": Name("Risk dial", "log multiplier per R", TARGET),
    "evidence.verified_lfsr": Name("False sign rate of a verified override", "probability", TARGET),
    "evidence.likely_lfsr": Name("False sign rate of a likely override", "probability", TARGET),
    "evidence.cap_unverified": Name("Cap unverified overrides", "", TARGET),
    "evidence.unverified_cap": Name("Cap of unverified overrides", "multiplier less 1", TARGET),
    "evidence.least_move": Name("Smallest move that acts", "multiplier less 1", TARGET),
    "evidence.max_overrides": Name("Maximum overrides proposed", "overrides", SIZE),
    "evidence.max_subset_size": Name("Maximum dimensions of a scope", "dimensions", SIZE),
    "evidence.cell_budget": Name("Maximum number of cells", "cells", SIZE),
    "evidence.index_budget": Name("Memory of the fit", "entries", SIZE),
    "own_dimensions": Name("Own dimensions", "", "Module"),
    "universe": Name("Universe", "", "Module"),
    "product_cap": Name("Cap on the product of all multipliers", "multiplier", "Module"),
    "approvals": Name("Approvals", "people", APPROVAL),
    "large_movement": Name("Size of a large request", "steps", APPROVAL),
    "large_approvals": Name("Approvals of a large request", "people", APPROVAL),
    "window_days": Name("Window in which sizes add up", "days", APPROVAL),
    "groups": Name("Groups whose votes count", "", APPROVAL),
    "large_groups": Name("Groups whose votes count on large requests", "", APPROVAL),
    "least_n": Name("Minimum trades of an approved line", "trades", APPROVAL),
    "expires_days": Name("Expiry of a request", "days", DURATION),
    "mandate_days": Name("Review of a mandate", "days", DURATION),
    "evidence_kept": Name("Evidence that must remain", "share", MACHINE),
    "daily_cap": Name("Daily cap of automatic movement", "steps", MACHINE),
    "decision_retention_days": Name("Retention of decisions", "days", DURATION),
    "lowering_applies": Name("Lines that lower exposure apply themselves", "", MACHINE),
}
SECTIONS = {"weights": "Channel {}", "lessons": "Learning method plan", "evidence": "Learning method evidence"}


def name_of(path: str) -> Name:
    """Return what people call the parameter at a dotted path of a module's parameters, or a rule of a policy.

    >>> name_of("channels.pm_strength.weights.n_target").label
    'Trades for a large weight'
    >>> name_of("channels.pm_strength.weights.of_an_extension").label
    'Of an extension'
    """
    key = ".".join(path.split(".")[-2:])
    return NAMES.get(key) or Name(key.rpartition(".")[2].replace("_", " ").capitalize(), "", OTHERS)


def is_named(path: str) -> bool:
    """Return whether there is a parameter at this path.

    >>> is_named("lessons.edge_min"), is_named("lessons")
    (True, False)
    """
    return ".".join(path.split(".")[-2:]) in NAMES


def section_of(path: str) -> str:
    """Return the heading under which a form shows the parameter at this path.

    >>> section_of("channels.pm_strength.weights.n_target"), section_of("lessons.edge_min")
    ('Channel pm_strength: weight of an override', 'Learning method plan: which lessons are made')
    """
    group = name_of(path).group
    first, *rest = path.split(".")
    if first == "channels":
        return f"Channel {rest[0]}: {group[:1].lower()}{group[1:]}"
    section = SECTIONS.get(first)
    return f"{section}: {group[:1].lower()}{group[1:]}" if section else group
