"""Where everything is: sign-in, the REST API with its description, and the pages of the three apps.

Pages about a connection live below `/c/<connection>/`; the apps name their own parts of it.
"""

from importlib.util import find_spec

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

urlpatterns = [
    path("", include("config.web.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]
for prefix, module in (
    ("api/v1/", "config.api"),
    ("", "connector.urls"),
    ("", "coupling.urls"),
    ("", "syncjobs.urls"),
):
    if find_spec(module):
        urlpatterns.append(path(prefix, include(module)))
