"""Routes of overrides below /api/v1/. A trailing slash is optional: a redirect would lose the body of a POST."""

from django.urls import re_path

from overrides.api.earned import EarnedView
from overrides.api.explored import ExploredLeversView
from overrides.api.local_decisions import DecisionsView
from overrides.api.modes import ModesView
from overrides.api.overrides import OverridesView, OverrideView
from overrides.api.requests import RequestLinesView, RequestsView, RequestView
from overrides.api.resolve import ResolveView
from overrides.api.scorecards import ScorecardsView, ScorecardView
from overrides.api.snapshot import SnapshotView
from overrides.api.unknown_dimensions import UnknownDimensionsView
from overrides.api.versions import ActiveVersionView, VersionsView, VersionView
from overrides.api.weekly_reports import WeeklyReportsView, WeeklyReportView

urlpatterns = [
    re_path(r"^decisions/?$", DecisionsView.as_view(), name="decisions"),
    re_path(r"^levers/resolve/?$", ResolveView.as_view(), name="resolve"),
    re_path(r"^snapshot/?$", SnapshotView.as_view(), name="snapshot"),
    re_path(r"^overrides/?$", OverridesView.as_view(), name="overrides"),
    re_path(r"^overrides/(?P<override_id>[0-9a-f]{64})/?$", OverrideView.as_view(), name="override"),
    re_path(r"^versions/?$", VersionsView.as_view(), name="versions"),
    re_path(r"^versions/(?P<module>dm|pm)/active/?$", ActiveVersionView.as_view(), name="active_version"),
    re_path(r"^versions/(?P<module>dm|pm)/(?P<number>[0-9]{1,9})/?$", VersionView.as_view(), name="version"),
    re_path(r"^requests/?$", RequestsView.as_view(), name="requests"),
    re_path(r"^requests/(?P<request_id>[0-9]{1,18})/?$", RequestView.as_view(), name="request"),
    re_path(r"^requests/(?P<request_id>[0-9]{1,18})/lines/?$", RequestLinesView.as_view(), name="request_lines"),
    re_path(r"^scorecards/?$", ScorecardsView.as_view(), name="scorecards"),
    re_path(r"^scorecards/(?P<scorecard_id>[0-9a-f]{64})/?$", ScorecardView.as_view(), name="scorecard"),
    re_path(r"^dimensions/unknown/?$", UnknownDimensionsView.as_view(), name="dimensions_unknown"),
    re_path(r"^earned/?$", EarnedView.as_view(), name="earned"),
    re_path(r"^explored-levers/?$", ExploredLeversView.as_view(), name="explored_levers"),
    re_path(r"^weekly-reports/?$", WeeklyReportsView.as_view(), name="weekly_reports_api"),
    re_path(
        r"^weekly-reports/(?P<week>[0-9]{4}-W[0-9]{2})/(?P<revision>[0-9]{1,9})/?$",
        WeeklyReportView.as_view(),
        name="weekly_report_api",
    ),
    re_path(r"^modes/?$", ModesView.as_view(), name="modes"),
]
