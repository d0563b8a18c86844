"""Addresses of the pages about connections."""

from django.urls import path

from connector import security_views, team_views, views
from connector.wizard import side_views
from connector.wizard import views as wizard

urlpatterns = [
    path("connections/", views.connection_list, name="connection-list"),
    path("c/<slug:connection>/connection/", views.connection_setup, name="connection-setup"),
    path("c/<slug:connection>/connection/test/", views.connection_test, name="connection-test"),
    path("c/<slug:connection>/connection/test/report/", security_views.connection_report, name="connection-report"),
    path(
        "c/<slug:connection>/connection/certificate/",
        security_views.connection_certificate,
        name="connection-certificate",
    ),
    path(
        "c/<slug:connection>/connection/components/",
        security_views.connection_components,
        name="connection-components",
    ),
    path("c/<slug:connection>/connection/team/", team_views.connection_team, name="connection-team"),
    path("encryption/", security_views.hub_encryption, name="encryption"),
    path("encryption/rotate/", security_views.hub_encryption_rotate, name="encryption-rotate"),
    path("c/<slug:connection>/setup/", wizard.setup_start, name="setup-start"),
    path("c/<slug:connection>/setup/certificate/", side_views.setup_certificate, name="setup-certificate"),
    path("c/<slug:connection>/setup/demo/", side_views.setup_demo, name="setup-demo"),
    path("c/<slug:connection>/setup/discard/", side_views.setup_discard, name="setup-discard"),
    path("c/<slug:connection>/setup/step/<slug:step>/", wizard.setup_step, name="setup-step"),
]
