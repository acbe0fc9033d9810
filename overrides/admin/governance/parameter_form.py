"""The form that requests other parameters: every constant of channels and learning methods, and the effect."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.document_diff import document_differences
from overrides.admin.governance.constants_form import Constant, ConstantsForm, paths_of, with_constants
from overrides.admin.governance.parameter_names import is_named, name_of
from overrides.admin.line_lists import Crossed, crossings
from overrides.admin.request_form import ProposedRequest, draft
from overrides.core.engine.definitions.constants import words_of
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.own_dimensions import NAME, DimensionKind
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from overrides.core.impact.reweighing import Reweighing, reweighed
from overrides.models import RequestKind
from overrides.requests.dimension_effect import dimension_changes as counted_changes
from overrides.requests.impact.effects_at_once import effect_of_parameters, shown
from overrides.requests.stranded import stranded
from overrides.versions.acts_today import full_hour
from overrides.versions.load_version import evidence_in_force, read_in_force
from telemetry.foundation.admin.read_only import FactAdmin

# Constants of the module itself, and what stands for them in a document that does not name them.
MEANING = "Say in a sentence what it means."
OF_MODULE: dict[str, Any] = {"product_cap": None, "own_dimensions": [], "universe": None}


def propose_page(model_admin: FactAdmin, request: HttpRequest, module: str) -> HttpResponse:
    """Return the form; with the effect once it is valid, or the drafted request if its button was pressed."""
    held = read_in_force(module)
    current = held.parameters
    form = ConstantsForm(constants_of(current), request.POST if request.method == "POST" else None)
    form.initial = {path: request.GET[path] for path in form.fields if path in request.GET}  # links prefill fields
    _prefill(form, current, request.GET.get("add", ""))
    effect: Reweighing | None = None
    crossing: list[Crossed] = []
    exposure: dict[str, Any] = {}
    if form.is_valid():
        typed = {path: form.cleaned_data[path] for path in paths_in_form(current)}
        document = with_constants(current.to_document(), typed)
        try:
            proposed = ModuleParameters.from_document(module, document).written_out()
        except FieldError as error:
            form.refuse(error)
        else:
            if "draft" in request.POST and (
                response := draft(request, module, form, _proposed_request(current, proposed))
            ):
                return response
            at = datetime.now(UTC)
            effect = reweighed(evidence_in_force(module), current, proposed, full_hour(at))
            crossing = crossings(effect)
            exposure = shown(partial(effect_of_parameters, held, proposed, at))
            exposure |= {
                "dimension_changes": counted_changes(current, proposed),
                "stranded": stranded(current, proposed),
            }
    context = model_admin.admin_site.each_context(request) | {
        "title": f"Propose other parameters of {module}",
        "opts": model_admin.opts,
        "form": form,
        "effect": effect,
        "crossing": crossing,
        "shows_effect": True,
        "way_back": reverse("admin:overrides_parameterset_changelist"),
        **exposure,
    }
    return TemplateResponse(request, "overrides/governance/constants_form.html", context)


def _prefill(form: ConstantsForm, current: ModuleParameters, name: str) -> None:
    """Add the draft of an own dimension to the form as it is shown first, if its name is free and can be declared."""
    if form.is_bound or NAME.fullmatch(name) is None or name in current.known_dimensions:
        return
    added = {"name": name, "kind": DimensionKind.CATEGORY.value, "cuts": [], "meaning": MEANING, "learned": True}
    form.initial["own_dimensions"] = [*(each.to_document() for each in current.own_dimensions), added]


def paths_in_form(parameters: ModuleParameters) -> dict[str, object]:
    """Return dotted path -> value of every constant that a form shows."""
    weights = (f"channels.{channel.value}.weights" for channel in parameters.channels)
    document = parameters.to_document()
    of_module = {name: document.get(name, absent) for name, absent in OF_MODULE.items()}
    return paths_of(document, *weights, "lessons", "evidence") | of_module


def constants_of(current: ModuleParameters) -> dict[str, Constant]:
    """Return every constant that the form asks for, by its path."""
    values, defaults = paths_in_form(current), paths_in_form(ModuleParameters.default(current.module))
    places: dict[str, type] = {
        f"channels.{channel.value}.weights.": WeightParameters for channel in current.channels
    } | {"lessons.": LessonParameters, "evidence.": EvidenceParameters, "": ModuleParameters}
    words = {f"{place}{name}": text for place, each in places.items() for name, text in words_of(each).items()}
    declared = {f"{place}{each.name}": each for place, cls in places.items() for each in fields(cls)}
    return {
        path: Constant(value, defaults[path], str(declared[path].type), words[path], declared[path].metadata)
        for path, value in values.items()
    }


def _proposed_request(current: ModuleParameters, proposed: ModuleParameters) -> ProposedRequest:
    without = [replace(each, own_dimensions=(), universe=None) for each in (current, proposed)]
    differences = document_differences(*(each.to_document() for each in without))
    constants = (f"{_named(each.field)} {each.before} → {each.after}" for each in differences)
    changes = "; ".join([*dimension_changes(current, proposed), *constants])
    return ProposedRequest(RequestKind.PARAMETERS, f"Parameters of {current.module}: {changes}", proposed.to_document())


def dimension_changes(before: ModuleParameters, after: ModuleParameters) -> list[str]:
    """Return the changes of own dimensions and of the universe, in words."""
    old = {each.name: each for each in before.own_dimensions}
    new = {each.name: each for each in after.own_dimensions}
    words = [f"own dimension {name} added" for name in new if name not in old]
    words += [f"own dimension {name} changed" for name in new if name in old and old[name] != new[name]]
    words += [f"own dimension {name} removed" for name in old if name not in new]
    if before.universe != after.universe:
        words.append(f"universe {before.universe_label or 'none'} → {after.universe_label or 'none'}")
    return words


def _named(path: str) -> str:
    """Return what people call the field of a difference, which may lie below a constant."""
    known = next((each for each in (path, path.rpartition(".")[0]) if is_named(each)), None)
    if known is None:
        return path
    lever = f" of {path[len(known) + 1 :]}" if known != path else ""
    channel = f" ({path.split('.')[1]})" if path.startswith("channels.") else ""
    return f"{name_of(known).label}{lever}{channel}"
