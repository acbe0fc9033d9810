"""The audit evidence of a period: requests and votes, what came into force, and the audit trail that proves it."""

from __future__ import annotations

from config.reports.evidence_pack.pack import write_pack, zipped

__all__ = ["write_pack", "zipped"]
