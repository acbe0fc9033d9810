"""Admin pages of access: API keys, people and groups."""

from config.access.admin import keys, people

__all__ = ["keys", "people"]
