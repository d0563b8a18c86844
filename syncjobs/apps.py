from django.apps import AppConfig


class SynchJobsConfig(AppConfig):
    name = "syncjobs"
    verbose_name = "How it is kept in step"
    default_auto_field = "django.db.models.BigAutoField"
