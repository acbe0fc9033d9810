"""Share what a trade's scaling levers earned among the overrides that set them (log-mean weights, exact sums).

Per lever, m0 is the value before the overrides acted, m the value served, delta = ln m - ln m0, part'_i what override i
contributed in log units, Sigma the sum of its parts, and q = delta / Sigma what the step limit and the bounds left of
it. Over all levers:

    Delta = sum of delta    M0 = product of m0    M = product of m    K = M0 * expm1(Delta) / Delta  (M0 at Delta = 0)
    share_i = part'_i * q * K * rr        carried = (M0 - 1) * rr        total = (M - 1) * rr

Where the parts cancel (|Sigma| <= 1e-9), q is 1 and the rest, (delta - Sigma) * K * rr, is the residual. Thus shares +
carried + residual = total, whatever the step limit and the bounds did. K is the logarithmic mean of M0 and M: the
Aumann-Shapley value on the straight path in log units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import expm1, fsum, inf, isfinite, log, prod

CANCELLED = 1e-9
CAP = "cap"  # the lever of one part by which the cap cut
LARGEST = 1e9  # R, as of every outcome
_LARGEST_LOG = 600.0  # of |ln m - ln m0| in all; exp of more may overflow
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class ScalingLever:
    """A lever that scaled the outcome: values before (m0) and served (m), both above 0, and log parts by name.

    The name of a part is an override id, or a word such as `prior`, `coefficients` or `cap`. `used` is the value that
    the bot used, if it lies beyond m as seen from m0, or on the other side of m0. Raises ValueError for values that are
    not finite, and for m0, m or `used` not above 0.
    """

    m0: float
    m: float
    parts: Mapping[str, float]
    used: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("m0", self.m0), ("m", self.m), ("used", self.m if self.used is None else self.used)):
            if not 0 < value < inf:
                raise ValueError(f"{name}: {value} is no lever value; give a finite number above 0")
        for name, part in self.parts.items():
            if not isfinite(part):
                raise ValueError(f"parts.{name}: {part} is not finite; give the part in logs")


@dataclass(frozen=True, slots=True)
class Attribution:
    """Shares, carried, residual and total in R per unit of size.

    sum(shares) + carried + residual = total within 1e-9 * max(1, |rr|).
    """

    shares: dict[str, float]
    carried: float
    residual: float
    total: float


@dataclass(frozen=True, slots=True)
class Leg:
    """An add, whose levers scale only the added part: `fraction` of the position, which earned `leg_rr` in R."""

    name: str
    levers: Sequence[ScalingLever]
    fraction: float | None
    leg_rr: float | None


@dataclass(frozen=True, slots=True)
class TradeAttribution:
    """The sum of the attributions of a trade and its legs, and the names of the legs that could not be attributed."""

    attribution: Attribution
    unattributed: tuple[str, ...]


def attribute(levers: Sequence[ScalingLever], rr: float) -> Attribution:
    """Attribute the rr (in R) of one trade to the parts of its levers; parts of the same name are summed over levers.

    Raises ValueError if `rr` is not finite. Worked by hand: two equal parts ask for ln 1.02 each and 1.02 is served, so
    the step limit left half of them (q = 1/2). At rr = 2 the total is .02 * 2 = .04, and each part earns half of it.

    >>> won = attribute([ScalingLever(1.0, 1.02, {"a": log(1.02), "b": log(1.02)})], rr=2.0)
    >>> round(won.total, 12), round(won.shares["a"], 12), round(won.shares["b"], 12), won.carried, won.residual
    (0.04, 0.02, 0.02, 0.0, 0.0)
    """
    if not isfinite(rr):
        raise ValueError(f"rr: {rr} is not finite; attribute closed trades only")
    deltas = [log(lever.m) - log(lever.m0) for lever in levers]
    before = prod(lever.m0 for lever in levers)
    per_log = before * _expm1_ratio(fsum(deltas)) * rr
    shares: dict[str, float] = {}
    rests: list[float] = []
    for lever, delta in zip(levers, deltas, strict=True):
        kept, rest = _kept(lever, delta)
        rests.append(rest * per_log)
        for name, part in lever.parts.items():
            shares[name] = shares.get(name, 0.0) + part * kept * per_log
    carried, total = (before - 1) * rr, (prod(lever.used or lever.m for lever in levers) - 1) * rr
    residual = fsum(rests)
    # What the bot moved of its own belongs to no override. Nor do the rounding errors of parts that nearly cancel.
    gap = total - fsum([carried, residual, *shares.values()])
    if abs(gap) > _ROUNDING * max(1.0, abs(rr)):
        residual += gap
    return Attribution(shares, carried, residual, total)


def as_applied(
    levers: Mapping[str, ScalingLever], applied: Mapping[str, float], capped: str | None = None
) -> list[ScalingLever]:
    """Return the levers of one decision with the values that were applied in place of those that were served.

    The bot, or its exchange, may round or limit what it was served; then delta = ln(applied) - ln(m0), and the parts
    share it in proportion, as far as it lies between m0 and what was served. What the bot moved beyond that, or the
    other way, no part asked for: shares are those of the nearest value between the two, and the rest is the residual.
    `capped` names the lever that the cap cuts: what was served of it is its value less the cut, so the two are one
    lever where it was applied, whose parts are what each part moved as served, and the cut. Raises ValueError for
    an applied value that is not finite or not above 0. Worked by hand: 1.02 was asked for and served; where 1.0 was
    applied nothing was earned, where 1.01 was applied the part of 0.01 in 1.01 was, and where nearly nothing was
    bought of a loser, the override that had asked for more has no share of what that saved.

    >>> served = {"size_mult": ScalingLever(1.0, 1.02, {"a": log(1.02)})}
    >>> attribute(as_applied(served, {"size_mult": 1.0}), rr=2.0).shares
    {'a': 0.0}
    >>> round(attribute(as_applied(served, {"size_mult": 1.01}), rr=2.0).shares["a"], 12)
    0.02
    >>> attribute(as_applied(served, {"size_mult": 0.01}), rr=-1.0).shares
    {'a': 0.0}
    """
    used = dict(levers)
    for name, value in applied.items():
        if name == capped and CAP in levers:
            whole = _with_cut(levers.get(name, ScalingLever(1.0, 1.0, {})), used.pop(CAP))
            used[name] = _used(whole, value)
        elif name in levers and name != CAP:
            used[name] = _used(levers[name], value)
    return list(used.values())


def attribute_trade(levers: Sequence[ScalingLever], rr: float, legs: Sequence[Leg] = ()) -> TradeAttribution:
    """Attribute a whole trade: `levers` (of allocation and entry) scale its rr, the levers of an add only its leg.

    A leg earned fraction * leg_rr of the trade's rr. If one of the two is missing, the leg is listed as unattributed. A
    leg without scaling levers has nothing to attribute.

    >>> entry = ScalingLever(1.0, 1.02, {"a": log(1.02)})
    >>> add = Leg("add", [ScalingLever(1.0, 1.1, {"b": log(1.1)})], fraction=0.5, leg_rr=3.0)
    >>> whole = attribute_trade([entry], 2.0, [add, Leg("late add", add.levers, 0.2, None)])
    >>> {name: round(share, 12) for name, share in whole.attribution.shares.items()}, whole.unattributed
    ({'a': 0.04, 'b': 0.15}, ('late add',))
    """
    won, unattributed = [attribute(levers, rr)], []
    for leg in legs:
        if leg.levers and (leg.fraction is None or leg.leg_rr is None):
            unattributed.append(leg.name)
        elif leg.fraction is not None and leg.leg_rr is not None:
            won.append(attribute(leg.levers, leg.fraction * leg.leg_rr))
    return TradeAttribution(_summed(won), tuple(unattributed))


def attribute_soundly(levers: Sequence[ScalingLever], rr: float, legs: Sequence[Leg] = ()) -> TradeAttribution | None:
    """Return `attribute_trade`, or None if a figure of it lies beyond 1e9 R: the values applied are absurd then.

    >>> attribute_soundly([ScalingLever(1.0, 1e9, {"a": 1.0})], rr=2.0)
    >>> attribute_soundly([ScalingLever(1.0, 1.5, {"a": 1.0})], rr=2.0).attribution.total
    1.0
    """
    every = [*levers, *(lever for leg in legs for lever in leg.levers)]
    if fsum(abs(log(lever.used or lever.m) - log(lever.m0)) for lever in every) > _LARGEST_LOG:
        return None
    found = attribute_trade(levers, rr, legs)
    sums = found.attribution
    figures = (sums.total, sums.carried, sums.residual, *sums.shares.values())
    return found if all(abs(figure) <= LARGEST for figure in figures) else None


def _kept(lever: ScalingLever, delta: float) -> tuple[float, float]:
    """Return q, and the part of delta that no override contributed."""
    contributed = fsum(lever.parts.values())
    return (1.0, delta - contributed) if abs(contributed) <= CANCELLED else (delta / contributed, 0.0)


def _used(served: ScalingLever, value: float) -> ScalingLever:
    """Return a lever of which `value` was applied in place of what was served."""
    nearest = min(max(value, min(served.m0, served.m)), max(served.m0, served.m))
    return ScalingLever(served.m0, nearest, served.parts, None if nearest == value else value)


def _with_cut(lever: ScalingLever, cut: ScalingLever) -> ScalingLever:
    """Return a lever and the cut of the cap as one lever, as the two were served."""
    kept, _ = _kept(lever, log(lever.m) - log(lever.m0))
    parts = {name: part * kept for name, part in lever.parts.items()} | dict(cut.parts)
    return ScalingLever(lever.m0, lever.m * cut.m / cut.m0, parts)


def _expm1_ratio(delta: float) -> float:
    """Return (e^delta - 1) / delta, which is 1 at 0."""
    return 1.0 if delta == 0 else expm1(delta) / delta


def _summed(attributions: Sequence[Attribution]) -> Attribution:
    shares: dict[str, float] = {}
    for each in attributions:
        for name, share in each.shares.items():
            shares[name] = shares.get(name, 0.0) + share
    return Attribution(
        shares,
        carried=fsum(each.carried for each in attributions),
        residual=fsum(each.residual for each in attributions),
        total=fsum(each.total for each in attributions),
    )
