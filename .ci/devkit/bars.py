"""Price bars that a command is given: whether reading them takes a package that the runtime does not have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .state import ROOT

OPTION = "--bars"
ARROW = (".feather", ".parquet")


def need_pyarrow(arguments: Sequence[str]) -> bool:
    """Return whether the folder that `--bars` names holds feather or parquet files.

    >>> need_pyarrow(["first_look", "trades.csv"]), need_pyarrow(["first_look", "trades.csv", "--bars"])
    (False, False)
    """
    folders = [after for before, after in pairwise(arguments) if before == OPTION]
    folders += [each.partition("=")[2] for each in arguments if each.startswith(f"{OPTION}=")]
    return any(path.suffix in ARROW for folder in folders for path in (ROOT / folder).rglob("*"))
