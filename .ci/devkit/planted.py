"""The second demo's folder: `--planted` gives a command servers, data, ports and processes of its own below `.dev/`."""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence

OPTION = "--planted"
VARIABLE = "DEV_PLANTED"  # set for this process and those that it starts
ANYWHERE = ("demo", "start", "stop", "reset", "services")  # commands that take the option at any place
FIRST = ("manage", "shell")  # those that pass on what follows take it as their first argument


def take_planted(arguments: Sequence[str], environment: MutableMapping[str, str] = os.environ) -> list[str]:
    """Take the option out of a command's arguments, and remember in the environment whether it was there.

    >>> chosen: dict[str, str] = {}
    >>> take_planted(["demo", "--headless", "--planted"], chosen), chosen
    (['demo', '--headless'], {'DEV_PLANTED': '1'})
    >>> take_planted(["test", "--planted"], {})
    ['test', '--planted']
    """
    name, rest = next(iter(arguments), ""), list(arguments[1:])
    if name in ANYWHERE and OPTION in rest:
        rest.remove(OPTION)
    elif name in FIRST and rest[:1] == [OPTION]:
        del rest[0]
    else:
        return list(arguments)
    environment[VARIABLE] = "1"
    return [name, *rest]


def is_planted() -> bool:
    """Return whether the command is for the second demo."""
    return bool(os.environ.get(VARIABLE))
