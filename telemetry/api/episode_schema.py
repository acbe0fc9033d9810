"""OpenAPI description of episodes and receipts; `core.episodes` validates, and the facts are read from rows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from telemetry.api.pattern_fields import ScopeField, pattern_key
from telemetry.core.episodes import MOST_WINDOWS, EpisodeType, State
from telemetry.core.gate_windows import WindowOutcome
from telemetry.core.read_gate_window import LAST_RETEST, MOST_SAMPLES
from telemetry.core.trades import LAST_REVISION
from telemetry.foundation.api.schema_parts import RefusalSerializer, number, words
from telemetry.models import Episode, EpisodeWindow
from telemetry.recording.revisions import Status

CHANCES = ("entry", "add", "trim")


def _numbers(help_text: str, *, required: bool = True) -> serializers.DictField:
    return serializers.DictField(child=serializers.FloatField(), required=required, help_text=help_text)


def _moment(help_text: str) -> serializers.DateTimeField:
    return serializers.DateTimeField(required=False, allow_null=True, help_text=help_text)


class SampleSerializer(serializers.Serializer[Any]):
    """What the bot saw at one moment of a window."""

    at = serializers.DateTimeField(help_text="with its offset, inside the window")
    scores = _numbers("name → value, such as ts, dx, edx, ox; those of all considered levers")
    gates = serializers.DictField(
        child=serializers.BooleanField(),
        required=False,
        allow_null=True,
        help_text="gates without a lever → whether they were open",
    )
    rr = number("what acting at this moment earned or would have earned; of a trim: minus what followed")


class WindowSerializer(serializers.Serializer[Any]):
    """A stretch of time in which the bot might have acted. Send those too in which no gate opened."""

    window_id = words(200, "unique within its episode", required=True)
    pattern_key = pattern_key()
    action_category = serializers.ChoiceField(CHANCES, help_text="s1_entry: entry; s3_retest: add or trim")
    scope = serializers.DictField(
        child=serializers.CharField(), required=False, allow_null=True, help_text="dimension → value"
    )
    retest_index = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=LAST_RETEST)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    thresholds = _numbers("lever → threshold in force; levers of the registry only")
    samples = serializers.ListField(child=SampleSerializer(), min_length=1, max_length=MOST_SAMPLES)
    entered_at = _moment("the time of the sample at which the bot acted; without it, it did not")
    trimmed_at = _moment("when what was bought was first trimmed; kept, not judged by")
    known_at = _moment("when the last rr of its samples was known; needed with an rr, and only then")
    blocked_by = serializers.ListField(
        child=serializers.CharField(), required=False, allow_null=True, help_text="follows from the samples; checked"
    )
    outcome = serializers.ChoiceField(
        [each.value for each in WindowOutcome],
        required=False,
        allow_null=True,
        help_text="follows from entered_at and rr; checked",
    )


class EpisodeSerializer(serializers.Serializer[Any]):
    """An episode that has ended. A correction repeats the episode_id with the next `revision` and a reason."""

    episode_id = words(200, "the bot's own name for it", required=True)
    revision = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LAST_REVISION, default=1
    )
    correction_reason = words(2000, "needed from revision 2 on, and only then")
    episode_type = serializers.ChoiceField([each.value for each in EpisodeType])
    book = serializers.RegexField(
        "^[a-z0-9_-]{1,40}$", required=False, allow_null=True, default="paper", help_text="such as paper, live"
    )
    source = words(200, "which bot or file it came from")  # type: ignore[assignment]  # a declared field
    symbol = words(60, required=True)
    side = serializers.ChoiceField(["long", "short"], required=False, allow_null=True)
    timeframe = words(40)
    cluster_id = words(200, "episodes of one cluster count once")
    trade_id = words(200, "external id of the trade made in it, if one was")
    started_at = serializers.DateTimeField(help_text="with its offset")
    ended_at = serializers.DateTimeField(help_text="with its offset, not in the future")
    ended_in = serializers.ChoiceField([each.value for each in State], required=False, allow_null=True)
    excluded_reason = words(2000, "keeps the episode out of learning")
    windows = serializers.ListField(child=WindowSerializer(), min_length=1, max_length=MOST_WINDOWS)


class EpisodeReceiptSerializer(serializers.Serializer[Any]):
    """What became of one submitted episode."""

    index = serializers.IntegerField(help_text="position in the list that was sent")
    episode_id = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField([status.value for status in Status])
    errors = RefusalSerializer(many=True)  # type: ignore[assignment]  # a declared field


class EpisodeReceiptsSerializer(serializers.Serializer[Any]):
    """One receipt per submitted episode, in order."""

    results = EpisodeReceiptSerializer(many=True)


class EpisodeBrief(serializers.ModelSerializer[Episode]):
    """An episode as it stands, without its windows."""

    class Meta:
        model = Episode
        fields: tuple[str, ...] = (
            "episode_id", "revision", "correction_reason", "episode_type", "book", "source", "symbol", "side",
            "timeframe", "cluster_id", "trade_id", "started_at", "ended_at", "ended_in", "entered", "outcome",
            "excluded_reason", "recorded_at",
        )  # fmt: skip


class WindowFact(serializers.ModelSerializer[EpisodeWindow]):
    """One window; `samples` are columns, one list for each name."""

    scope = ScopeField()
    thresholds = serializers.DictField(child=serializers.FloatField(), help_text="lever → threshold in force")
    blocked_by = serializers.ListField(child=serializers.CharField(), help_text="gates shut at decided_at")
    samples = serializers.DictField(help_text="at, scores, gates, rr: columns")

    class Meta:
        model = EpisodeWindow
        fields = (
            "window_id", "pattern_key", "action_category", "scope", "retest_index", "started_at", "ended_at",
            "decided_at", "entered_at", "trimmed_at", "known_at", "rr", "outcome", "thresholds", "blocked_by",
            "samples",
        )  # fmt: skip


class EpisodeFact(EpisodeBrief):
    """An episode as it stands, with its windows."""

    windows = WindowFact(many=True)

    class Meta(EpisodeBrief.Meta):
        fields = (*EpisodeBrief.Meta.fields, "windows")


_CHANCE = {
    "window_id": "w1",
    "pattern_key": "ema.long.retest",
    "action_category": "add",
    "scope": {"macro_phase": "Good", "timeframe": "1h"},
    "started_at": "2024-05-01T10:00:00Z",
    "ended_at": "2024-05-01T16:00:00Z",
    "thresholds": {"min_ts_for_add": 0.6},
    "samples": [
        {"at": "2024-05-01T11:00:00Z", "scores": {"ts": 0.52}, "gates": {"slope_ok": True}, "rr": 0.9},
        {"at": "2024-05-01T14:00:00Z", "scores": {"ts": 0.58}, "gates": {"slope_ok": True}, "rr": 0.7},
    ],
    "known_at": "2024-05-03T09:00:00Z",
}
EXAMPLE_EPISODE = {
    "episode_id": "bot-1:BTC:s3:2024-05-01T08",
    "episode_type": "s3_retest",
    "symbol": "BTC/USDT",
    "side": "long",
    "timeframe": "1h",
    "started_at": "2024-05-01T08:00:00Z",
    "ended_at": "2024-05-02T20:00:00Z",
    "ended_in": "s0",
    "windows": [_CHANCE],
}
