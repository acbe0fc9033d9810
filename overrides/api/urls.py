"""Below /api/v1/. A trailing slash is optional: a redirect would lose the body of a POST."""

from django.urls import re_path

from overrides.api.levers import ResolveView
from overrides.api.versions import ActiveVersionView, VersionsView, VersionView

urlpatterns = [
    re_path(r"^levers/resolve/?$", ResolveView.as_view(), name="resolve"),
    re_path(r"^versions/?$", VersionsView.as_view(), name="versions"),
    re_path(r"^versions/(?P<module>dm|pm)/active/?$", ActiveVersionView.as_view(), name="active_version"),
    re_path(r"^versions/(?P<module>dm|pm)/(?P<number>[0-9]{1,9})/?$", VersionView.as_view(), name="version"),
]
