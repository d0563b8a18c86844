from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncjobs", "0009_days_and_hours"),
    ]

    operations = [
        migrations.AddField(
            model_name="schedule",
            name="reacts_at_once",
            field=models.BooleanField(
                default=True, help_text="Off: changes in either system wait for the schedule's next run."
            ),
        ),
    ]
