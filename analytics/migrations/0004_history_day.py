"""Sealed days: files as they are, since Parquet is compressed already."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0003_login_tries_until")]

    operations = [
        migrations.CreateModel(
            name="HistoryDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "site_id", "day", "kind", "part", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("site_id", models.IntegerField()),
                ("day", models.DateField()),
                ("kind", models.CharField(choices=[("views", "page views"), ("events", "events")], max_length=6)),
                ("part", models.SmallIntegerField()),
                ("format", models.SmallIntegerField()),
                ("rows", models.IntegerField()),
                ("zone", models.TextField()),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("digest", models.BinaryField()),
                ("file", models.BinaryField()),
                ("sealed_at", models.DateTimeField()),
            ],
            options={"db_table": "history_day"},
        ),
        migrations.RunSQL(
            "ALTER TABLE history_day ALTER COLUMN file SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
