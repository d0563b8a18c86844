from django.apps import AppConfig


class SynchJobsConfig(AppConfig):
    name = "syncjobs"
    verbose_name = "How it is kept in step"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from connector.wizard import subjects
        from coupling import synchronisation
        from syncjobs.services.provisioning import subscribe_to_connections
        from syncjobs.services.setup_subjects import SetupSubjects
        from syncjobs.services.synchronisation import Synchronisation
        from syncjobs.webhooks.provisioning import subscribe_to_connections as webhooks

        synchronisation.register(Synchronisation())
        subjects.register(SetupSubjects())
        subscribe_to_connections()
        webhooks()
