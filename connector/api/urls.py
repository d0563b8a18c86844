"""Addresses of connections in the REST API."""

from django.urls import path

from connector.api import views

urlpatterns = [
    path("connections/", views.ConnectionsView.as_view(), name="api-connection-list"),
    path("connections/<slug:connection>/", views.ConnectionView.as_view(), name="api-connection-detail"),
    path("connections/<slug:connection>/test/", views.ConnectionTestView.as_view(), name="api-connection-test"),
    path(
        "connections/<slug:connection>/another/", views.AnotherConnectionView.as_view(), name="api-connection-another"
    ),
    path("connections/<slug:connection>/reset/", views.ConnectionResetView.as_view(), name="api-connection-reset"),
]
