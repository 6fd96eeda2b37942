"""How many tabs and visitors there were in each minute; a growing table, so written out by hand."""

from datetime import UTC, datetime

from django.db import migrations, models

from tracker.postgres import partitions

MINUTE = """
CREATE TABLE tracker_minute (
    site_id integer NOT NULL,
    tabs_least integer NOT NULL,
    at timestamptz NOT NULL,
    tabs_most integer NOT NULL,
    tabs_last integer NOT NULL,
    tabs_most_at timestamptz NOT NULL,
    visitors_most_at timestamptz NOT NULL,
    visitors_least integer NOT NULL,
    visitors_most integer NOT NULL,
    visitors_last integer NOT NULL,
    PRIMARY KEY (site_id, at)
) PARTITION BY RANGE (at);
CREATE TABLE tracker_minute_default PARTITION OF tracker_minute DEFAULT;
"""


def make_partitions(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        partitions.ensure(cursor, datetime.now(UTC), partitions.GROWING[3:])


class Migration(migrations.Migration):
    dependencies = [("tracker", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(MINUTE, "DROP TABLE tracker_minute")],
            state_operations=[
                migrations.CreateModel(
                    name="Minute",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "site_id", "at", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("site_id", models.IntegerField()),
                        ("at", models.DateTimeField()),
                        ("tabs_least", models.IntegerField()),
                        ("tabs_most", models.IntegerField()),
                        ("tabs_most_at", models.DateTimeField()),
                        ("tabs_last", models.IntegerField()),
                        ("visitors_least", models.IntegerField()),
                        ("visitors_most", models.IntegerField()),
                        ("visitors_most_at", models.DateTimeField()),
                        ("visitors_last", models.IntegerField()),
                    ],
                )
            ],
        ),
        # The empty reverse is right: the partitions go with their table.
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
    ]
