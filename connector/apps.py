from django.apps import AppConfig


class ConnectorConfig(AppConfig):
    name = "connector"
    verbose_name = "Connections to the two systems"
    default_auto_field = "django.db.models.BigAutoField"
