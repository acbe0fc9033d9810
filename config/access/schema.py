"""How the schema describes keys: the bearer scheme, and per operation the roles that may call it.

Imported when the app is ready: drf-spectacular knows extensions by their having been imported.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from config.access.keys import roles_with
from config.access.permissions import permission_of


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the package has no types
    target_class = "config.access.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of one role: `Bearer cw_…`"}


class RoleSchema(AutoSchema):
    """Adds to each operation's description which keys may call it."""

    def get_description(self) -> str:
        required = permission_of(self.view, self.method)
        roles = "" if required is None else f"Keys: {', '.join(roles_with(required))}."
        return "\n\n".join(filter(None, [super().get_description(), roles]))
