from importlib import import_module

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "config.access"
    label = "access"
    verbose_name = "Access: keys"

    def ready(self) -> None:
        import_module("config.access.api.schema")  # drf-spectacular finds extensions by their having been imported
        # What these two import needs the models, which are there only now.
        post_migrate.connect(import_module("config.access.groups").after_migrate, sender=self)
        user_logged_in.connect(import_module("config.access.logins").note_login)
