"""What a request would change besides its lines, field by field, compared with what is in force now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from overrides.admin.coefficient_display import weights_page
from overrides.admin.document_diff import document_differences
from overrides.admin.line_lists import crossings
from overrides.admin.requests.stored_evidence import Known
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.impact.reweighing import reweighed
from overrides.models import ChangeLine, ChangeRequest
from overrides.requests.dimension_effect import dimension_changes
from overrides.requests.kinds import KINDS
from overrides.versions.load_version import InForce, evidence_in_force
from telemetry.foundation.admin.formatting import pretty

SHOWN_APART = ("own_dimensions", "universe")  # fields of parameters that the verdict puts in words
NOTHING = "Nothing would change: this is what stands."
STALE = "The parameters changed since this was drafted: it has to be drafted again from what is in force."


def content_page(
    request: ChangeRequest, changes: Sequence[ChangeLine], in_force: InForce, at: datetime, known: Known | None = None
) -> dict[str, Any]:
    """Return the template context; `changes` are the lines of the request, `known` is its stored evidence.

    A closed request is compared with the version it was drafted against.
    """
    is_open = request.state in ChangeRequest.OPEN
    context: dict[str, Any] = {"document": pretty(request.content) if request.content else None, "is_open": is_open}
    stored = {} if known is None else known.coefficients
    context |= weights_page(request, in_force, is_open=is_open, stored=stored)
    documents = KINDS[request.kind].before_after(request, in_force, is_open)
    if documents is None:
        return context
    differences = document_differences(documents.before or {}, documents.after)
    n_coefficients = len(document_differences(*documents.coefficients))
    is_idle = documents.before is not None and not differences and not n_coefficients and not changes
    context |= {
        "differences": differences,
        "constants": [each for each in differences if each.field.partition(".")[0] not in SHOWN_APART],
        "note": STALE if documents.is_stale else NOTHING if is_idle else "",
        "has_before": documents.before is not None,
    }
    if documents.reweighs is not None:
        context["effect"] = reweighed(evidence_in_force(request.module), *documents.reweighs, at)
        context["crossing"] = crossings(context["effect"])
    if documents.before is not None and "channels" in documents.after:  # they are parameters
        sides = (ModuleParameters.from_document(request.module, side) for side in (documents.before, documents.after))
        context["dimension_changes"] = dimension_changes(*sides)
    if documents.brings_back is not None:
        base = (in_force.number if is_open else None) or request.base_version or 0
        context["rollback"] = {
            "to": documents.brings_back,
            "base": base,
            "counts": _counts(changes),
            "n_coefficients": n_coefficients,
        }
    return context


def _counts(changes: Sequence[ChangeLine]) -> dict[str, int]:
    """Count the lines that are added, changed and withdrawn."""
    counted = Counter(change.action for change in changes)
    return {action: counted[action] for action in ChangeLine.Action.values}
