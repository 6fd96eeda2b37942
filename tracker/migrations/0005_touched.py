"""What is noted of page views of past days that something was stored about."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0004_page_names")]

    operations = [
        migrations.CreateModel(
            name="Touched",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("site_id", models.IntegerField()),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
