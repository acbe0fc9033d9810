"""Statements for the application role, shared by the migrations that grant and revoke."""

from __future__ import annotations

from django.conf import settings
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from psycopg import sql


def application_role(editor: BaseDatabaseSchemaEditor) -> str | None:
    """The role to grant to, made where it is missing; None where the owner is the application."""
    role: str = settings.APPLICATION_ROLE
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_user, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
        owner, exists = cursor.fetchone()
        if role == owner:
            return None
        if not exists:
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)).as_string(cursor.cursor))
    return role


def execute_for_role(editor: BaseDatabaseSchemaEditor, statements: str) -> None:
    role = application_role(editor)
    if role is not None:
        with editor.connection.cursor() as cursor:
            cursor.execute(sql.SQL(statements).format(role=sql.Identifier(role)).as_string(cursor.cursor))
