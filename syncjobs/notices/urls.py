"""The page Status."""

from django.urls import path

from syncjobs.notices import views

urlpatterns = [
    path("accounts/me/notices/", views.account_notices, name="account-notices"),
    path("c/<slug:connection>/status/", views.status, name="status"),
    path(
        "c/<slug:connection>/status/targets/<int:pk>/delete/", views.status_target_delete, name="status-target-delete"
    ),
]
