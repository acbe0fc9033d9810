"""A script in a process of its own, whose database is empty and belongs to it alone; migrations are tried there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).parents[1]


def run_in_a_new_database(
    script: str, *, is_migrated: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in a new database beside that of the tests, with these variables; it is dropped afterwards.

    The database is empty, or a copy of that of the tests, which is migrated and holds no facts. Run by a test that
    commits: nobody may be connected to what is copied.
    """
    settings = connection.settings_dict
    scratch = f"{settings['NAME']}_scratch"
    login = f"{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}"
    environment = {"DATABASE_URL": f"postgres://{login}/{scratch}", "DJANGO_SETTINGS_MODULE": "config.settings"}
    if is_migrated:
        connection.close()
        connection.creation.clone_test_db("scratch", verbosity=0, autoclobber=True)
    with connection.cursor() as cursor:
        if not is_migrated:
            cursor.execute(f"DROP DATABASE IF EXISTS {scratch}")
            cursor.execute(f"CREATE DATABASE {scratch}")
        try:
            return subprocess.run(
                [sys.executable, "-c", script],
                cwd=ROOT,
                env=os.environ | environment | variables,
                timeout=240,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            cursor.execute(f"DROP DATABASE {scratch} WITH (FORCE)")
