"""Where everything is: sign-in and account, the REST API with its description, and the pages of the three apps.

Pages about a connection live below `/c/<connection>/`; the apps name their own parts of it.
"""

from csp.decorators import csp_update
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

# The one inline style of the page about the API, which a package brings; allowed by its digest and nothing else.
_DOCS_STYLE = "'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='"
_docs = csp_update({"style-src": _DOCS_STYLE})(SpectacularSwaggerSplitView.as_view(url_name="schema"))

handler404 = "config.rest.not_found"
handler500 = "config.rest.failed"

urlpatterns = [
    path("", include("config.web.urls")),
    path("api/v1/", include("config.api")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", _docs, name="api-docs"),
    path("", include("connector.urls")),
    path("", include("coupling.urls")),
    path("", include("syncjobs.urls")),
    path("", include("syncjobs.webhooks.urls")),
    path("", include("syncjobs.notices.urls")),
]
