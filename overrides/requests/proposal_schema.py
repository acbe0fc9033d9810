"""A change request as a machine sends it, read strictly at the border: every refusal names its place in the body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.validation import check
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.fields import integer, matching, member, text
from telemetry.foundation.core.objects import Fields, items, mapping
from telemetry.foundation.core.refusal import Refusal, Refused, join

MOST_LINES = 500
MODE = ("mode", "rollout_percent", "allow", "challenger")
_read_line_id = matching("[0-9a-f]{64}", "the id of a line: 64 hexadecimal digits in lower case")
_read_number = integer(1, 2**31 - 1)


class ProposalKind(StrEnum):
    """What may be proposed."""

    LINES = "lines"
    PARAMETERS = "parameters"
    MODE = "mode"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Proposal:
    """A request before it is drafted. Of kind lines: overrides to bring, and ids of lines to withdraw."""

    module: Module
    kind: ProposalKind
    title: str
    reason: str
    lines: Sequence[OverrideSpec | str] = ()
    content: Mapping[str, Any] | None = None


def read_proposal(value: object) -> Proposal:
    """A proposal from JSON. Raises Refused with every refusal of its shape."""
    fields = Fields(value, ("module", "kind", "title", "reason", "lines", "content"))
    module = fields.need("module", member(Module), Module.PM)
    kind = fields.need("kind", member(ProposalKind), ProposalKind.LINES)
    title = fields.need("title", text(200), "")
    reason = fields.need("reason", text(4000), "")
    lines: Sequence[OverrideSpec | str] = fields.take("lines", items(_line, least=1, most=MOST_LINES), ())
    content = fields.take("content", CONTENT.get(kind, mapping), None)
    if fields.sound("kind"):
        wanted, other = ("lines", "content") if kind is ProposalKind.LINES else ("content", "lines")
        sent = mapping(value)
        if sent.get(wanted) is None:
            fields.refuse(wanted, f"missing; a request of kind {kind} says there what it changes")
        if sent.get(other) is not None:
            fields.refuse(other, f"is not part of a request of kind {kind}; send two requests")
    fields.close()
    return Proposal(module, kind, title, reason, lines, content)


def refusal(told: str, place: str = "") -> Refusal:
    """What a core says (`field: what is wrong`) as a refusal at its place in the body.

    >>> refusal("stats.n: must be 0 to 1e+09", "lines[2].override")
    Refusal(field='lines[2].override.stats.n', message='must be 0 to 1e+09')
    >>> refusal("levers.size_mult: must be 0.7 to 1.3", "lines[2].override").field
    'lines[2].override.levers.capital_levers.size_mult'
    >>> refusal("override.colour: unknown name", "lines[0].override").field, refusal("they do not fit", "content").field
    ('lines[0].override.colour', 'content')
    """
    field, colon, message = told.partition(": ")
    if not colon or " " in field:
        return Refusal(place, told)
    first, _, rest = field.partition(".")
    if first == "levers" and rest in LEVERS:  # a core knows levers by name alone, a document by group and name
        rest = f"{LEVERS[rest].group}.{rest}"
        field = f"levers.{rest}"
    return Refusal(join(place, rest if first in ("override", "parameters") else field), message)


def raise_any(refusals: Iterable[Refusal]) -> None:
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
    try:
        spec = OverrideSpec.from_document(document)
    except ValueError as error:
        raise Refused(refusal(str(error))) from error
    raise_any(refusal(fault) for fault in check(spec))
    return spec


def _mode(value: object) -> dict[str, object]:
    content = mapping(value)
    fields = Fields(content, MODE)
    fields.take("challenger", _read_number, None)
    fields.close()
    if not content:
        raise Refused.because(f"changes nothing; send one of {', '.join(MODE)}")
    return content


def _rollback(value: object) -> dict[str, object]:
    fields = Fields(value, ("to",))
    to = fields.need("to", _read_number, 0)
    fields.close()
    return {"to": to}


CONTENT: Mapping[ProposalKind, Callable[[Any], Mapping[str, Any]]] = {
    ProposalKind.MODE: _mode,
    ProposalKind.ROLLBACK: _rollback,
}
