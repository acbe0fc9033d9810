"""The WSGI application that gunicorn serves."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.short_handler import ShortHandler  # noqa: E402  # needs Django

application = ShortHandler()
