from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "config.imports"
    label = "imports"
