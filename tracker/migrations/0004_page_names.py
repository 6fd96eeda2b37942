"""How a site names its pages: switches whose defaults keep the names that there are."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


def switch(name, label):
    return migrations.AddField("site", name, models.BooleanField(label, default=False))


class Migration(migrations.Migration):
    dependencies = [("tracker", "0003_claimed_at")]

    operations = [
        migrations.AddField(
            "site",
            "page_parameters",
            ArrayField(models.CharField(max_length=64), blank=True, default=list),
        ),
        switch("fold_slashes", "pages are the same with and without a slash at the end"),
        switch("fold_case", "pages are the same in capital and small letters"),
        switch("show_host", "pages are told apart by their host"),
    ]
