"""Root of the REST API, version 1; each app names its own addresses below it."""

from django.urls import include, path

urlpatterns = [
    path("", include("connector.api.urls")),
    path("", include("coupling.api.urls")),
    path("", include("syncjobs.api.urls")),
]
