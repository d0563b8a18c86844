from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connector", "0007_hold_dependents"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="cancel_deleted_orders",
            field=models.BooleanField(
                default=False,
                help_text="Orders deleted in Business Central are cancelled in Sales instead of given back.",
            ),
        ),
    ]
