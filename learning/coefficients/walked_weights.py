"""What the newest walk-forward run found for the coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from learning.coefficients.coefficient_memory import MODULE
from learning.core.significance.verdict import WalkVoice
from learning.models import WalkForward


@dataclass(frozen=True)
class WalkedWeights:
    """The gains of the weights by name, the uplift of all of them together, and the time that the run is as of."""

    gains: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    voice: WalkVoice | None = None
    as_of: datetime | None = None


def walked_weights() -> WalkedWeights:
    """Return the result of the newest finished run that has one; an empty one if there is none.

    Coefficients do not depend on the learning method of a run, so that the newest run of any method serves.
    """
    done = WalkForward.objects.filter(module=MODULE, status=WalkForward.Status.DONE)
    row = done.filter(figures__has_key="coefficients").values_list("figures__coefficients", "as_of").first()
    if row is None:
        return WalkedWeights()
    found, as_of = row
    uplift = found["uplift"]
    voice = None if uplift is None else WalkVoice(uplift["mean"], uplift["low"], uplift["high"])
    return WalkedWeights(found["weights"], voice, as_of)
