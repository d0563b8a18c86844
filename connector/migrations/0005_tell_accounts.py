from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connector", "0004_maintenance_retention_and_own_notices")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="tell_accounts",
            field=models.BooleanField(default=True, help_text="Posted orders are told on the account's wall too."),
        ),
    ]
