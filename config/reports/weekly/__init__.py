"""The weekly report: what changed, what it earned, what lapsed, what the machine did alone, what waits, and health."""
