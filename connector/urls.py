"""Addresses of the pages about connections."""

from django.urls import path

from connector import views

urlpatterns = [
    path("connections/", views.connection_list, name="connection-list"),
    path("c/<slug:connection>/connection/", views.connection_setup, name="connection-setup"),
    path("c/<slug:connection>/connection/test/", views.connection_test, name="connection-test"),
]
