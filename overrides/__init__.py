"""Policy: which adjustments are in force, who agreed to them, and what they answer.

Owns overrides, versions, change requests, mandates and the compiled engine that serves levers.
Verbs: review, publish, mode, resolve, replay, score, monitor, what_if.
Imports telemetry only; it serves, scores and monitors with learning switched off."""
