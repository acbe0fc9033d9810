from importlib import import_module

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    verbose_name = "Telemetry: what happened"

    def ready(self) -> None:
        import_module("telemetry.foundation.checks")  # registers the system checks
