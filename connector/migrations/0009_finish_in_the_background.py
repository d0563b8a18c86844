from django.db import migrations, models


def forget_progress(apps, schema_editor):
    """Finish ran within a request before and left a list; nothing goes on from there."""
    apps.get_model("connector", "SetupDraft").objects.update(progress={})


class Migration(migrations.Migration):
    dependencies = [("connector", "0008_cancel_deleted_orders")]

    operations = [
        migrations.AlterField(
            model_name="setupdraft",
            name="progress",
            field=models.JSONField(blank=True, default=dict, help_text="Finish: its state, who asked, and its steps."),
        ),
        migrations.RunPython(forget_progress, migrations.RunPython.noop),
    ]
