"""Makes the site of this package the admin's; it stands in for `django.contrib.admin` among the installed apps."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ReadableAdminConfig(AdminConfig):
    default_site = "telemetry.foundation.admin.site.Site"
