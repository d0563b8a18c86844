"""Addresses that the two systems announce changes to."""

from django.urls import path

from syncjobs.webhooks import views

urlpatterns = [
    path("hooks/<uuid:token>/sales/", views.webhook_sales, name="webhook-sales"),
    path("hooks/<uuid:token>/business-central/", views.webhook_business_central, name="webhook-business-central"),
]
