"""Migrations run from nothing to the newest tables and back to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).parents[2]
APPS = ("access", "learning", "overrides", "telemetry")

SCRIPT = f"""
import django; django.setup()
from django.core.management import call_command
from django.db import connection

def ours():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace NOT IN "
                       "('pg_catalog'::regnamespace, 'information_schema'::regnamespace)")
        return {{name for (name,) in cursor if not name.startswith(("django_", "auth_", "axes_"))}}

def left_over():
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL "
                       "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|public|information_schema)'")
        return {{name for (name,) in cursor}}

call_command("migrate", verbosity=0)
assert len(ours()) > 20, ours()
for app in {APPS!r}:
    call_command("migrate", app, "zero", verbosity=0)
assert ours() | left_over() == set(), ours() | left_over()
print("there and back")
"""


@pytest.mark.django_db(transaction=True)
def test_run_from_zero_and_back_to_zero() -> None:
    settings = connection.settings_dict
    scratch = f"{settings['NAME']}_scratch"
    login = f"{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}"
    environment = {"DATABASE_URL": f"postgres://{login}/{scratch}", "DJANGO_SETTINGS_MODULE": "config.settings"}
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {scratch}")
        cursor.execute(f"CREATE DATABASE {scratch}")
        try:
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT],
                cwd=ROOT,
                env=os.environ | environment,
                timeout=120,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            cursor.execute(f"DROP DATABASE {scratch} WITH (FORCE)")

    assert done.stdout.strip() == "there and back", done.stderr[-3000:]
