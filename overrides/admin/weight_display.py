"""Weights on admin pages: what an override weighs now, under the parameters in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from overrides.admin.charts.weight_bar import mini_bar
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ChannelParameters, ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.impact.weight_breakdown import Weighing, weigh
from overrides.models import Override
from overrides.versions.acts_today import full_hour
from overrides.versions.load_version import current_parameters
from telemetry.foundation.admin.formatting import badge, number


class Weights:
    """Weighs overrides as of one hour; the parameters of a module are read once, unless they are passed as `known`."""

    def __init__(self, at: datetime, *known: ModuleParameters) -> None:
        self._at = full_hour(at)
        self._parameters = {parameters.module: parameters for parameters in known}

    def channel_of(self, spec: OverrideSpec) -> ChannelParameters:
        """Return the parameters of an override's channel."""
        if spec.module not in self._parameters:
            self._parameters[spec.module] = current_parameters(spec.module)
        channels = self._parameters[spec.module].channels
        return next(each for channel, each in channels.items() if channel is spec.channel)

    def of(self, override: Override) -> Weighing:
        """Return the weighing of an override."""
        spec = override.spec
        return weigh(spec, self.channel_of(spec).weights, self._at)

    def acts(self, override: Override) -> bool:
        """Return whether the combiner of the override's channel lets it take part."""
        spec = override.spec
        channel = self.channel_of(spec)
        if channel.combiner is Combiner.PLAN:
            return weigh(spec, channel.weights, self._at).acts
        return not _is_stale(channel, weigh(spec, channel.weights, self._at))

    def acts_today(self, override: Override) -> SafeString:
        """Format whether an override in force acts."""
        return badge("in force", "acts") if self.acts(override) else badge("below the floor", "does nothing")

    def words(self, override: Override) -> str:
        """Return in words why the override does nothing; empty if it acts."""
        spec = override.spec
        channel = self.channel_of(spec)
        weighing = weigh(spec, channel.weights, self._at)
        if channel.combiner is not Combiner.PLAN:
            if not _is_stale(channel, weighing):
                return ""
            oldest = f"{channel.weights.max_evidence_age_days:g}"
            return f"Its evidence is older than {oldest} days: it does nothing until newer evidence arrives."
        if weighing.acts:
            return ""
        weight = f"Weight {weighing.total:.4f} is below the minimum of {weighing.floor:g}"
        if weighing.acts_when_fresh:
            return f"{weight}: it does nothing until newer evidence arrives."
        return f"{weight}, and would be with the newest evidence: it does nothing until stronger evidence arrives."

    def bar(self, override: Override) -> SafeString:
        """Format the weight against its floor, as a bar with its number, and in words why it does nothing."""
        words = self.words(override)
        bar = self._bar(override)
        return format_html('{}<div class="cw-quiet cw-small">{}</div>', bar, words) if words else bar

    def _bar(self, override: Override) -> SafeString:
        weighing = self.of(override)
        bar = mini_bar(weighing)
        return format_html(
            '<span class="cw-weight{}"><svg class="cw-mini" viewBox="0 0 {} 12" width="{}" height="12" role="img">'
            '<title>{}</title><rect class="cw-track" width="{}" height="6" y="3"/>'
            '<rect class="cw-bar" width="{}" height="6" y="3"/>'
            '<line class="cw-floor" x1="{}" x2="{}" y1="0" y2="12"/></svg>{}</span>',
            "" if weighing.acts else " cw-light",
            *(f"{bar.whole:.0f}", f"{bar.whole:.0f}"),
            f"weight {weighing.total:.4f}, floor {weighing.floor:g}",
            *(f"{bar.whole:.0f}", f"{bar.width:.1f}", f"{bar.floor:.1f}", f"{bar.floor:.1f}"),
            number(weighing.total, 4),
        )


def _is_stale(channel: ChannelParameters, weighing: Weighing) -> bool:
    """Return whether a combiner that does not weigh excludes the override by the age of its evidence."""
    oldest = channel.weights.max_evidence_age_days if channel.combiner is Combiner.EVIDENCE else None
    return oldest is not None and weighing.age_days > oldest


def levers(values: Mapping[str, float], before: Mapping[str, float] | None = None) -> SafeString:
    """Format lever targets, one per line, with the values they replace if known."""
    names = [name for name in LEVERS if name in values or name in (before or {})]
    return format_html_join(
        "", '<div class="cw-lever">{} {}{}</div>', ((name, *_sides(name, values, before)) for name in names)
    )


def _sides(
    name: str, values: Mapping[str, float], before: Mapping[str, float] | None
) -> tuple[SafeString | str, SafeString]:
    old = format_html("{} → ", number(before[name], 4)) if before is not None and name in before else ""
    return old, number(values[name], 4) if name in values else badge("withdrawn", "dropped")
