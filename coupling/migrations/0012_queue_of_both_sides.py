"""The work queue has a side: steps name the record's system, its key and its partners' keys."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("coupling", "0011_contacts_by_parent")]

    operations = [
        migrations.RemoveIndex(model_name="queuestep", name="queue_step_skipped"),
        migrations.RenameField(model_name="queuestep", old_name="bc_key", new_name="key"),
        migrations.RenameField(model_name="queuestep", old_name="sales_keys", new_name="partner_keys"),
        migrations.AlterField(
            model_name="queuestep",
            name="partner_keys",
            field=ArrayField(
                base_field=models.UUIDField(), default=list, help_text="Records coupled or ruled out.", size=None
            ),
        ),
        migrations.AddField(
            model_name="queuestep",
            name="system",
            field=models.CharField(
                choices=[("business_central", "Business Central"), ("sales", "Dynamics 365 Sales")],
                default="business_central",
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="queuestep",
            index=models.Index(
                condition=Q(("deed", "skipped"), ("undone", False)),
                fields=["mapping", "key"],
                name="queue_step_skipped",
            ),
        ),
    ]
