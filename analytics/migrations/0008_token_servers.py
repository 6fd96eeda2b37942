"""Tokens that see servers' datapoints, which are of no site."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0007_saved")]

    operations = [
        migrations.AddField(
            model_name="token", name="servers", field=models.BooleanField(default=False, db_default=False)
        ),
    ]
