"""Routes of OpenFeature's remote evaluation protocol below /ofrep/v1/."""

from django.urls import re_path

from overrides.api.ofrep import FlagsView, FlagView

urlpatterns = [
    re_path(r"^evaluate/flags/?$", FlagsView.as_view(), name="evaluate_flags"),
    re_path(r"^evaluate/flags/(?P<key>.{1,200}?)/?$", FlagView.as_view(), name="evaluate_flag"),
]
