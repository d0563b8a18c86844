from django.apps import AppConfig


class CouplingConfig(AppConfig):
    name = "coupling"
    verbose_name = "What is coupled with what"
    default_auto_field = "django.db.models.BigAutoField"
