"""The state of a module as a snapshot brings it, proved by its own questions, and answers from it as the server's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from ..core.engine.compiled import Compiled
from ..core.engine.definitions.coefficients import read_weights
from ..core.engine.definitions.formats import CURRENT_FORMAT
from ..core.engine.definitions.module_parameters import ModuleParameters
from ..core.engine.definitions.serving_mode import ServingMode
from ..core.engine.position_scaling import Scaling
from ..core.engine.self_test import differences, worked_differences
from ..core.engine.serve import Answer as Computed
from ..core.engine.serve import answer, rounded_for_output
from ..core.engine.snapshot_columns import compiled_from
from ..core.engine.snapshot_file import Body, SnapshotError, digest_of, unpack
from ..core.engine.staleness import FRESH_SECONDS, flags_at_age, stale_answer
from .answers import Answer
from .questions import Asked

FORMAT = 1  # of the fields of header and body


@dataclass(frozen=True, slots=True, eq=False)
class LocalEngine:
    """A module's state: what `tag` names. `content` are the bytes it was read from.

    `remote` is the reason for which the server has to be asked instead, None if there is none.
    """

    tag: str
    module: str
    version: int | None
    mode_revision: int
    mode: ServingMode
    compiled: Compiled
    parameters: ModuleParameters
    scaling: Scaling
    body: Body
    content: bytes
    remote: str | None

    @property
    def digest(self) -> str:
        """What the state is, whatever its tag says."""
        return digest_of(self.content)

    def precedes(self, other: LocalEngine) -> bool:
        """Return whether this is an earlier state: versions and revisions of modes only ever grow."""
        return (self.version or 0) < (other.version or 0) or self.mode_revision < other.mode_revision


def read_engine(content: bytes, module: str, known: LocalEngine | None = None) -> LocalEngine:
    """Return the state of a module from the bytes of its snapshot; the body may be left out if `known` has it.

    Raises SnapshotError for bytes that are no whole snapshot of this module in a format that is known here. A snapshot
    that this machine computes otherwise is read, with the reason to ask the server instead.
    """
    header, body = unpack(content)
    try:
        if header["format"] != FORMAT:
            raise SnapshotError(f"the snapshot is of format {header['format']!r:.20}, this client knows {FORMAT}")
        if header["module"] != module:
            raise SnapshotError(f"the snapshot is of the module {header['module']!r:.20}, not {module}")
        remote = header["ask_server"] if "ask_server" in header else header["evaluate_remotely"]
        changing: dict[str, Any] = {
            "tag": str(header["tag"]),
            "version": _number(header["version"]),
            "mode_revision": _number(header["mode_revision"]) or 0,
            "mode": _mode(header),
            "content": content,
        }
        if body is None or (known is not None and known.body.sha256 == body.sha256):
            return _under_new_header(known, header, changing, remote)
        document, columns = body.read()
        if document["module"] != module or document["version"] != header["version"]:
            raise SnapshotError("header and body are of different versions")
        parameters = ModuleParameters.from_document(module, document["parameters"])
        compiled = compiled_from(parameters, document["buckets"], columns)
        scaling = Scaling(read_weights(document["coefficients"]), parameters.product_cap)
        remote = remote or _differs(header, compiled, scaling, document)
        return LocalEngine(
            module=module,
            compiled=compiled,
            parameters=parameters,
            scaling=scaling,
            body=body,
            remote=remote,
            **changing,
        )
    except SnapshotError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise SnapshotError(f"the snapshot cannot be read: {type(error).__name__}: {error}") from error


def _under_new_header(
    known: LocalEngine | None, header: Mapping[str, Any], changing: Mapping[str, Any], remote: str | None
) -> LocalEngine:
    if known is None or known.body.sha256 != header["body"]["sha256"] or known.version != header["version"]:
        raise SnapshotError("the snapshot leaves out a body that is not held here")
    begin = changing["content"].removesuffix(known.body.content)
    return replace(known, **{**changing, "content": begin + known.body.content}, remote=remote or _own(known.remote))


def _own(remote: str | None) -> str | None:
    """Return a reason that this machine has; one that the server gave ends with its header."""
    return remote if remote is not None and remote.startswith(DIFFERS) else None


DIFFERS = "this machine computes otherwise"


def _differs(
    header: Mapping[str, Any], compiled: Compiled, scaling: Scaling, document: Mapping[str, Any]
) -> str | None:
    """Return why this machine must not answer by itself; None if it computes what the server does."""
    if header["engine_format"] != CURRENT_FORMAT:
        return f"{DIFFERS}: the server's engine is of format {header['engine_format']}, this one of {CURRENT_FORMAT}"
    found = [*worked_differences(document["worked"]), *differences(compiled, scaling, document["cases"])]
    if not document["worked"]:
        found.append("the snapshot holds no questions to prove it by")
    return f"{DIFFERS}: {found[0]}" if found else None


def _mode(header: Mapping[str, Any]) -> ServingMode:
    """Return the mode of a header, whose salt stands apart, because clients from before there were salts refuse it."""
    salt = header.get("rollout_salt")
    return ServingMode.checked({**header["mode"], **({"rollout_salt": salt} if salt else {})})


def _number(value: object) -> int | None:
    if value is not None and (type(value) is not int or value < 0):
        raise SnapshotError("a number of the header is none")
    return value


# --- answers ----------------------------------------------------------------------------------------


class Decided(NamedTuple):
    """A decision that was made here, as it is reported to the server."""

    decision_id: str
    asked: Asked
    version: int | None
    mode_revision: int
    evaluated_at: datetime
    levers: Mapping[str, float]
    reason: str
    stale_seconds: float
    latency_us: float

    def document(self) -> dict[str, Any]:
        """Return the decision as JSON."""
        return {
            "decision_id": self.decision_id,
            "question": self.asked.document(),
            "version": self.version,
            "mode_revision": self.mode_revision,
            "evaluated_at": self.evaluated_at.isoformat(),
            "levers": dict(self.levers),
            "reason": self.reason,
            "stale_seconds": round(self.stale_seconds, 3),
            "latency_us": round(self.latency_us, 1),
        }


def compute(engine: LocalEngine, asked: Asked, stale_seconds: float, max_stale_seconds: float) -> Computed:
    """Return what the server would answer from this state; it never raises.

    A state that was not confirmed for more than `max_stale_seconds` answers neutral, with the reason STALE.
    """
    request = asked.request
    if stale_seconds > max_stale_seconds:
        return stale_answer(request.module, request.action_category)
    found = answer(
        engine.compiled,
        engine.mode,
        request,
        rollout_key=asked.rollout_key,
        protected_motifs=engine.parameters.protected_motifs,
        scaling=engine.scaling,
        upstream_multiplier=asked.upstream_multiplier,
    )
    return found if stale_seconds <= FRESH_SECONDS else found._replace(flags=flags_at_age(found.flags, stale_seconds))


def answered(engine: LocalEngine, decided: Decided, computed: Computed) -> Answer:
    """Return the answer as the bot receives it; its document is made when it is first read."""
    document = _Document(engine, decided, computed)
    return Answer(MappingProxyType(computed.levers), decided.reason, decided.decision_id, "", document)


class _Document(Mapping[str, Any]):
    """An answer as the server writes it, made when it is first read."""

    __slots__ = ("_made", "_of")

    def __init__(self, engine: LocalEngine, decided: Decided, computed: Computed) -> None:
        self._of = engine, decided, computed
        self._made: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._made is None:
            self._made = _document(*self._of)
        return self._made

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


def _document(engine: LocalEngine, decided: Decided, computed: Computed) -> dict[str, Any]:
    """Return the answer as the server writes it by default, with who contributed."""
    asked, combination = decided.asked, computed.combination
    document: dict[str, Any] = {
        "decision_id": decided.decision_id,
        "levers": dict(computed.levers),
        "version": engine.version,
        "evaluated_at": asked.request.at.isoformat().replace("+00:00", "Z"),
        "combiner": ",".join(f"{name}={each.combiner}" for name, each in engine.parameters.channels.items()),
        "mode": engine.mode.mode.value,
        "reason": decided.reason,
        "flags": [flag.value for flag in computed.flags],
    }
    if asked.request.module == "dm":
        product, alloc = computed.coefficient_product, computed.levers["alloc_mult"]
        document |= {"coefficient_product": product, "alloc_mult": alloc}
        if asked.base_allocation is not None:
            document["allocation"] = rounded_for_output(asked.base_allocation * product * alloc)
    contributions = () if combination is None else combination.contributions
    excluded = () if combination is None else combination.excluded
    document["contributions"] = [
        {"id": each.id, "line": each.line, "w_total": each.w_total, "parts": dict(each.parts)} for each in contributions
    ]
    document["excluded"] = [{"id": each.id, "reason": each.reason.value} for each in excluded]
    return document
