"""What a comparison of two engines measures: the levers, and the coefficient product of dm as one more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from overrides.core.engine.definitions.coefficients import HIGHEST, LOWEST
from overrides.core.engine.definitions.levers import LEVERS, Lever
from overrides.core.engine.definitions.vocabulary import Blend, Channel

_ALLOC = LEVERS["alloc_mult"]

# No override moves the product and no bot names it, so the registry has no row for it. It scales what alloc_mult does.
PRODUCT = Lever(
    name="coefficient product",
    channel=Channel.DM_ALLOC,
    blend=Blend.LOG,
    neutral=1.0,
    low=LOWEST,
    high=HIGHEST,
    max_step=_ALLOC.max_step,
    categories=_ALLOC.categories,
    scales_on=_ALLOC.scales_on,
)
MEASURED: Mapping[str, Lever] = MappingProxyType({**LEVERS, PRODUCT.name: PRODUCT})
