"""The evidence of a period: who asked, who agreed, what came into force, and the audit trail that tells of it."""

from __future__ import annotations

from config.reports.evidence_pack.pack import write_pack, zipped

__all__ = ["write_pack", "zipped"]
