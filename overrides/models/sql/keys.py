"""Keys over several columns, which Django's models cannot declare; a test compares them with a migrated database.

They tie an override to its own line, and a line to its own module, wherever the two stand in one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KEYS: Mapping[str, tuple[str, str]] = MappingProxyType(  # name -> (table, definition)
    {
        "override_with_its_line": ("overrides_override", "UNIQUE (id, line_id)"),
        "line_with_its_module": ("overrides_line", "UNIQUE (id, module)"),
        "membership_holds_its_line": (
            "overrides_membership",
            "FOREIGN KEY (override_id, line_id) REFERENCES overrides_override(id, line_id)",
        ),
        "membership_is_of_its_module": (
            "overrides_membership",
            "FOREIGN KEY (line_id, module) REFERENCES overrides_line(id, module)",
        ),
        "change_replaces_its_line": (
            "overrides_changeline",
            "FOREIGN KEY (before_id, line_id) REFERENCES overrides_override(id, line_id)",
        ),
        "change_brings_its_line": (
            "overrides_changeline",
            "FOREIGN KEY (after_id, line_id) REFERENCES overrides_override(id, line_id)",
        ),
    }
)
