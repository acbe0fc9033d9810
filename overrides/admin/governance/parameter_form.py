"""The form that requests other parameters: every constant of channels and learning methods, and the effect."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.document_diff import document_differences, worded
from overrides.admin.governance.constants_form import ConstantsForm, paths_of, with_constants
from overrides.admin.request_form import ProposedRequest, draft
from overrides.core.engine.definitions.constants import words_of
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from overrides.core.impact.reweighing import Reweighing, reweighed
from overrides.models import RequestKind
from overrides.versions.load_version import current_parameters, evidence_in_force
from telemetry.foundation.admin.read_only import FactAdmin


def propose_page(model_admin: FactAdmin, request: HttpRequest, module: str) -> HttpResponse:
    """Return the form; with the effect once it is valid, or the drafted request if its button was pressed."""
    current = current_parameters(module)
    form = _form(current, request)
    effect: Reweighing | None = None
    if form.is_valid():
        document = with_constants(current.to_document(), {path: form.cleaned_data[path] for path in _paths(current)})
        try:
            proposed = ModuleParameters.from_document(module, document).written_out()
        except FieldError as error:
            form.refuse(error)
        else:
            if "draft" in request.POST and (
                response := draft(request, module, form, _proposed_request(current, proposed))
            ):
                return response
            effect = reweighed(evidence_in_force(module), current, proposed, datetime.now(UTC))
    context = model_admin.admin_site.each_context(request) | {
        "title": f"Ask for other parameters of {module}",
        "opts": model_admin.opts,
        "form": form,
        "effect": effect,
        "shows_effect": True,
        "way_back": reverse("admin:overrides_parameterset_changelist"),
    }
    return TemplateResponse(request, "overrides/governance/constants_form.html", context)


def _paths(parameters: ModuleParameters) -> dict[str, object]:
    weights = (f"channels.{channel.value}.weights" for channel in parameters.channels)
    document = parameters.to_document()
    return paths_of(document, *weights, "lessons", "evidence") | {"product_cap": document["product_cap"]}


def _form(current: ModuleParameters, request: HttpRequest) -> ConstantsForm:
    defaults = _paths(ModuleParameters.default(current.module))
    words_by_path = meanings(current)
    words = {
        path: f"{words_by_path[path]}; default {value if isinstance(value, dict) else worded(value)}"
        for path, value in defaults.items()
    }
    return ConstantsForm(_paths(current), words, request.POST if request.method == "POST" else None)


def meanings(parameters: ModuleParameters) -> dict[str, str]:
    """Return what each constant means, by its path."""
    classes: dict[str, type] = {
        f"channels.{channel.value}.weights.": WeightParameters for channel in parameters.channels
    }
    classes |= {"lessons.": LessonParameters, "evidence.": EvidenceParameters, "": ModuleParameters}
    return {f"{place}{name}": words for place, each in classes.items() for name, words in words_of(each).items()}


def _proposed_request(current: ModuleParameters, proposed: ModuleParameters) -> ProposedRequest:
    differences = document_differences(current.to_document(), proposed.to_document())
    changes = "; ".join(f"{each.field.removeprefix('channels.')} {each.before} → {each.after}" for each in differences)
    return ProposedRequest(RequestKind.PARAMETERS, f"Parameters: {changes}", proposed.to_document())
