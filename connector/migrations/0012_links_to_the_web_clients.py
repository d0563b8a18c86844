from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connector", "0011_time_zone_and_parallel_lines"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="web_client_url",
            field=models.URLField(
                blank=True, max_length=300, help_text="Business Central's web client, for links; empty: derived."
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="open_in_sales_hub",
            field=models.BooleanField(
                default=True, help_text="Links to Sales open in the app Sales Hub, where the organisation has it."
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="sales_hub_app_id",
            field=models.UUIDField(blank=True, null=True, help_text="Read while enabling; none: no such app."),
        ),
    ]
