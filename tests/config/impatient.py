"""The Celery app with a beat table that ticks every second: `celery -A tests.config.impatient beat`."""

from config.celery import BEAT, app

app.conf.beat_schedule = {"publish due": BEAT["publish due"] | {"schedule": 1.0}}
