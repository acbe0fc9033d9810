"""The levers that a bot exposes: a table with one row per lever.

A new lever needs a row here, which names the next format of the engine, and a migration of the SQL function
`lever_table`, which repeats this table (`overrides/models/sql/functions`; a test compares them). What trades tell of
its alternatives is learned from without more. Bounds and steps are the outermost ones; parameters may tighten them.
Values are measured in *units from neutral*: ln(value / neutral) for log levers, value - neutral for linear ones.
Blending, parts and cuts are sums in these units (docs/method.md 4.1). Where neutral, bounds and directions come from is
told in docs/design.md 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from .vocabulary import CHANNEL_MODULE, Blend, Channel

LARGEST_EXPONENT = 700.0  # exp() overflows a double at 709.8
_LOG, _LINEAR = Blend.LOG, Blend.LINEAR  # Python 3.11 calls a function for each look at a member of an enum


@dataclass(frozen=True, slots=True)
class Lever:
    """One lever.

    - `max_step`: for log levers a factor minus one (.02 means x1.02 up, /1.02 down), otherwise in lever units.
    - `scales_on`: the categories in which the outcome is proportional to the lever.
    - `raises_exposure`: +1 if a higher value means more exposure, -1 if less; reversed on the categories `reversed_on`.
    - `since`: the first format of the engine that knew it (`formats`), for decisions that were stored before.
    - `words`: what it is, in which unit, and what a larger value does.
    """

    name: str
    channel: Channel
    blend: Blend
    neutral: float
    low: float
    high: float
    max_step: float
    categories: tuple[str, ...]
    scales_on: tuple[str, ...] = ()
    raises_exposure: int = 1
    reversed_on: tuple[str, ...] = ()
    since: int = 1
    words: str = ""

    @property
    def group(self) -> str:
        """The plan's group: tuning levers are execution levers, all others capital levers."""
        return "execution_levers" if self.channel is Channel.PM_TUNING else "capital_levers"

    def unit(self, value: float) -> float:
        """Return the distance of `value` from neutral in units; log levers need a value above 0, or raise ValueError.

        >>> round(LEVERS["size_mult"].unit(1.02), 6), LEVERS["entry_delay_bars"].unit(2.0)
        (0.019803, 2.0)
        """
        return math.log(value / self.neutral) if self.blend is _LOG else value - self.neutral

    def value_at(self, unit: float) -> float:
        """Return the value at a distance (in units) from neutral; always finite, even for the sum of many overrides.

        >>> LEVERS["entry_delay_bars"].value_at(1.5), LEVERS["size_mult"].value_at(0.0)
        (1.5, 1.0)
        """
        if self.blend is _LINEAR:
            return self.neutral + unit
        if -LARGEST_EXPONENT <= unit <= LARGEST_EXPONENT:
            return self.neutral * math.exp(unit)
        return self.neutral * math.exp(min(max(unit, -LARGEST_EXPONENT), LARGEST_EXPONENT))

    def reach(self, start: float, step: float) -> tuple[float, float]:
        """Return the lowest and highest value within one step of `start`; symmetric in logs for log levers.

        >>> LEVERS["size_mult"].reach(1.02, 0.02)
        (1.0, 1.0404)
        """
        if self.blend is _LINEAR:
            return start - step, start + step
        return start / (1 + step), start * (1 + step)

    def exposure(self, category: str) -> int:
        """Return +1 if raising the lever raises exposure in this category, -1 if it lowers it.

        >>> LEVERS["size_mult"].exposure("entry"), LEVERS["size_mult"].exposure("trim")
        (1, -1)
        """
        return -self.raises_exposure if category in self.reversed_on else self.raises_exposure


_ALLOC, _STRENGTH, _TUNING = Channel.DM_ALLOC, Channel.PM_STRENGTH, Channel.PM_TUNING
_IN, _OUT = ("entry", "add"), ("trim", "exit")

