"""Serializers of the governed state: overrides with their weights, versions and serving modes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from overrides.models import CHANNELS, POLICIES, Membership, ModuleMode, Version
from telemetry.api.pattern_fields import CATEGORIES, MODULES, ScopeField, pattern_key


class StatsSerializer(serializers.Serializer[Any]):
    """The statistics that an override rests on."""

    edge_raw = serializers.FloatField(help_text="mean outcome less the baseline, in R")
    n = serializers.FloatField(min_value=0, help_text="trades, or what a judgement is worth in trades")
    variance = serializers.FloatField(min_value=0, help_text="R²")
    half_life_days = serializers.FloatField()
    updated_at = serializers.DateTimeField(help_text="close of the newest trade behind it")


class LeversSerializer(serializers.Serializer[Any]):
    """The lever targets of an override, by group."""

    capital_levers = serializers.DictField(child=serializers.FloatField(), required=False)
    execution_levers = serializers.DictField(child=serializers.FloatField(), required=False)


class OverrideSerializer(serializers.Serializer[Any]):
    """An override. Its `id` is the sha256 of its content; if left out, it is computed."""

    id = serializers.CharField(required=False)
    type = serializers.ChoiceField([name for name, _ in CHANNELS])
    policy = serializers.ChoiceField([name for name, _ in POLICIES])
    module = serializers.ChoiceField(MODULES)
    pattern_key = pattern_key()
    action_category = serializers.ChoiceField(CATEGORIES)
    scope = ScopeField()
    stats = StatsSerializer()
    levers = LeversSerializer()
    promise = serializers.DictField(
        child=serializers.FloatField(), required=False, help_text="predicted, sd, mu0, s_p: what it is scored against"
    )


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """The versions in which an override is in force, and where its ramp began."""

    path_from = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, help_text="where its ramp began; null: it applied at once"
    )

    class Meta:
        model = Membership
        fields: tuple[str, ...] = ("from_version", "to_version", "path_from", "path_since")


class OverrideInForceSerializer(MembershipSerializer):
    """An override as part of a version, in force from `from_version` until before `to_version`."""

    line = serializers.CharField(source="line_id")
    source = serializers.CharField(source="override.source", help_text="where it came from")  # type: ignore[assignment]  # a declared field
    override = serializers.SerializerMethodField()

    class Meta(MembershipSerializer.Meta):
        fields = ("line", "source", "override", *MembershipSerializer.Meta.fields)

    @extend_schema_field(OverrideSerializer)
    def get_override(self, membership: Membership) -> dict[str, Any]:
        return membership.override.spec.to_document()


class FactorSerializer(serializers.Serializer[Any]):
    """One factor of a weight."""

    name = serializers.CharField()
    rests_on = serializers.CharField()
    value = serializers.FloatField()
    product = serializers.FloatField(help_text="of the factors up to this one")


class WeighingSerializer(serializers.Serializer[Any]):
    """The weight of an override now, under the parameters in force. Below the floor the override is excluded."""

    evaluated_at = serializers.DateTimeField()
    combiner = serializers.CharField(help_text="weights count under the combiner `plan` alone")
    factors = FactorSerializer(many=True)
    total = serializers.FloatField()
    fresh = serializers.FloatField(help_text="without decay")
    floor = serializers.FloatField()
    acts = serializers.BooleanField()
    age_days = serializers.FloatField()
    meets_floor_at_days = serializers.FloatField(allow_null=True, help_text="age at which it is excluded; null: never")


class WholeOverrideSerializer(serializers.Serializer[Any]):
    """One immutable revision of a line, with its current weight and the versions that contain it."""

    line = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a declared field
    created_at = serializers.DateTimeField()
    is_in_force = serializers.BooleanField()
    override = OverrideSerializer()
    weighing = WeighingSerializer()
    memberships = MembershipSerializer(many=True)


class VersionSummary(serializers.ModelSerializer[Version]):
    """A version without its content."""

    class Meta:
        model = Version
        fields = (
            "id", "module", "number", "is_active", "kind", "n_overrides", "content_hash", "published_at",
            "published_by",
        )  # fmt: skip


class ArmSerializer(serializers.Serializer[Any]):
    """What is explored of a lever."""

    alternative = serializers.FloatField(help_text="the value served instead")
    probability = serializers.FloatField(help_text="that a position of the share gets it")
    share_percent = serializers.FloatField(help_text="the share of positions that are explored")
    rr_per_week = serializers.FloatField(help_text="what exploring may cost in a week of UTC, in R")
    rr_per_position = serializers.FloatField(help_text="reserved of it for each position with the alternative, in R")


class ModeSerializer(serializers.Serializer[ModuleMode]):
    """The serving mode of a module. `revision` is 0 if no mode was ever set; the module is then off."""

    module = serializers.ChoiceField(MODULES)
    mode = serializers.ChoiceField(["off", "shadow", "on"])
    rollout_percent = serializers.FloatField()
    allow = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    challenger = serializers.IntegerField(allow_null=True, help_text="a version answered beside the served one")
    holdback_percent = serializers.FloatField(help_text="the share of positions that are answered neutral")
    arms = serializers.DictField(child=ArmSerializer(), help_text="lever → what is explored of it")
    active_version = serializers.IntegerField(allow_null=True)
    revision = serializers.IntegerField()
    changed_at = serializers.DateTimeField(allow_null=True)
    changed_by = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)


class ModesSerializer(serializers.Serializer[Any]):
    """The serving modes of all modules."""

    results = ModeSerializer(many=True)
