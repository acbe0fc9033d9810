"""Snapshots without a server, and a stub that serves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.self_test import version_cases, worked_cases
from overrides.core.engine.snapshot_columns import columns_of
from overrides.core.engine.snapshot_file import Body, pack_header
from tests.builders import make_spec

KEY_OF_BOT = "cw_0123456789"


@dataclass(frozen=True)
class State:
    """What a stub server serves of a module."""

    specs: Sequence[OverrideSpec] = field(default_factory=lambda: (make_spec(),))
    compiled: Compiled | None = None  # in place of specs
    module: str = "pm"
    version: int = 1
    revision: int = 1
    mode: str = "on"
    remote: str | None = None
    header: Mapping[str, Any] = field(default_factory=dict)
    alter: Callable[[dict[str, Any]], None] = lambda document: None

    @property
    def tag(self) -> str:
        return f'"{self.module}-{self.version}-{self.revision}-{CURRENT_FORMAT}"'

    def but(self, **over: Any) -> State:
        return replace(self, **over)

    def parts(self) -> tuple[bytes, Body]:
        """Return the header and the body, as the server builds them; `alter` changes the body's document."""
        parameters = ModuleParameters.default(self.module)
        compiled = compile_module(parameters, self.specs) if self.compiled is None else self.compiled
        buckets, columns = columns_of(compiled)
        document = {
            "module": self.module, "version": self.version, "parameters": parameters.to_document(), "coefficients": {},
            "buckets": buckets, "cases": version_cases(compiled), "worked": worked_cases(),
        }  # fmt: skip
        self.alter(document)
        body = Body.of(document, columns)
        mode = ServingMode(Mode(self.mode))
        header = {
            "format": 1, "engine_format": CURRENT_FORMAT, "tag": self.tag, "module": self.module,
            "version": self.version, "mode_revision": self.revision, "evaluate_remotely": self.remote,
            "mode": {"mode": mode.mode.value, "rollout_percent": mode.rollout_percent, "allow": {}},
        }  # fmt: skip
        return pack_header({**header, **self.header}, body), body

    def content(self) -> bytes:
        header, body = self.parts()
        return header + body.content