LEVERS: Mapping[str, Lever] = MappingProxyType(
    {
        lever.name: lever
        for lever in (
            #     name                      channel    blend  neutral low  high  step  categories
            Lever("alloc_mult",             _ALLOC,    _LOG,    1.0,  0.7, 1.3, 0.02, ("allocation",), ("allocation",),
                  words="allocation of a position, a multiple of the base times coefficients; larger allocates more"),
            Lever("size_mult",              _STRENGTH, _LOG,    1.0,  0.7, 1.3, 0.02, (*_IN, "trim"), _IN, 1, ("trim",),
                  words="size of an action, a multiple of the bot's own; larger buys more, and on a trim sells more"),
            Lever("entry_aggression_mult",  _STRENGTH, _LOG,    1.0,  0.8, 1.2, 0.02, _IN,
                  words="aggression of buying, a multiple of the bot's A score; larger buys sooner and more"),
            Lever("exit_aggression_mult",   _STRENGTH, _LOG,    1.0,  0.8, 1.2, 0.02, _OUT, (), -1,
                  words="aggression of selling, a multiple of the bot's E score; larger sells sooner and more"),
            Lever("phase1_frac_mult",       _TUNING,   _LOG,    1.0,  0.5, 1.5, 0.02, _IN,
                  words="first part of an entry, a multiple of the bot's own part; larger buys more at once"),
            Lever("trim_delay_mult",        _TUNING,   _LOG,    1.0,  0.5, 2.0, 0.02, ("trim",),
                  words="wait or distance before a trim, a multiple of the bot's own; larger trims later"),
            Lever("trail_mult",             _TUNING,   _LOG,    1.0,  0.5, 2.0, 0.02, _OUT,
                  words="distance of the trailing stop, a multiple of the bot's own; larger is wider and sells later"),
            Lever("entry_delay_bars",       _TUNING,   _LINEAR, 0.0,  0.0, 5.0, 0.2,  _IN, (), -1,
                  words="number of bars to wait before buying; larger buys later"),
            Lever("min_ts_for_add",         _TUNING,   _LINEAR, 0.60, 0.0, 1.0, 0.05, _IN, (), -1,
                  words="trend strength (TS, 0 to 1) below which nothing is added; larger adds less often"),
            Lever("min_ox_for_trim",        _TUNING,   _LINEAR, 0.65, 0.0, 1.0, 0.05, ("trim",),
                  words="over-extension (OX, 0 to 1) below which nothing is trimmed; larger trims less often"),
            Lever("min_dx_for_add",         _TUNING,   _LINEAR, 0.60, 0.0, 1.0, 0.05, _IN, (), -1, since=4,
                  words="quality of a dip (DX, 0 to 1) below which nothing is added; larger adds less often"),
            Lever("max_edx_for_add",        _TUNING,   _LINEAR, 0.70, 0.0, 1.0, 0.05, _IN, since=4,
                  words="exhaustion of the trend (EDX, 0 to 1) above which nothing is added; larger adds more often"),
            Lever("panic_trigger_mult",     _TUNING,   _LOG,    1.0,  0.5, 2.0, 0.02, ("exit",), since=4,
                  words="distance of the emergency exit, a multiple of the bot's own; larger is wider and sells later"),
            Lever("wait_n_bars_after_trim", _TUNING,   _LINEAR, 0.0,  0.0, 12.0, 0.2, ("trim",), (), -1, since=4,
                  words="number of bars after a trim in which nothing is bought back; larger buys back later"),
            Lever("phase_scaling_s1",       _TUNING,   _LOG,    1.0,  0.5, 1.5, 0.02, ("add",), since=4,
                  words="size of an add in state S1, a multiple of the bot's own; larger adds more"),
            Lever("phase_scaling_s2",       _TUNING,   _LOG,    1.0,  0.5, 1.5, 0.02, ("add",), since=4,
                  words="size of an add in state S2, a multiple of the bot's own; larger adds more"),
            Lever("phase_scaling_s3",       _TUNING,   _LOG,    1.0,  0.5, 1.5, 0.02, ("add",), since=4,
                  words="size of an add in state S3, a multiple of the bot's own; larger adds more"),
        )
    }
)  # fmt: skip


@lru_cache(64)
def levers_of(module: str, category: str) -> tuple[Lever, ...]:
    """Return the levers that apply to a category of a module, in table order; empty for an unknown pair.

    >>> [lever.name for lever in levers_of("pm", "exit")]
    ['exit_aggression_mult', 'trail_mult', 'panic_trigger_mult']
    """
    return tuple(
        lever for lever in LEVERS.values() if CHANNEL_MODULE[lever.channel] == module and category in lever.categories
    )
