"""The reference as gunicorn serves it."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from tests.bench.serve_reference import reference  # noqa: E402  # needs Django

application = reference()
