"""Read a change request as a machine sends it; every refusal gives the path of the value in the body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.override_spec import OverrideSpec, document_path
from overrides.core.engine.definitions.own_dimensions import NAME
from overrides.core.engine.definitions.validation import check
from overrides.models import RequestKind
from overrides.requests.kinds import KINDS
from overrides.versions.scope_values import stated_words
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.fields import matching, member, text
from telemetry.foundation.core.objects import Fields, items, mapping
from telemetry.foundation.core.refusal import Refusal, Refused, join

MOST_LINES = 500
WHOLE = ("override", "parameters")  # names of the document itself at the start of a path
PROPOSABLE = tuple(kind.name for kind in KINDS.values() if kind.read_content is not None)
_read_line_id = matching("[0-9a-f]{64}", "the id of a line: 64 hexadecimal digits in lower case")


@dataclass(frozen=True)
class Proposal:
    """A request before it is drafted. For kind lines: overrides to add, and ids of lines to withdraw."""

    module: Module
    kind: RequestKind
    title: str
    reason: str
    lines: Sequence[OverrideSpec | str] = ()
    content: Mapping[str, Any] | None = None


def read_proposal(value: object) -> Proposal:
    """Parse a proposal from JSON. Raises Refused with every refusal of its structure."""
    fields = Fields(value, ("module", "kind", "title", "reason", "lines", "content"))
    module = fields.need("module", member(Module), Module.PM)
    kind = fields.need("kind", member(PROPOSABLE), RequestKind.LINES)
    title = fields.need("title", text(200), "")
    reason = fields.need("reason", text(4000), "")
    lines: Sequence[OverrideSpec | str] = fields.take("lines", items(_line, least=1, most=MOST_LINES), ())
    content = fields.take("content", KINDS[kind].read_content or mapping, None)
    if fields.sound("kind"):
        required, other = ("lines", "content") if KINDS[kind].is_of_lines else ("content", "lines")
        sent = mapping(value)
        if sent.get(required) is None:
            fields.refuse(required, f"missing; a request of kind {kind} says there what it changes")
        if sent.get(other) is not None:
            fields.refuse(other, f"is not part of a request of kind {kind}; send two requests")
    fields.close()
    return Proposal(module, kind, title, reason, lines, content)


def refusal(error: FieldError, place: str = "") -> Refusal:
    """Return an error of the engine as a refusal with its path in the body, where the document is at `place`.

    >>> refusal(FieldError("stats.n", "must be 0 to 1e+09"), "lines[2].override")
    Refusal(field='lines[2].override.stats.n', message='must be 0 to 1e+09')
    >>> refusal(FieldError("levers.size_mult", "must be 0.7 to 1.3"), "lines[2].override").field
    'lines[2].override.levers.capital_levers.size_mult'
    >>> refusal(FieldError("override.colour", "unknown name"), "lines[0].override").field
    'lines[0].override.colour'
    >>> refusal(FieldError.because("they do not fit"), "content").field
    'content'
    """
    first, _, rest = error.path.partition(".")
    return Refusal(join(place, rest if first in WHOLE else document_path(error.path)), error.message)


def raise_any(refusals: Iterable[Refusal]) -> None:
    """Raise Refused with these refusals, if there are any."""
    if found := tuple(refusals):
        raise Refused(*found)


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
    if isinstance(scope := document.get("scope"), Mapping) and all(map(NAME.fullmatch, scope)):
        try:
            document = {**document, "scope": stated_words(scope)}
        except Refused as refused:
            raise refused.under("scope") from refused
    try:
        spec = OverrideSpec.from_document(document)
    except FieldError as error:
        raise Refused(refusal(error)) from error
    raise_any(refusal(fault) for fault in check(spec))
    return spec
