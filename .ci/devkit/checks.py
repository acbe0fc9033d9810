"""Static checks of the code: all of them run, then every failure is shown."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from .console import Refused, say, step
from .environment import PYTHON, VENV
from .processes import Command, capture

# A deployment like that of .env.example: two roles, a long key, HTTPS behind a proxy. No check connects to anything.
DEPLOYED = (
    f"SECRET_KEY={secrets.token_urlsafe(50)}",
    "DATABASE_URL=postgres://counterweight_app:password@127.0.0.1:5432/counterweight",
    "DATABASE_OWNER_URL=postgres://counterweight_owner:password@127.0.0.1:5432/counterweight",
    "DEBUG=false",
    "HTTPS=true",
)
CHECKS: dict[str, Command] = {
    "ruff": [VENV / "bin" / "ruff", "check"],
    "ruff format": [VENV / "bin" / "ruff", "format", "--check"],
    "mypy": [PYTHON, "-m", "mypy"],
    "import contracts": [VENV / "bin" / "lint-imports"],
    "system checks": [PYTHON, "manage.py", "check"],
    "deployment checks": ["env", *DEPLOYED, PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
}


def run_all(env: Mapping[str, str]) -> int:
    """Run every check and return the exit code: 1 if any failed."""
    failures = {}
    for name, command in CHECKS.items():
        try:
            with step(name):
                capture(command, env)
        except Refused as refusal:
            failures[name] = str(refusal)
    for name, failure in failures.items():
        say(f"\n--- {name}\n{failure}")
    say(f"{len(CHECKS) - len(failures)} of {len(CHECKS)} checks passed")
    return 1 if failures else 0
