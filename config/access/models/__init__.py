"""Tables of access: API keys, and every name that a person has had."""

from config.access.models.keys import ApiKey
from config.access.models.names import PersonName

__all__ = ["ApiKey", "PersonName"]
