"""The audit trail compared with what is stored of policy, in both directions: what each entry says, each row holds."""

from __future__ import annotations

from overrides.monitoring.verify_trail.policy_facts import PolicyFacts

__all__ = ["PolicyFacts"]
