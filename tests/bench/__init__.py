"""Benchmarks of what the product promises about speed and learning; each module is a `./dev bench NAME`."""

from __future__ import annotations

import os

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not apps.ready:  # pytest has set up Django already
    django.setup()
