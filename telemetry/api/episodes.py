"""`/api/v1/telemetry/episodes/`: record episodes of gates, with one receipt each, list them, and return one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from telemetry.api.batches import payloads_of, refused_receipt
from telemetry.api.episode_schema import (
    CHANCES,
    EXAMPLE_EPISODE,
    EpisodeBrief,
    EpisodeFact,
    EpisodeReceiptsSerializer,
    EpisodeSerializer,
)
from telemetry.api.own_rows import EPISODES
from telemetry.api.pattern_fields import PATTERN
from telemetry.core.episodes import Episode, EpisodeType, parse_episode
from telemetry.core.gate_windows import WindowOutcome
from telemetry.foundation.api.idempotency import IDEMPOTENCY_KEY, idempotent
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, narrowed, one_of, period, query, words
from telemetry.foundation.api.schema_parts import named_id, problems, sent
from telemetry.foundation.api.time_limits import bounded_reading, write_time_limit
from telemetry.foundation.core.fields import identifier, parse_moment, text
from telemetry.foundation.core.refusal import Refusal, Refused, join, refusals_as_json
from telemetry.models import Episode as EpisodeRow
from telemetry.models import EpisodeWindow
from telemetry.recording.record_episodes import EpisodeReceipt, record_episodes

MOST_EPISODES = 1000
OF_WINDOWS: Filters = {
    "pattern_key": PATTERN["pattern_key"],
    "action_category": one_of("action_category", CHANCES, "of one of its windows"),
}
OF_EPISODES: Filters = {
    "episode_type": one_of("episode_type", [each.value for each in EpisodeType], "what its windows are chances of"),
    "outcome": one_of("outcome", [each.value for each in WindowOutcome], "what became of it"),
    "book": words("book", "such as paper or live", longest=40),
    "symbol": words("symbol", "as it was recorded", longest=60),
    **period("ended_at", "ended at"),
}
FILTERS: Filters = {**OF_WINDOWS, **OF_EPISODES}


@extend_schema_view(
    get=list_schema(
        "list_episodes",
        "Recorded episodes as they stand, last ended first",
        EpisodeBrief,
        FILTERS,
        "pattern_key and action_category select episodes that have such a window.",
    )
)
class EpisodesView(ListView):
    """List recorded episodes; record submitted ones and return one receipt per episode."""

    required_permission = {"GET": "telemetry.view_episode", "POST": "telemetry.add_episode"}
    own_rows = EPISODES
    filters = FILTERS
    order = {"ended_at": parse_moment, "id": identifier}
    rows = EpisodeRow.objects.current()
    document = EpisodeBrief

    def selected(self, chosen: Mapping[str, Any], **path: Any) -> QuerySet[EpisodeRow]:
        of_episodes = {name: value for name, value in chosen.items() if name in OF_EPISODES}
        of_windows = {name: value for name, value in chosen.items() if name in OF_WINDOWS}
        episodes = narrowed(self.rows.all(), OF_EPISODES, of_episodes)
        if not of_windows:
            return episodes
        windows = EpisodeWindow.objects.filter(episode=OuterRef("pk"))
        return episodes.filter(Exists(narrowed(windows, OF_WINDOWS, of_windows)))

    @extend_schema(
        operation_id="record_episodes",
        summary="Record episodes of gates",
        description=(
            "One episode or a list of up to 1,000, each after its end. Windows hold the thresholds in force and up to "
            "12 samples, those of windows in which no gate opened too: without near misses nothing can be learned "
            "about looser gates. Safe to repeat, as trades are; what acting would have earned may follow as a "
            "correction. Good episodes are recorded even where others are refused, so read `results`."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=PolymorphicProxySerializer(
            component_name="EpisodeOrEpisodes",
            serializers=[EpisodeSerializer, EpisodeSerializer(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        examples=[sent("One episode", EXAMPLE_EPISODE, "A window that was not entered, and what entering would earn.")],
        responses={200: EpisodeReceiptsSerializer, **problems(400, 408, 409, 411, 413, 415, 422, 503)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        query(request).close()
        now = datetime.now(UTC)
        payloads = payloads_of(request.data, "episode", MOST_EPISODES)
        readings = [_read(payload, place, now) for place, payload in payloads]
        key: Any = request.auth
        with write_time_limit():
            sound = [each for each in readings if isinstance(each, Episode)]
            receipts = iter(record_episodes(sound, now=now, key=key.prefix))
        results = []
        for index, ((place, payload), reading) in enumerate(zip(payloads, readings, strict=True)):
            if isinstance(reading, Refused):
                receipt = refused_receipt(payload, place, reading, "episode_id")
            else:
                receipt = _received(next(receipts), place)
            results.append({"index": index, **receipt})
        return Response({"results": results})


class EpisodeView(APIView):
    """Return one episode with its windows."""

    required_permission = "telemetry.view_episode"
    own_rows = EPISODES

    @extend_schema(
        operation_id="get_episode",
        summary="One episode with its windows",
        parameters=[named_id("episode_id", OpenApiTypes.STR, "the bot's own name for it; it may hold slashes")],
        responses={200: EpisodeFact, **problems(400, 404, 503)},
    )
    def get(self, request: Request, episode_id: str) -> Response:
        query(request).close()
        absent = NotFound(
            "no episode of this episode_id is recorded; GET /api/v1/telemetry/episodes/ lists those that are"
        )
        try:
            text(200)(episode_id)
        except Refused:  # no episode can have such a name
            raise absent from None
        with bounded_reading():
            seen = self.own_rows.of(EpisodeRow.objects.current().prefetch_related("windows"), request)
            episode = seen.filter(episode_id=episode_id).first()
            if episode is None:
                raise absent
            return Response(EpisodeFact(episode).data)


def _read(payload: object, place: str, now: datetime) -> Episode | Refused:
    try:
        return parse_episode(payload, gates=settings.GATES, now=now, field=place)
    except Refused as refused:
        return refused


def _received(receipt: EpisodeReceipt, place: str) -> dict[str, Any]:
    return {
        "episode_id": receipt.episode_id,
        "revision": receipt.revision,
        "status": receipt.status.value,
        "errors": refusals_as_json([Refusal(join(place, each.field), each.message) for each in receipt.refusals]),
    }
