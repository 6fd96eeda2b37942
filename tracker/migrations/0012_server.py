"""Which server told of a page view. No row is touched, and nobody who stores waits.

The default is a constant, which Postgres keeps in its catalogue. For the moment that this takes the table has to be
locked, and whoever stores would wait behind a lock that is waited for: so it is waited for briefly, and again and
again, until who reads for long (a backup, an export) is done. A lock that was not had lets go of all others.
"""

from django.db import migrations, models

ADD = """
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '200ms', true);
    FOR try IN 1..900 LOOP
        BEGIN
            ALTER TABLE tracker_pageview ADD COLUMN server text NOT NULL DEFAULT '';
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
    RAISE EXCEPTION 'tracker_pageview has been in use for a quarter of an hour: migrate again after the backup or export'
        USING ERRCODE = 'lock_not_available';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("tracker", "0011_site_retention")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(ADD, "ALTER TABLE tracker_pageview DROP COLUMN server"),
            ],
            state_operations=[
                migrations.AddField("PageView", "server", models.TextField(default="", db_default="")),
            ],
        ),
    ]
