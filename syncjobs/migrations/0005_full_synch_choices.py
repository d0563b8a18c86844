from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncjobs", "0004_sales_documents")]

    operations = [
        migrations.AddField(
            model_name="fullsynchline",
            name="match_first",
            field=models.BooleanField(default=False, help_text="Match-based coupling runs before the records do."),
        ),
        migrations.AddField(
            model_name="fullsynchline",
            name="winner",
            field=models.CharField(
                blank=True,
                choices=[("business_central", "Business Central"), ("sales", "Dynamics 365 Sales")],
                help_text="Side that wins conflicts; blank: the mapping says.",
                max_length=20,
            ),
        ),
    ]
