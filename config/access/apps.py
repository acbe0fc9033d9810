from importlib import import_module

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "config.access"
    label = "access"
    verbose_name = "Access: keys"

    def ready(self) -> None:
        import_module("config.access.schema")  # drf-spectacular finds extensions by their having been imported
