"""Publish approved content as the active version of a module: move memberships, activate, notify the processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.validation import check
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.engine.ramp import ramped
from overrides.core.governance.config_data import STORED_UP_TO, render_all, render_compiled
from overrides.core.governance.errors import PublishError
from overrides.models import ChangeLine, ChangeRequest, Line, Membership, Override, ParameterSet, Version, VersionKind
from overrides.versions.content_digest import content_digest
from overrides.versions.load_version import parameters_id, specs_and_changes, specs_of
from overrides.versions.prove_compiles import refuse_uncompilable
from telemetry.audit.audit_log import write_audit

CHANNEL = "counterweight_versions"
LAST_NUMBER = 2**31 - 1  # that the column of a version's number holds
Side = tuple[str, str | None]  # a line and its new override, None if it is withdrawn


def store_override(spec: OverrideSpec, *, source: str, at: datetime) -> Override:
    """Return the row of a valid spec, created if new; equal content is the same row. Raises PublishError."""
    faults = check(spec)
    if faults or spec.channel is None or spec.policy is None:
        raise PublishError.joined(faults)
    line, _ = Line.objects.get_or_create(
        id=spec.line,
        defaults={
            "module": spec.module,
            "channel": spec.channel,
            "policy": spec.policy,
            "pattern_key": spec.pattern_key,
            "action_category": spec.action_category,
            "scope": dict(spec.scope),
            "created_at": at,
        },
    )
    override, _ = Override.objects.get_or_create(
        id=spec.content_id,
        defaults={
            "line": line,
            "edge_raw": spec.stats.edge_raw,
            "n": spec.stats.n,
            "variance": spec.stats.variance,
            "half_life_days": spec.stats.half_life_days,
            "updated_at": spec.stats.updated_at,
            "levers": dict(spec.levers),
            "promise": None if spec.promise is None else dict(spec.promise),
            "source": source,
            "created_at": at,
        },
    )
    return override


def store_parameters(parameters: ModuleParameters, *, by: str, reason: str, at: datetime) -> ParameterSet:
    """Return the row of these parameters, created if new."""
    row, _ = ParameterSet.objects.get_or_create(
        id=parameters_id(parameters),
        defaults={
            "module": parameters.module,
            "document": parameters.to_document(),
            "created_at": at,
            "created_by": by,
            "reason": reason,
        },
    )
    row.parsed = parameters  # its id says that the document is this one
    return row


def lock_module(module: str) -> None:
    """Wait for other publishers of the module and keep them out until the transaction ends. Read rows only afterwards.

    Locks are always taken in the same order, so that no deadlock arises: requests by number, then modules by name, then
    the audit log with its first entry. A transaction that has written an audit entry takes no further locks.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"publish {module}"])


def lock_modules(modules: Iterable[str]) -> None:
    """Lock several modules by name, before the first audit entry about any of them."""
    for module in sorted(set(modules)):
        lock_module(module)


def next_number(rows: QuerySet[Any], *, of: str, count: int = 1) -> int:
    """Return the highest number of the rows plus one; `of` says of what, such as "version of pm".

    Raises PublishError where this number, or the last of `count` numbers, does not fit the column, which takes a row
    forged by the owner of the database.
    """
    last: int = rows.aggregate(last=Max("number"))["last"] or 0
    if last > LAST_NUMBER - count:
        raise PublishError.because(
            f"a {of} has the number {last}, the last there can be, so none can follow and nothing was done; switch "
            "everything off, which needs no number, and have the owner of the database remove that row"
        )
    return last + 1


