"""The words of a trace, each stored as its place in one of these lists.

The lists only grow at their ends: stored traces name places in them. A test compares them with the vocabulary of the
engine; a word that is missing here is not lost, because a decision that holds it is stored as documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telemetry.core.decision_trace.bytes_read import Unpackable

LEVERS = (
    "alloc_mult", "size_mult", "entry_aggression_mult", "exit_aggression_mult", "phase1_frac_mult", "trim_delay_mult",
    "trail_mult", "entry_delay_bars", "min_ts_for_add", "min_ox_for_trim", "min_dx_for_add", "max_edx_for_add",
    "panic_trigger_mult", "wait_n_bars_after_trim", "phase_scaling_s1", "phase_scaling_s2", "phase_scaling_s3",
)  # fmt: skip
FLAGS = ("STEP_LIMITED", "BOUND_LOW", "BOUND_HIGH", "RAMPING", "UNKNOWN_DIMENSION", "STALE_VERSION")
COMBINERS = ("plan", "most_specific", "evidence")
REASONS = (
    "NO_MATCH", "ALL_EXCLUDED", "SINGLE", "COMBINED", "MODULE_OFF", "SHADOW", "NOT_IN_ROLLOUT", "SCOPE_NOT_ALLOWED",
    "PROTECTED", "STALE", "ERROR", "HOLDBACK",
)  # fmt: skip
EXCLUSIONS = ("BELOW_FLOOR", "STALE")
OWN_PARTS = ("coefficients", "cap")  # effects that no override owns
STEADY_FACTORS = ("w_edge", "w_n", "w_var", "w_spec")  # the same in every decision of a version
PASSING_FACTOR = "w_decay"  # the one that depends on the time
TOTAL = "w_total"
FACTORS = (*STEADY_FACTORS, PASSING_FACTOR)


def places(words: Sequence[str]) -> Mapping[str, int]:
    """Return the place of each word of a list."""
    return {word: place for place, word in enumerate(words)}


LEVER_AT, FLAG_AT, COMBINER_AT = places(LEVERS), places(FLAGS), places(COMBINERS)
REASON_AT, EXCLUSION_AT, OWN_PART_AT = places(REASONS), places(EXCLUSIONS), places(OWN_PARTS)


def place_of(known: Mapping[str, int], word: object) -> int:
    """Return the place of a word. Raises Unpackable for a word without one.

    >>> place_of(COMBINER_AT, "evidence")
    2
    """
    found = known.get(word) if isinstance(word, str) else None
    if found is None:
        raise Unpackable(f"no place for the word {word!r}")
    return found


def mask_of(known: Mapping[str, int], words: Sequence[str]) -> int:
    """Return words as bits, each at its place.

    >>> mask_of(FLAG_AT, ["STEP_LIMITED", "BOUND_HIGH"])
    5
    """
    mask = 0
    for word in words:
        mask |= 1 << place_of(known, word)
    return mask


def words_of(words: Sequence[str], mask: int) -> list[str]:
    """Return the words of a mask, in the order of the list.

    >>> words_of(FLAGS, 5)
    ['STEP_LIMITED', 'BOUND_HIGH']
    """
    return [word for place, word in enumerate(words) if mask >> place & 1] if mask else []
