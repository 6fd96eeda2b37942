"""When a try was becomes until when it counts: those of the last minutes are forgotten.

The column `at` stays, with a default, and no longer in the model: web processes of before still write it
while they are replaced, and know nothing of `until`. The next release takes it away.
"""

from django.db import migrations, models
from django.db.models.functions import Now

ADD = """
ALTER TABLE analytics_login_tries
    ALTER COLUMN at SET DEFAULT now(),
    ADD COLUMN until timestamptz NOT NULL DEFAULT now();
CREATE INDEX analytics_login_tries_until ON analytics_login_tries (until);
"""
TAKE_BACK = """
ALTER TABLE analytics_login_tries DROP COLUMN until, ALTER COLUMN at DROP DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_login_tries")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD, TAKE_BACK)],
            state_operations=[
                migrations.RemoveField("LoginTries", "at"),
                migrations.AddField("LoginTries", "until", models.DateTimeField(db_index=True, db_default=Now())),
            ],
        )
    ]
