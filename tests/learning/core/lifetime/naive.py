"""The rule of `learning.core.lifetime` for one line at a time, day by day, in plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Line:
    """A line with all its days: (day, n, sum)."""

    days: list[tuple[int, float, float]] = field(default_factory=list)
    share: float = 0.0
    boost: float = 1.0
    sign: int = 0
    times: int = 0

    def n(self) -> float:
        return sum(n for _, n, _ in self.days)

    def score(self, rho: float, phi: float) -> tuple[float, float]:
        u = i = a = 0.0
        counts = {day: n for day, n, _ in self.days}
        sums = {day: total for day, _, total in self.days}
        for day in range(min(counts, default=0), max(counts, default=-1) + 1):
            a = phi * (a + rho * counts.get(day - 1, 0.0))
            n = counts.get(day, 0.0)
            if n:
                v = n * (1 + max(rho * (n - 1), 0) + 2 * a)
                u += n * sums[day] / v
                i += n * n / v
        return u, i

    def e(self, rho: float, phi: float) -> float:
        u, i = self.score(rho, phi)
        parts = (
            (1 + t * t * i) ** -0.5 * math.exp(min(u * u * t * t / (2 * (1 + t * t * i)), 690)) for t in (0.23, 0.46)
        )
        return float(sum(parts)) / 2

    def recent(self) -> tuple[float, float]:
        last = self.days[-1][0]
        weights = [0.5 ** ((last - day) / 90) for day, _, _ in self.days]
        return (
            sum(w * total for w, (_, _, total) in zip(weights, self.days, strict=True)),
            sum(w * n for w, (_, n, _) in zip(weights, self.days, strict=True)),
        )


def share_of(number: int, initial: int) -> float:
    if number <= initial:
        return 0.5 / initial
    j = number - initial
    return 0.5 * initial / ((initial + j - 1) * (initial + j))


@dataclass
class Life:
    lines: list[Line]
    initial: int
    rho: float
    phi: float
    alpha: float
    ever: int = 0
    arrivals: int = 0

    def take(self, day: int, found: dict[int, tuple[float, float]]) -> None:
        for at, (n, total) in found.items():
            self.lines[at].days.append((day, n, total))
        new = [line for line in self.lines if not line.share and line.n() >= 20]
        if not self.arrivals:
            self.initial = max(self.initial, len(new))
        for line in new:
            self._number(line)
        for line in self.lines:
            if line.sign:
                total, n = line.recent()
                if n >= 10 and line.sign * total <= 0:
                    line.sign, line.days = 0, []
                    self._number(line)
        able = [line for line in self.lines if line.share and not line.sign and line.n() >= 20]
        scored = [(self.alpha * line.share * line.boost * line.e(self.rho, self.phi), line) for line in able]
        scored = [pair for pair in scored if pair[1].e(self.rho, self.phi) >= 30]
        scored.sort(key=lambda pair: -pair[0])
        k = max((k for k in range(1, len(scored) + 1) if scored[k - 1][0] * (self.ever + k) >= 1), default=0)
        for _, line in scored[:k]:
            line.sign = 1 if line.score(self.rho, self.phi)[0] >= 0 else -1
            line.times += 1
        self.ever += k

    def _number(self, line: Line) -> None:
        self.arrivals += 1
        line.share = share_of(self.arrivals, self.initial)
