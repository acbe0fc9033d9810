"""A version as a document in the plan's format (docs/plan.md 4 and 5), stored in `learning_configs.config_data`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.core.governance.errors import PublishError

STORED_UP_TO = 5000
SECTIONS = {
    Channel.DM_ALLOC: "alloc_overrides",
    Channel.PM_STRENGTH: "pattern_strength_overrides",
    Channel.PM_TUNING: "pattern_overrides",
}


def render(module: str, specs: Sequence[OverrideSpec], coefficients: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the `config_data` of a version; None beyond 5,000 overrides, which are rendered on request instead."""
    return render_all(module, specs, coefficients) if len(specs) <= STORED_UP_TO else None


def render_all(module: str, specs: Sequence[OverrideSpec], coefficients: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a version of any size."""
    return {**_sections(module, specs), "override_stats": _stats(specs), "coefficients": dict(coefficients)}


def render_compiled(
    parameters: ModuleParameters,
    specs: Sequence[OverrideSpec],
    changed: Collection[Key],
    coefficients: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the document of a version; raise PublishError if the overrides of the `changed` keys do not compile."""
    chosen = [spec for spec in specs if (spec.module, spec.pattern_key, spec.action_category) in changed]
    try:
        compile_module(parameters, chosen)
    except FieldError as error:
        raise PublishError(error.path, error.message) from error
    return render_all(parameters.module, specs, coefficients)


def _sections(module: str, specs: Iterable[OverrideSpec]) -> dict[str, list[dict[str, Any]]]:
    sections: dict[str, list[dict[str, Any]]] = {
        section: [] for channel, section in SECTIONS.items() if channel.startswith(module)
    }
    for spec in specs:
        if spec.channel is not None:
            sections[SECTIONS[spec.channel]].append(spec.to_document())
    return sections


def _stats(specs: Iterable[OverrideSpec]) -> dict[str, Any]:
    return {spec.line: spec.stats.to_document() for spec in specs}
