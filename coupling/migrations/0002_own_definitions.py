from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("coupling", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="fieldmapping",
            name="business_central_definition",
            field=models.JSONField(
                blank=True, default=dict, help_text="Kind and length of a property that the standard product has not."
            ),
        ),
        migrations.AddField(
            model_name="fieldmapping",
            name="sales_definition",
            field=models.JSONField(
                blank=True, default=dict, help_text="Kind and length of a column that the standard product has not."
            ),
        ),
    ]
