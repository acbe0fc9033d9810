"""OpenAPI description of API keys: the bearer scheme and, for each operation, the roles that may call it.

It is imported when the app is ready, because drf-spectacular registers extensions when they are imported.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry

from config.access.api.permissions import permissions_of
from config.access.keys import roles_with


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the package has no types
    """The security scheme of API keys."""

    target_class = "config.access.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of one role: `Bearer cw_…`"}


class RoleSchema(AutoSchema):
    """Adds to each operation's description the roles of keys that may call it."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any] | None:
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        required = permissions_of(self.view, method)
        if operation is not None and required:
            roles = roles_with(*required)
            only_own = set(roles) - set(roles_with(required[0]))
            keys = f"Keys: {', '.join(f'{each} (its own)' if each in only_own else each for each in roles)}."
            operation["description"] = "\n\n".join(filter(None, [operation.get("description"), keys]))
        return operation