@transaction.atomic
def publish_version(
    *,
    request: ChangeRequest,
    kind: VersionKind,
    changes: Sequence[ChangeLine],
    before: Version | None,
    by: str,
    at: datetime,
    parameters: ParameterSet | None = None,
    coefficients: Mapping[str, Any] | None = None,
) -> Version:
    """Publish the next version of a module: the active one with `changes`, new `parameters` and `coefficients`.

    `request` is what was approved; the database verifies that the version contains exactly that. `before` is the
    version in force. The caller holds the module's lock and has read `before` and the overrides of `changes` since.
    Raises PublishError if content and parameters do not fit.
    """
    module = request.module
    if coefficients is not None:
        refuse_foreign_weights(module, coefficients)
    number = next_number(Version.objects.filter(module=module), of=f"version of {module}")
    parameters = parameters or (before.parameters if before else _first_parameters(module, by, at))
    if coefficients is None:
        coefficients = before.coefficients if before else {}

    _move_memberships(module, number, changes, parameters.parsed, at)
    version = _new_version(request, number, kind, before, parameters, coefficients, by, at)
    _put_in_force(version)
    _audit_version(version, before, _sides(changes), request.reason)
    return version


@transaction.atomic
def publish_trial(
    *,
    request: ChangeRequest,
    changes: Sequence[ChangeLine],
    before: Version | None,
    parameters: ParameterSet,
    by: str,
    at: datetime,
) -> Version:
    """Store the active version with `changes` and `parameters` as a version that is never served.

    The version after it restores what was in force, ramps included, and becomes active in the same transaction, so that
    no other process sees an intermediate state. The arguments are those of `publish_version`. Raises PublishError if
    nothing is in force, or if content and parameters do not fit.
    """
    module = request.module
    if before is None:
        raise PublishError.because(f"nothing of {module} is in force to try this beside; publish a first version")
    number = next_number(Version.objects.filter(module=module), of=f"version of {module}", count=2)
    weights = before.coefficients
    _move_memberships(module, number, changes, parameters.parsed, at)
    trial = _new_version(request, number, VersionKind.TRIAL, before, parameters, weights, by, at)
    trial.save()
    _audit_version(trial, before, _sides(changes), request.reason)

    back = _restore_memberships(module, number)
    restored = _new_version(request, number + 1, VersionKind.RESTORED, before, before.parameters, weights, by, at)
    _put_in_force(restored)
    _audit_version(restored, trial, back, f"what was in force before the trial: {request.reason}")
    return trial


def _restore_memberships(module: str, number: int) -> list[Side]:
    """Undo, in the next version, what version `number` did to the memberships; ramps continue where they were."""
    tried = Membership.objects.filter(module=module, from_version=number)
    gone = sorted(tried.values_list("line_id", flat=True))
    tried.update(to_version=number + 1)
    closed = list(Membership.objects.filter(module=module, to_version=number).order_by("line_id"))
    rows = [
        Membership(
            module=module,
            line_id=each.line_id,
            override_id=each.override_id,
            from_version=number + 1,
            path_from=each.path_from,
            path_since=each.path_since,
        )
        for each in closed
    ]
    Membership.objects.bulk_create(rows, batch_size=2000)
    back = dict.fromkeys(gone) | {each.line_id: each.override_id for each in closed}
    return sorted(back.items())


def _put_in_force(version: Version) -> None:
    """Save a new version as the active one; processes are notified after the commit."""
    Version.objects.filter(module=version.module, is_active=True).update(is_active=False)
    version.is_active = True
    version.save()
    transaction.on_commit(_notify)


def _sides(changes: Iterable[ChangeLine]) -> list[Side]:
    return [(change.line_id, change.after_id) for change in changes]


def _audit_version(version: Version, before: Version | None, changes: Sequence[Side], reason: str) -> None:
    write_audit(
        actor=version.published_by,
        action="publish",
        object=f"version {version.module}/{version.number}",
        reason=reason,
        before=None if before is None else _summary(before),
        after=_summary(version)
        | {"kind": version.kind, "request": version.request_id, "changes": [list(side) for side in changes]},
        at=version.published_at,
    )


def refuse_foreign_weights(module: str, coefficients: object) -> None:
    """Raise PublishError unless the coefficients are valid (`dimension=value` -> weight) and of module dm."""
    try:
        weights = read_weights(coefficients)
    except FieldError as error:
        raise PublishError(error.path, error.message) from error
    if weights and module != "dm":
        raise PublishError("coefficients", f"are dm's; {module} has none")


def _first_parameters(module: str, by: str, at: datetime) -> ParameterSet:
    return store_parameters(ModuleParameters.default(module), by=by, reason="the plan's numbers", at=at)


