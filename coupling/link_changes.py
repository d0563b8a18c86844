"""The history of links between records: who coupled, moved or uncoupled what, with what it takes to undo it."""

from django.conf import settings
from django.db import models

from coupling.choices import LinkChange
from coupling.fields import WireValuesField


class CouplingChange(models.Model):
    """Somebody coupled, moved or uncoupled a pair: the history of its link, and what it takes to put it back.

    `before` holds the coupling's columns as they were; empty for a new one. `job_id` is the first synchronisation that
    came with it, or the job that takes the company marker away. Changes of one deed share `deed`.
    """

    connection = models.ForeignKey("connector.Connection", on_delete=models.CASCADE, related_name="coupling_changes")
    mapping = models.ForeignKey("coupling.TableMapping", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=LinkChange.choices)
    deed = models.UUIDField(db_index=True)
    bc_key = models.UUIDField()
    sales_key = models.UUIDField()
    before = WireValuesField()
    job_id = models.BigIntegerField(null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["mapping", "bc_key", "-id"], name="coupling_change_bc"),
            models.Index(fields=["mapping", "sales_key", "-id"], name="coupling_change_sales"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.mapping}: {self.bc_key} / {self.sales_key}"
