"""Whether learning is switched on: the one place that everything in `config` asks that offers what learning makes.

Without `learning` overrides are served, scored and monitored as before; nothing is built, and no walk-forward runs.
The answer comes from the environment and not from Django's settings, which are not loaded when the beat table is made.
"""

from __future__ import annotations

from environ import Env

LEARNS = Env().bool("LEARNING", default=True)
APPS = ("learning",) if LEARNS else ()
OF_LEARNING = "learning."  # how the names of its tasks begin
SWITCHED_OFF = "Learning is switched off."
NO_WALK_FORWARD = "Walk-forward is not available: learning is switched off."


def is_offered(task: str) -> bool:
    """Return whether workers of this deployment know a task, given its name.

    >>> is_offered("overrides.monitor")
    True
    """
    return LEARNS or not task.startswith(OF_LEARNING)
