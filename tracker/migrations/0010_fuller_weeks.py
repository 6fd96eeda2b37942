"""Less room is left in heap pages of page views and visits, also of the weeks that are made already.

Nobody who stores waits for it, and nothing is written anew: it is for rows to come.
"""

from django.db import migrations

FULLER = """
DO $$
DECLARE week regclass;
BEGIN
    FOR week IN SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent IN ('tracker_pageview'::regclass, 'tracker_visit'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 90)', week);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("tracker", "0009_series")]

    operations = [migrations.RunSQL(FULLER, migrations.RunSQL.noop)]
