"""Turn a key's proposal into a change request in review; its overrides are stored and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.validation import faults_under
from overrides.core.governance.errors import GovernanceError
from overrides.models import ChangeRequest
from overrides.requests.authoring import draft_request
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.learned import Measured, contradicted, marks
from overrides.requests.proposal_schema import Proposal, raise_any, refusal
from overrides.versions.load_version import current_parameters
from overrides.versions.publish import store_override
from telemetry.foundation.core.refusal import Refusal, Refused

SOURCE = "api"
LONGEST_NAME = ChangeRequest._meta.get_field("author_name").max_length


@transaction.atomic
def propose(proposal: Proposal, *, owner: User, by: str, at: datetime) -> ChangeRequest:
    """Draft the proposal as the key named `by`, whose owner is the author and so cannot approve it.

    Raises Refused if it does not fit what is in force.
    """
    raise_any(_misfits(proposal, current_parameters(proposal.module)))
    specs = {each.line: each for each in proposal.lines if isinstance(each, OverrideSpec)}
    # In the order of lines, so that two simultaneous proposals cannot deadlock.
    contradictions = contradicted(specs.values())
    stored = {line: store_override(specs[line], source=SOURCE, at=at).id for line in sorted(specs)}
    try:
        return draft_request(
            module=proposal.module.value,
            kind=proposal.kind.value,
            title=proposal.title,
            reason=proposal.reason,
            author=owner,
            author_name=by[:LONGEST_NAME],
            at=at,
            lines=[_draft_line(each, stored, contradictions) for each in proposal.lines],
            content=proposal.content,
        )
    except GovernanceError as error:
        raise Refused(refusal(error, "" if KINDS[proposal.kind].is_of_lines else "content")) from error


def _draft_line(
    line: OverrideSpec | str, stored: Mapping[str, str], contradictions: Mapping[str, Measured]
) -> DraftLine:
    if isinstance(line, str):
        return DraftLine(line, None, ["withdrawn"])
    return DraftLine(line.line, stored[line.line], ["proposed", *marks(line, contradictions)])


def _misfits(proposal: Proposal, parameters: ModuleParameters) -> Iterator[Refusal]:
    """Yield what is wrong with the proposal under the parameters in force."""
    for index, spec in enumerate(proposal.lines):
        if isinstance(spec, str):
            continue
        place = f"lines[{index}].override"
        if spec.module != proposal.module:
            yield Refusal(f"{place}.module", f"is {spec.module} in a request of {proposal.module}; send two requests")
            continue
        yield from (refusal(fault, place) for fault in faults_under(spec, parameters))
        policy = next(each.policy for channel, each in parameters.channels.items() if channel is spec.channel)
        if policy is not spec.policy:
            yield Refusal(f"{place}.policy", f"{spec.channel} is of policy {policy} now; send an override of that one")
