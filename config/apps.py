from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The project itself as an app: its commands and its system checks."""

    name = "config"
    verbose_name = "Couplet"

    def ready(self) -> None:
        from config import checks  # noqa: F401  (registers them)
