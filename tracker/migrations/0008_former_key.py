"""Keys that sites had before, which work for a while after they were changed."""

import django.db.models.deletion
from django.db import migrations, models

NOTIFY = """
CREATE TRIGGER tracker_former_key_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tracker_former_key
    FOR EACH STATEMENT EXECUTE FUNCTION tracker_notify_sites();
"""


class Migration(migrations.Migration):
    dependencies = [("tracker", "0007_site_ref_parameters")]

    operations = [
        migrations.CreateModel(
            name="FormerKey",
            fields=[
                ("key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_keys",
                        to="tracker.site",
                    ),
                ),
                ("until", models.DateTimeField()),
            ],
            options={"db_table": "tracker_former_key"},
        ),
        migrations.RunSQL(NOTIFY, "DROP TRIGGER tracker_former_key_changed ON tracker_former_key"),
    ]
