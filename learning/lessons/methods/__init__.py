"""The learning methods: one module for each method, and the registry of both."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from learning.lessons.methods.evidence import EVIDENCE
from learning.lessons.methods.method import Method
from learning.lessons.methods.plan import PLAN
from overrides.core.engine.definitions.vocabulary import LearningMethod

METHODS: Mapping[LearningMethod, Method] = MappingProxyType({method.name: method for method in (PLAN, EVIDENCE)})
