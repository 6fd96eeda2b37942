"""Whether a site takes `ref=` and `source=` in its links for where a visitor came from."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0006_signal")]

    operations = [
        migrations.AddField(
            "Site",
            "ref_parameters",
            models.BooleanField("read ref= and source= in links", default=True, db_default=True),
        )
    ]
