from django.apps import AppConfig


class CouplingConfig(AppConfig):
    name = "coupling"
    verbose_name = "What is coupled with what"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from coupling.services.provisioning import subscribe_to_connections

        subscribe_to_connections()
