"""Compare the governed rows with what the audit trail says about them, in both directions."""

from __future__ import annotations

from overrides.monitoring.verify_trail.policy_facts import PolicyFacts

__all__ = ["PolicyFacts"]