def _move_memberships(
    module: str, number: int, changes: Sequence[ChangeLine], parameters: ModuleParameters, at: datetime
) -> None:
    """Close the memberships that change and open the new ones; a ramp starts at the line's current values."""
    touched = [change.line_id for change in changes]
    closing = list(Membership.objects.filter(line_id__in=touched, to_version=None).select_related("override__line"))
    in_force = {membership.line_id: membership for membership in closing}
    opening = []
    for change in changes:
        if change.after is None:
            continue
        spec = change.after.spec
        _refuse_misfit(spec, change.line_id, module, parameters)
        ramps = spec.policy is LearningMethod.EVIDENCE
        start = _current_values(in_force.get(change.line_id), parameters, at) if ramps else {}
        opening.append(
            Membership(
                module=module,
                line_id=change.line_id,
                override=change.after,
                from_version=number,
                path_from={name: start.get(name, LEVERS[name].neutral) for name in spec.levers} if ramps else None,
                path_since=at if ramps else None,
            )
        )
    Membership.objects.filter(id__in=[membership.id for membership in closing]).update(to_version=number)
    Membership.objects.bulk_create(opening, batch_size=2000)


def _refuse_misfit(spec: OverrideSpec, line_id: str, module: str, parameters: ModuleParameters) -> None:
    faults, name = check(spec), f"override {spec.id[:12]}"
    if spec.line != line_id:
        faults.append(FieldError.because(f"{name} is of another line than {line_id[:12]}"))
    if spec.module != module:
        faults.append(FieldError.because(f"{name} is of module {spec.module}, not {module}"))
    elif spec.channel is None or parameters.channels[spec.channel].policy is not spec.policy:
        faults.append(FieldError.because(f"{name} is of policy {spec.policy}, which its channel does not use"))
    if faults:
        raise PublishError.joined(faults)


def _current_values(membership: Membership | None, parameters: ModuleParameters, at: datetime) -> Mapping[str, float]:
    """Return the current lever values of a line: its targets, or the point that its ramp has reached."""
    if membership is None:
        return {}
    spec = membership.override.spec
    if membership.path_since is None or spec.channel is None:
        return spec.levers
    weights = parameters.channels[spec.channel].weights
    hours = (at - membership.path_since).total_seconds() / 3600
    start: dict[str, float] = membership.path_from or {}
    return {
        name: ramped(LEVERS[name].blend, weights.step_of(name), start.get(name, LEVERS[name].neutral), target, hours)
        for name, target in spec.levers.items()
    }


def _new_version(
    request: ChangeRequest,
    number: int,
    kind: VersionKind,
    before: Version | None,
    parameters: ParameterSet,
    coefficients: Mapping[str, Any],
    by: str,
    at: datetime,
) -> Version:
    """Return a version of the memberships that stand, neither saved nor active.

    Raises PublishError if it does not compile. A restored version is not compiled, as it has been in force.
    """
    module = request.module
    digest = content_digest(module, number, parameters.id, coefficients)
    is_small, is_new = digest.n_overrides <= STORED_UP_TO, kind is not VersionKind.RESTORED
    document = None
    if is_small and is_new and before is not None and before.parameters_id == parameters.id:
        specs, changed = specs_and_changes(module, before.number, number)
        document = render_compiled(parameters.parsed, specs, changed, coefficients)
    else:
        if is_new:
            refuse_uncompilable(module, number, parameters.parsed, before)
        if is_small:
            document = render_all(module, specs_of(module, number), coefficients)
    return Version(
        module=module,
        number=number,
        kind=kind,
        parameters=parameters,
        coefficients=coefficients,
        n_overrides=digest.n_overrides,
        content_hash=digest.hash,
        config_data=document,
        request=request,
        published_at=at,
        published_by=by,
    )


def _summary(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "content_hash": version.content_hash,
        "parameters": version.parameters_id,
        "overrides": version.n_overrides,
    }


def _notify() -> None:
    """Wake the processes that poll for versions; a lost notification costs a second."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
