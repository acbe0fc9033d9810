"""Name the state of a module by one tag: two equal tags mean the same answers to the same questions.

What answers depend on is the version (its overrides, parameters and coefficients are immutable), the mode with its
roll-out, allow-list and challenger (each change of them raises the revision), and the format of the engine.
"""

from __future__ import annotations

import re

from overrides.core.engine.definitions.formats import CURRENT_FORMAT

State = tuple[int | None, int | None]  # number of the version and revision of the mode; None (or 0) where there is none
NO_STATE: State = (None, None)

_TAG = re.compile(r'"([a-z]+)-([0-9]{1,9})-([0-9]{1,9})-[0-9]{1,9}"')


def snapshot_tag(
    module: str, version: int | None, mode_revision: int | None, engine_format: int = CURRENT_FORMAT
) -> str:
    """Return the strong entity tag of a module's state, with the quotation marks that HTTP headers require.

    `version` is None before the first version, `mode_revision` before a mode was set; both then count as 0.

    >>> snapshot_tag("pm", 12, 7, 3), snapshot_tag("dm", None, None, 3)
    ('"pm-12-7-3"', '"dm-0-0-3"')
    """
    return f'"{module}-{version or 0}-{mode_revision or 0}-{engine_format}"'


def state_of(tag: str, module: str) -> State:
    """Return the state of a module that a tag names, in any format; (None, None) for a tag of another one.

    >>> state_of('"pm-12-7-3"', "pm"), state_of('"pm-12-7-3"', "dm")
    ((12, 7), (None, None))
    """
    found = _TAG.fullmatch(tag)
    return (int(found[2]) or None, int(found[3]) or None) if found and found[1] == module else NO_STATE
