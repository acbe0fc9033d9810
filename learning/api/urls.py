"""Routes below /api/v1/. A trailing slash is optional, as in the whole API."""

from django.urls import re_path

from learning.api.cells import CellsView
from learning.api.coefficients import CoefficientsView
from learning.api.lessons import LessonsView

urlpatterns = [
    re_path(r"^cells/?$", CellsView.as_view(), name="cells"),
    re_path(r"^coefficients/?$", CoefficientsView.as_view(), name="coefficients"),
    re_path(r"^lessons/?$", LessonsView.as_view(), name="lessons"),
]
