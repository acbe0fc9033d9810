"""The project: composes the three apps into one service. It may import everything, and no app imports it.

It holds the settings, the Celery app with its beat table, the routes, and everything that combines several apps:
`access` (API keys, roles, logins), `api` (health, schema, documentation), `desk` (start page, coverage, evidence of a
request), `operations` (logs, health), `reports` (exports, evidence pack) and `demo` (market data and a demo run).
"""

from config.celery import app as celery_app

__all__ = ["celery_app"]
