"""One action of a trade, as the bot recorded it: strictly parsed, then immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.scopes import read_scope
from telemetry.core.vocabulary import CATEGORIES, SALES, ActionCategory, Module, read_pattern_key
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.documents import small_document
from telemetry.foundation.core.fields import EARLIEST, finite, identifier, matching, member, parse_moment, share, text
from telemetry.foundation.core.objects import Fields, entries, items
from telemetry.foundation.core.refusal import Refused

KEYS = dict.fromkeys((
    "module", "pattern_key", "action_category", "at", "scope", "fraction", "leg_rr", "rr_after", "known_at",
    "decision_ids", "applied", "controls", "counterfactuals", "cf_entry_improvement_bucket",
    "cf_exit_improvement_bucket", "replays", "taken_arms",
))  # fmt: skip
MULTIPLIER = "_mult"  # the end of the names of levers that multiply
BUCKETS = ("cf_entry_improvement_bucket", "cf_exit_improvement_bucket")


@dataclass(frozen=True, slots=True)
class Action:
    """What was done, in which scope, and what is known of its consequence.

    - `fraction`: the part of the position that the action moved, in (0, 1].
    - `leg_rr`: what that part earned, in R per unit of its size.
    - `rr_after` (trim, exit): what the part that was sold would have earned if kept, in R.
    - `known_at`: when the last of its results (`rr_after`, `counterfactuals`, `replays`) was known; None: at the close.
    - `applied`: lever -> the value that was used, where it was not the one served (stakes are clamped by exchanges).
    - `counterfactuals`: lever -> alternative value -> change of rr in R; `buckets` is its graded form.
    - `replays`: lever -> arm -> rr of the trade had the lever had that value, in the trade's own R. The arm that was
      taken is among them, and `taken_arms` names it: lever -> arm.
    """

    module: Module
    pattern_key: str
    action_category: ActionCategory
    at: datetime
    scope: Mapping[str, str]
    fraction: float | None
    leg_rr: float | None
    rr_after: float | None
    known_at: datetime | None
    decision_ids: tuple[str, ...]
    applied: Mapping[str, float]
    controls: Mapping[str, object]
    counterfactuals: Mapping[str, Mapping[str, float]]
    buckets: Mapping[str, str]
    replays: Mapping[str, Mapping[str, float]]
    taken_arms: Mapping[str, str]

    def document(self) -> dict[str, object]:
        """Return the action as a JSON value with every field, for the digest of its trade.

        `known_at`, `applied` and replays are in it only if sent, so that trades recorded before these existed keep
        their digest.
        """
        known = {} if self.known_at is None else {"known_at": self.known_at}
        applied = {"applied": self.applied} if self.applied else {}
        replayed = {"replays": self.replays, "taken_arms": self.taken_arms} if self.replays else {}
        return {
            "module": self.module,
            "pattern_key": self.pattern_key,
            "action_category": self.action_category,
            "at": self.at,
            "scope": self.scope,
            "fraction": self.fraction,
            "leg_rr": self.leg_rr,
            "rr_after": self.rr_after,
            "decision_ids": self.decision_ids,
            "controls": self.controls,
            "counterfactuals": self.counterfactuals,
            "buckets": self.buckets,
            **known,
            **applied,
            **replayed,
        }


def read_action(value: object, latest: datetime | None) -> Action:
    """Parse an action from JSON; it may not be later than `latest`.

    Raises Refused with paths relative to the action.
    """
    fields = Fields(value, KEYS)
    action = Action(
        module=fields.need("module", _module, Module.PM),
        pattern_key=fields.need("pattern_key", read_pattern_key, ""),
        action_category=fields.need("action_category", _category, ActionCategory.ENTRY),
        at=fields.need("at", parse_moment, EARLIEST),
        scope=fields.take("scope", read_scope, {}),
        fraction=fields.take("fraction", share, None),
        leg_rr=fields.take("leg_rr", finite, None),
        rr_after=fields.take("rr_after", finite, None),
        known_at=fields.take("known_at", parse_moment, None),
        decision_ids=fields.take("decision_ids", _decision_ids, ()),
        applied=fields.take("applied", read_applied, {}),
        controls=fields.take("controls", _controls, {}),
        counterfactuals=fields.take("counterfactuals", _counterfactuals, {}),
        buckets={key: grade for key in BUCKETS if (grade := fields.take(key, _grade, None)) is not None},
        replays=fields.take("replays", _replays, {}),
        taken_arms=fields.take("taken_arms", _arms, {}),
    )
    _refuse_contradictions(fields, action, latest)
    _refuse_unknown_arms(fields, action, has_replays=isinstance(value, dict) and value.get("replays") is not None)
    fields.close()
    return action


def _refuse_contradictions(fields: Fields, action: Action, latest: datetime | None) -> None:
    category, known = action.action_category, CATEGORIES[action.module]
    if category not in known and fields.sound("module", "action_category"):
        words = ", ".join(known)
        fields.refuse("action_category", f"{category} is no category of module {action.module}; send one of {words}")
    if action.rr_after is not None and category not in SALES and fields.sound("action_category"):
        fields.refuse("rr_after", f"only a trim or an exit is judged by what followed; leave it out of the {category}")
    if latest is not None and fields.sound("at") and action.at > latest:
        fields.refuse("at", "lies after the close of its trade; correct it or the trade's closed_at")
    if action.known_at is not None and fields.sound("at", "known_at") and action.known_at < action.at:
        fields.refuse("known_at", f"lies before the action itself ({utc_text(action.at)}); correct one of them")


def _refuse_unknown_arms(fields: Fields, action: Action, *, has_replays: bool) -> None:
    """Refuse replays without the arm that was taken: what they say of the others could not be compared with it."""
    for lever, arms in action.replays.items():
        taken = action.taken_arms.get(lever)
        if taken is None and fields.sound("taken_arms", f"taken_arms.{lever}"):
            fields.refuse(f"taken_arms.{lever}", "missing; name the arm that was taken, which replays must hold too")
        elif taken is not None and taken not in arms:
            fields.refuse(f"replays.{lever}", f"lacks the arm that was taken, {taken}; send its rr too")
    for lever in action.taken_arms:
        if lever not in action.replays and (action.replays or not has_replays):
            fields.refuse(f"taken_arms.{lever}", "has no replays; send them, or leave it out")


def _decision_ids(value: object) -> tuple[str, ...]:
    found = _read_identifiers(value)
    if len(set(found)) < len(found):
        raise Refused.because("names a decision twice; name each once")
    return found


def read_applied(value: object) -> dict[str, float]:
    """Parse the values of levers that were used, by lever. Raises Refused."""
    applied = _read_used(value)
    for name, used in applied.items():
        if name.endswith(MULTIPLIER) and used <= 0:
            raise Refused.because(f"{used:g} is no multiplier; send what was used, above 0").under(name)
    return applied


_module = member(Module)
_category = member(ActionCategory)
_grade = matching("none|small|medium|large", "one of none, small, medium, large")
_read_identifiers = items(identifier, most=10)
_controls = small_document(deepest=4, largest=16_000)
_lever = matching("[A-Za-z][A-Za-z0-9_]{0,39}", "a lever of 1 to 40 letters, digits or _, beginning with a letter")
_read_used = entries(_lever, finite, most=40)
_counterfactuals = _replays = entries(_lever, entries(text(40), finite, most=40), most=40)
_arms = entries(_lever, text(40), most=40)
