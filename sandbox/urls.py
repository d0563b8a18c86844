"""The pages that Django serves: acting as a Sales user and as an order processor."""

from importlib.util import find_spec

from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
if find_spec("sandbox.acting.urls") is not None:
    urlpatterns.append(path("", include("sandbox.acting.urls")))
