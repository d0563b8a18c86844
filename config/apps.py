from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The project itself as an app: its commands and its system checks."""

    name = "config"
    verbose_name = "Couplet"

    def ready(self) -> None:
        from django.conf import settings

        from config import checks, demo  # noqa: F401  (registers the checks)
        from config.web import password_again

        password_again.watch_sign_ins()

        if settings.SANDBOX_ENABLED:
            demo.offer_sandbox()
