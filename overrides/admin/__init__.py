"""The admin's pages of policy: what is in force, what is asked for, and the buttons that decide."""

from overrides.admin import decisions, holds, lines, mandates, modes, parameters, policies, requests, versions

__all__ = ["decisions", "holds", "lines", "mandates", "modes", "parameters", "policies", "requests", "versions"]
