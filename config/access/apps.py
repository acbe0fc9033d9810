from importlib import import_module

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "config.access"
    label = "access"
    verbose_name = "Access: keys"

    def ready(self) -> None:
        import_module("config.access.api.schema")  # drf-spectacular registers extensions on import
        # These modules import models, which are available only now.
        post_migrate.connect(import_module("config.access.groups").after_migrate, sender=self)
        import_module("config.access.people_audit").connect_signals()
        user_logged_in.connect(import_module("config.access.logins").note_login)
