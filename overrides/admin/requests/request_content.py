"""What a request other than of lines would change, field by field, against what is in force now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from overrides.admin.coefficient_display import weights_page
from overrides.admin.document_diff import document_differences
from overrides.admin.versions.version_diff import constants, constants_of
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.impact.reweighing import reweighed
from overrides.models import ChangeLine, ChangeRequest, ModuleMode, RequestKind, Version
from overrides.requests.governance_store import policy_of
from overrides.serving.mode import mode_document
from overrides.versions.load_version import evidence_in_force, parameters_in, parameters_of
from telemetry.foundation.admin.formatting import pretty

NOTHING = "Nothing would change: this is what stands."


def content_page(
    request: ChangeRequest, changes: Sequence[ChangeLine], version: Version | None, at: datetime
) -> dict[str, Any]:
    """The template's context; `changes` are its lines, `version` is the one in force.

    A closed request is compared with the version it was drafted against.
    """
    is_open = request.state in ChangeRequest.OPEN
    context: dict[str, Any] = {"document": pretty(request.content) if request.content else None, "is_open": is_open}
    if request.kind in (RequestKind.PARAMETERS, RequestKind.TRIAL):
        return context | _parameters(request, version, is_open, at)
    if request.kind == RequestKind.MODE:
        return context | _mode(request, is_open)
    if request.kind == RequestKind.ROLLBACK:
        return context | _rollback(request, changes, version, is_open)
    if request.kind == RequestKind.POLICY:
        return context | _policy(request, is_open)
    return context | weights_page(request, version, is_open=is_open)


def _policy(request: ChangeRequest, is_open: bool) -> dict[str, Any]:
    """What a policy was when a request of it was closed is in the audit trail alone."""
    standing = policy_of(request.module).to_document() if is_open else {}
    found = document_differences(standing, request.content)
    return {"differences": found, "note": "" if found else NOTHING, "has_before": is_open}


def _parameters(request: ChangeRequest, version: Version | None, is_open: bool, at: datetime) -> dict[str, Any]:
    now = parameters_in(request.module, version)
    is_same = (version.number if version else None) == request.base_version
    base = now if is_same else parameters_of(request.module, request.base_version)
    standing = now if is_open else base
    stale = "The parameters changed since this was drafted: it has to be drafted again from what is in force."
    found = document_differences(standing.to_document(), request.content)
    note = stale if standing != base else "" if found else NOTHING
    shown = {"differences": found, "note": note, "has_before": True}
    if not is_open:
        return shown
    wanted = ModuleParameters.from_document(request.module, request.content)
    return shown | {"effect": reweighed(evidence_in_force(request.module), standing, wanted, at)}


def _mode(request: ChangeRequest, is_open: bool) -> dict[str, Any]:
    """What a module's mode was when a request of it was closed is in the audit trail alone."""
    if not is_open:
        return {"differences": document_differences({}, request.content), "note": "", "has_before": False}
    standing = mode_document(ModuleMode.objects.select_related("challenger").filter(pk=request.module).first())
    found = document_differences(standing, standing | request.content)
    return {"differences": found, "note": "" if found else NOTHING, "has_before": True}


def _rollback(
    request: ChangeRequest, changes: Sequence[ChangeLine], version: Version | None, is_open: bool
) -> dict[str, Any]:
    to = request.rolls_back_to
    base = version.number if is_open and version else request.base_version or 0
    before = constants(version) if version and is_open else constants_of(request.module, base)[0]
    parameters, coefficients = before.changed_to(constants(to))
    counts = {action: sum(change.action == action for change in changes) for action in ChangeLine.Action.values}
    return {
        "differences": parameters,
        "note": "" if parameters or coefficients or any(counts.values()) else NOTHING,
        "has_before": True,
        "rollback": {
            "to": to,
            "base": base,
            "counts": counts,
            "n_coefficients": len(coefficients),
        },
    }
