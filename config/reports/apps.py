from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "config.reports"
    label = "reports"
