"""Composes the three apps into one service; nobody imports it.

Owns settings, the Celery app and its beat table, urls, and what looks at two kinds of truth at once:
`access` (API keys and roles), `pages` (health and home), `demo` (real bars, textbook rules, the story).
May import everything; is imported by nothing.
"""

from config.celery import app as celery_app

__all__ = ["celery_app"]
