"""Since when a page view belongs to its connection. Without a default: no row of any partition is touched."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0002_minute")]

    operations = [migrations.AddField("PageView", "claimed_at", models.DateTimeField(null=True))]
