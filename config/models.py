"""What a person chose for the pages they use."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class ListPreference(models.Model):
    """One person's columns and page size of one list; a list without a row shows its defaults."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="list_preferences")
    list_name = models.CharField(max_length=60)
    columns = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    page_size = models.PositiveSmallIntegerField(default=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "list_name"], name="one_list_preference")]

    def __str__(self) -> str:
        return f"{self.list_name} of {self.user}"


class HiddenBanner(models.Model):
    """A person does not want pages to open with the banner of one kind of trouble (a state of couplings)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="hidden_banners")
    kind = models.CharField(max_length=30)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_hidden_banner")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user}"
