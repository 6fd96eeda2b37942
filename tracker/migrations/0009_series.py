"""Series of datapoints as a model, for who reads them; the table is there since they are kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0008_former_key")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="SignalSeries",
                    fields=[
                        ("id", models.AutoField(primary_key=True, serialize=False)),
                        ("name", models.TextField()),
                        ("kind", models.TextField()),
                        ("tags", models.JSONField()),
                        ("last_at", models.DateTimeField()),
                    ],
                    options={
                        "db_table": "tracker_series",
                        "verbose_name_plural": "series",
                        "default_permissions": (),
                        "permissions": [("see_servers", "Can see servers")],
                    },
                ),
            ]
        ),
    ]
