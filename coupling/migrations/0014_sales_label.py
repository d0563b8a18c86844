from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("coupling", "0013_lookup_and_expression_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="tablemapping",
            name="sales_label",
            field=models.CharField(
                blank=True,
                help_text="Name that people gave a table of their own; blank: a standard table.",
                max_length=100,
            ),
        ),
    ]
