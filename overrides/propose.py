"""A change request as a machine sends it: read strictly, its overrides stored, drafted for people to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from overrides.core.check import check
from overrides.core.module import ModuleParameters
from overrides.core.specs import OverrideSpec
from overrides.load import current_parameters
from overrides.models import ChangeRequest
from overrides.publish import store_override
from overrides.review import DraftLine, Refusal as NotDrafted, draft_request
from telemetry.core.fields import integer, matching, member, text
from telemetry.core.objects import Fields, items, mapping
from telemetry.core.refusal import Refusal, Refused, join, label
from telemetry.core.vocabulary import Module

MOST_LINES = 500
SOURCE = "api"
MODE = ("mode", "rollout_percent", "allow", "challenger")
_read_line_id = matching("[0-9a-f]{64}", "a line: 64 hexadecimal digits in lower case")
_read_number = integer(1, 2**31 - 1)


class Kind(StrEnum):
    """What may be proposed."""

    LINES = "lines"
    PARAMETERS = "parameters"
    MODE = "mode"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Proposal:
    """A request before it is drafted. Of kind lines: overrides to bring, or ids of lines to withdraw."""

    module: Module
    kind: Kind
    title: str
    reason: str
    lines: Sequence[OverrideSpec | str] = ()
    content: Mapping[str, Any] | None = None


def read_proposal(value: object) -> Proposal:
    """A proposal from JSON. Raises Refused with every refusal of its shape."""
    fields = Fields(value, ("module", "kind", "title", "reason", "lines", "content"))
    module = fields.need("module", member(Module), Module.PM)
    kind = fields.need("kind", member(Kind), Kind.LINES)
    title = fields.need("title", text(200), "")
    reason = fields.need("reason", text(4000), "")
    lines: Sequence[OverrideSpec | str] = fields.take("lines", items(_line, least=1, most=MOST_LINES), ())
    content = fields.take("content", _CONTENT[kind], None)
    if fields.sound("kind", "lines", "content"):
        _refuse_other_part(fields, kind, bool(lines), content is not None)
    fields.close()
    return Proposal(module, kind, title, reason, lines, content)


@transaction.atomic
def propose(proposal: Proposal, *, by: str, at: datetime) -> ChangeRequest:
    """Draft it, in review at once, as a machine named `by`. Raises Refused where it does not fit what is in force."""
    specs = [(index, each) for index, each in enumerate(proposal.lines) if isinstance(each, OverrideSpec)]
    _refuse_misfits(specs, proposal.module)
    stored = {spec.line: store_override(spec, source=SOURCE, at=at).id for _, spec in sorted(specs, key=_line_of)}
    try:
        return draft_request(
            module=proposal.module.value,
            kind=proposal.kind.value,
            title=proposal.title,
            reason=proposal.reason,
            author=None,
            author_name=by,
            at=at,
            lines=[_draft_line(each, stored) for each in proposal.lines],
            content=proposal.content,
        )
    except NotDrafted as refusal:
        raise Refused(_refusal(str(refusal), "" if proposal.kind is Kind.LINES else "content")) from refusal


def _refuse_other_part(fields: Fields, kind: Kind, has_lines: bool, has_content: bool) -> None:
    wanted, other = ("lines", "content") if kind is Kind.LINES else ("content", "lines")
    has = {"lines": has_lines, "content": has_content}
    if not has[wanted]:
        fields.refuse(wanted, f"missing; a request of kind {kind} says there what it changes")
    if has[other]:
        fields.refuse(other, f"is not part of a request of kind {kind}; leave it out, or send two requests")


def _line(value: object) -> OverrideSpec | str:
    fields = Fields(value, ("override", "withdraw"))
    spec = fields.take("override", _spec, None)
    withdrawn = fields.take("withdraw", _read_line_id, None)
    fields.close()
    if spec is not None and withdrawn is None:
        return spec
    if withdrawn is not None and spec is None:
        return withdrawn
    raise Refused.because("send either `override`, a document, or `withdraw`, the id of a line")


def _spec(value: object) -> OverrideSpec:
    document = mapping(value)
    if "path" in document:
        raise Refused(Refusal("path", "is set when the override is published; leave it out"))
    try:
        spec = OverrideSpec.from_document(document)
    except ValueError as error:
        raise Refused(_refusal(str(error))) from error
    _raise(_refusal(fault) for fault in check(spec))
    return spec


def _refuse_misfits(specs: Iterable[tuple[int, OverrideSpec]], module: Module) -> None:
    """What only the parameters in force can tell: whether anything would be made of an override."""
    parameters = current_parameters(module)
    refusals = []
    for index, spec in specs:
        place = f"lines[{index}].override"
        refusals += [_refusal(fault, place) for fault in check(spec, parameters.dimensions)]
        if spec.module != module:
            refusals.append(Refusal(f"{place}.module", f"is {spec.module}, in a request of {module}; send two requests"))
        elif (policy := _policy_of(spec, parameters)) != spec.policy:
            refusals.append(Refusal(f"{place}.policy", f"{spec.type_name} is built by policy {policy}; send that one"))
    _raise(refusals)


def _raise(refusals: Iterable[Refusal]) -> None:
    if found := tuple(refusals):
        raise Refused(*found)
