"""How a site names its pages: switches whose defaults keep the names that there are.

The database has the defaults, too: web processes of before add sites without a word of these.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


def switch(name, label):
    return migrations.AddField("site", name, models.BooleanField(label, default=False, db_default=False))


class Migration(migrations.Migration):
    dependencies = [("tracker", "0003_claimed_at")]

    operations = [
        migrations.AddField(
            "site",
            "page_parameters",
            ArrayField(models.CharField(max_length=64), blank=True, default=list, db_default=[]),
        ),
        switch("fold_slashes", "pages are the same with and without a slash at the end"),
        switch("fold_case", "pages are the same in capital and small letters"),
        switch("show_host", "pages are told apart by their host"),
    ]
