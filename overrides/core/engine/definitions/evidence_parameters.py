"""Parameters of the evidence method: versioned data, validated on construction; the defaults were measured."""

from __future__ import annotations

from dataclasses import dataclass

from .constants import Document, constant, switch
from .field_error import FieldError
from .json_fields import LARGEST, SMALLEST

SUBSET_SIZES = 3  # subsets of 0, 1 and 2 dimensions


@dataclass(frozen=True)
class EvidenceParameters(Document):
    """How the evidence method learns (docs/method.md 5); lists by number of dimensions hold 0, 1 and 2.

    Raises FieldError.
    """

    half_life_days: float = constant(
        360.0,
        SMALLEST,
        LARGEST,
        "in days, the age at which a trade weighs half; a longer one keeps old trades and follows change later "
        "(method 5.1)",
    )
    recent_days: float = constant(
        60.0,
        SMALLEST,
        LARGEST,
        "in days, length of the window whose effect may have shifted; a longer one sees slower shifts with more "
        "trades (method 5.4)",
    )
    n_min: int = constant(
        20,
        2,
        10**6,
        "fewest trades of a cell that gets an effect, and of its own of a verified override; more gives fewer cells "
        "and fewer verified overrides (method 5.4)",
    )
    winsor_sds: float = constant(
        3.0,
        SMALLEST,
        LARGEST,
        "number of noise standard deviations from its pattern's mean at which an outcome is clipped; more lets "
        "single large outcomes count for more (method 5.2)",
    )
    same_day: bool = switch(
        True,
        "whether trades that are decided on one day or on days near each other may move together; otherwise each is "
        "independent evidence, and more overrides are verified (method 5.6)",
    )
    effective_days: float = constant(
        8.0,
        0,
        1000,
        "fewest effective decision days behind an effect that counts, own or shared; more verifies fewer overrides, "
        "and later (method 5.6)",
    )
    noise_prior: float = constant(
        10.0,
        SMALLEST,
        LARGEST,
        "number of trades that the common noise counts as in every pattern; more draws the noise of patterns "
        "together (method 5.2)",
    )
    grid: tuple[float, ...] = constant(
        (0.0, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8), 0, 10,
        "standard deviations of the prior's normals, in those of the outcome, rising; the first is 0, no effect; "
        "larger ones allow larger effects (method 5.5)",
    )  # fmt: skip
    null_mass: tuple[float, ...] = constant(
        (0.3, 0.7, 0.95),
        0,
        1,
        "prior probability of no effect at the start, for scopes of 0, 1 and 2 dimensions; a larger one gives fewer "
        "effects (method 5.5)",
    )
    null_counts: tuple[float, ...] = constant(
        (1.0, 5.0, 10.0),
        0,
        1e6,
        "effects of 0 added to the counts from which that probability is fitted, by dimensions; more gives fewer "
        "effects (method 5.5)",
    )
    recent_factor: float = constant(
        0.3,
        0,
        1,
        "share of the prior probability of an effect that a recent shift keeps; a larger one finds more shifts "
        "(method 5.5)",
    )
    sweeps: int = constant(
        4, 1, 1000, "passes over all effects in the fit; more fits more exactly and takes longer (method 5.7)"
    )
    kappa: float = constant(
        1.0,
        SMALLEST,
        2,
        "log of the multiplier per R of edge: the risk dial; a larger one moves every lever farther (method 5.10)",
    )
    verified_lfsr: float = constant(
        0.05,
        0,
        0.5,
        "largest probability that a verified override has the wrong sign (local false sign rate); a larger one "
        "verifies more overrides, of which more are wrong (method 5.9)",
    )
    likely_lfsr: float = constant(
        0.10,
        0,
        0.5,
        "the same probability of an override shown as likely; a larger one shows more as likely (method 5.9)",
    )
    lifetime_alpha: float = constant(
        0.10,
        SMALLEST,
        0.5,
        "largest mean share of lines without an edge among all lines ever published as proven, over the life of the "
        "learner; a larger one proves more lines, sooner, of which more are false (method 5.13)",
    )
    lifetime_wait_days: float = constant(
        10.0,
        0,
        1000,
        "days after its end at which a decision day is closed for proofs; a longer one leaves out fewer trades that "
        "stay open, and proves later (method 5.13)",
    )
    publish_proven_only: bool = switch(
        False,
        "whether the builder may move an override farther from neutral without a person, under a mandate or because "
        "that lowers exposure, only while the line is proven for the life of the learner; otherwise a mandate is "
        "enough (method 5.13)",
    )
    cap_unverified: bool = switch(
        True,
        "whether an override that is not verified is held within the cap below; without it, unverified overrides "
        "move as far as verified ones (method 5.10)",
    )
    unverified_cap: float = constant(
        0.02,
        0,
        1,
        "farthest multiplier of an override that is not verified, less 1; a larger one lets unverified overrides "
        "move farther (method 5.10)",
    )
    least_move: float = constant(
        0.002,
        0,
        1,
        "distance of a multiplier from 1 below which an override is too light to act; a larger one leaves fewer "
        "overrides (method 5.10)",
    )
    max_overrides: int = constant(
        500,
        1,
        10**6,
        "most overrides proposed, those of the largest n times edge squared; more proposes weaker ones too (method "
        "5.10)",
    )
    max_subset_size: int = constant(
        2,
        0,
        SUBSET_SIZES - 1,
        "most dimensions of an override's scope; more finds narrower scopes, and tests far more of them (method 5.4)",
    )
    cell_budget: int = constant(
        1_000_000,
        1,
        10**8,
        "most cells fitted, and most overrides they may fold into; beyond, the fit refuses and says what to reduce "
        "(method 5.12)",
    )
    index_budget: int = constant(
        400_000_000,
        1,
        10**10,
        "most entries (rows times blocks) held by a fit, 2 to 8 bytes each; more allows larger fits and takes more "
        "memory (method 5.12)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.likely_lfsr < self.verified_lfsr:
            raise FieldError("likely_lfsr", "must be at least verified_lfsr")
        rises = all(low < high for low, high in zip(self.grid, self.grid[1:], strict=False))
        if len(self.grid) < 2 or self.grid[0] != 0 or not rises:
            raise FieldError("grid", "must rise from 0, no effect, over at least one sd above it")
        for name in ("null_mass", "null_counts"):
            if len(getattr(self, name)) != SUBSET_SIZES:
                raise FieldError(name, f"must be a list of {SUBSET_SIZES} numbers")
