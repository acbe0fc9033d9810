"""The kinds of change request: one module for each kind, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from overrides.requests.kinds.kind import Kind
from overrides.requests.kinds.lines import LINES
from overrides.requests.kinds.mode import MODE
from overrides.requests.kinds.parameters import PARAMETERS
from overrides.requests.kinds.policy import POLICY
from overrides.requests.kinds.rollback import ROLLBACK
from overrides.requests.kinds.trial import TRIAL

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name.value: kind for kind in (LINES, PARAMETERS, MODE, POLICY, ROLLBACK, TRIAL)}
)
