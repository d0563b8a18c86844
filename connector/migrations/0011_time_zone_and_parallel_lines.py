import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connector", "0010_forget_changes_and_chosen_team"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="full_synch_parallel",
            field=models.PositiveSmallIntegerField(
                default=3,
                help_text="Lines of a full synchronisation that run at the same time.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(20),
                ],
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="time_zone",
            field=models.CharField(
                default="UTC", help_text="What days and hours of schedules are meant in.", max_length=64
            ),
        ),
    ]
