"""Everything the write side keeps. The growing tables are written out by hand, since Django knows
neither partitions nor fill factors; its state is told of them as plain models."""

from datetime import UTC, datetime

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import tracker.models
from tracker.postgres import partitions

# Shared by page views and visits: who came, from where, with what.
VISITOR = """
    referrer text NOT NULL,
    referrer_url text NOT NULL,
    channel text NOT NULL,
    browser text NOT NULL,
    system text NOT NULL,
    device text NOT NULL,
    country text NOT NULL,
    language text NOT NULL,
    utm_source text NOT NULL,
    utm_medium text NOT NULL,
    utm_campaign text NOT NULL,
    utm_term text NOT NULL,
    utm_content text NOT NULL
"""

# No index may hold a column that completion changes (ended_at, engaged_ms, depth, edge, connection;
# of a visit: ended_at, exit_path, views, events, engaged_ms), nor name one in its predicate: that takes
# HOT updates from all to none. No index holds a text either: a path may be longer than a btree takes.
GROWING = f"""
CREATE TABLE tracker_pageview (
    site_id integer NOT NULL,
    connection integer NOT NULL,
    edge bigint NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    id uuid NOT NULL,
    visit_id uuid NOT NULL,
    visitor uuid NOT NULL,
    engaged_ms integer NOT NULL,
    width integer NOT NULL,
    depth smallint NOT NULL,
    path text NOT NULL,
    query text NOT NULL,
    title text NOT NULL,
    {VISITOR},
    PRIMARY KEY (site_id, began_at, id)
) PARTITION BY RANGE (began_at);
CREATE INDEX tracker_pageview_visit ON tracker_pageview (site_id, visit_id);
-- For jobs that look at all sites: a few bytes per megabyte of rows, which arrive in this order.
CREATE INDEX tracker_pageview_began ON tracker_pageview USING brin (began_at) WITH (autosummarize = on);

CREATE TABLE tracker_visit (
    site_id integer NOT NULL,
    views integer NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    engaged_ms bigint NOT NULL,
    id uuid NOT NULL,
    visitor uuid NOT NULL,
    events integer NOT NULL,
    width integer NOT NULL,
    entry_path text NOT NULL,
    exit_path text NOT NULL,
    {VISITOR},
    PRIMARY KEY (site_id, began_at, id)
) PARTITION BY RANGE (began_at);

CREATE TABLE tracker_event (
    site_id integer NOT NULL,
    at timestamptz NOT NULL,
    id uuid NOT NULL,
    page_view_id uuid NOT NULL,
    visit_id uuid NOT NULL,
    value double precision,
    name text NOT NULL,
    properties jsonb NOT NULL,
    PRIMARY KEY (site_id, at, id)
) PARTITION BY RANGE (at);

CREATE TABLE tracker_pageview_default PARTITION OF tracker_pageview DEFAULT WITH (fillfactor = 75);
CREATE TABLE tracker_visit_default PARTITION OF tracker_visit DEFAULT WITH (fillfactor = 75);
CREATE TABLE tracker_event_default PARTITION OF tracker_event DEFAULT;
"""

NO_GROWING = "DROP TABLE tracker_event; DROP TABLE tracker_visit; DROP TABLE tracker_pageview;"

# Its rows change with nearly every page view, none of them in the key.
ROOM = "ALTER TABLE tracker_open_visit SET (fillfactor = 75)"

NOTIFY = """
CREATE FUNCTION tracker_notify_sites() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY footfall_sites;
    RETURN NULL;
END $$;
CREATE TRIGGER tracker_site_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tracker_site
    FOR EACH STATEMENT EXECUTE FUNCTION tracker_notify_sites();
"""

NO_NOTIFY = "DROP TRIGGER tracker_site_changed ON tracker_site; DROP FUNCTION tracker_notify_sites();"


def make_partitions(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        # The first three: later tables have migrations of their own.
        partitions.ensure(cursor, datetime.now(UTC), partitions.GROWING[:3])


VISITOR_FIELDS = [
    ("visitor", models.UUIDField()),
    ("referrer", models.TextField(default="")),
    ("referrer_url", models.TextField(default="")),
    ("channel", models.TextField(default="")),
    ("browser", models.TextField(default="")),
    ("system", models.TextField(default="")),
    ("device", models.TextField(default="")),
    ("country", models.TextField(default="")),
    ("language", models.TextField(default="")),
    ("width", models.IntegerField(default=0)),
    ("utm_source", models.TextField(default="")),
    ("utm_medium", models.TextField(default="")),
    ("utm_campaign", models.TextField(default="")),
    ("utm_term", models.TextField(default="")),
    ("utm_content", models.TextField(default="")),
]


def site_key():
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        to="tracker.site",
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Site",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(default=tracker.models.new_key, editable=False, max_length=32, unique=True)),
                ("domain", models.CharField(max_length=253)),
                (
                    "hosts",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), size=None),
                ),
                (
                    "timezone",
                    models.CharField(default="UTC", max_length=64, validators=[tracker.models.check_zone]),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("demo", models.BooleanField(default=False, editable=False)),
                ("honour_dnt", models.BooleanField(default=False, verbose_name="honour Do Not Track and GPC")),
                (
                    "hash_routes",
                    models.BooleanField(default=False, verbose_name="pages are told apart by their #fragment"),
                ),
                (
                    "query_parameters",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                (
                    "excluded_addresses",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                (
                    "excluded_paths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=512), blank=True, default=list, size=None
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"ordering": ["domain"]},
        ),
        migrations.CreateModel(
            name="Salt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("salt", models.BinaryField()),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="tracker.site"
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("site", "day"), name="salt_site_day")]},
        ),
        migrations.CreateModel(
            name="Recent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "site_id", "id", "kind", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("site_id", models.IntegerField()),
                ("id", models.UUIDField()),
                ("kind", models.SmallIntegerField(choices=[(0, "Page View"), (1, "Event")])),
                ("began_at", models.DateTimeField()),
                ("visit_id", models.UUIDField()),
                ("visit_began_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="OpenVisit",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "site_id", "visitor", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("site_id", models.IntegerField()),
                ("visitor", models.UUIDField()),
                ("visit_id", models.UUIDField()),
                ("visit_began_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
            options={"db_table": "tracker_open_visit"},
        ),
        migrations.CreateModel(
            name="EdgeBeat",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("beat_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={"db_table": "tracker_edge"},
        ),
        migrations.CreateModel(
            name="Watermark",
            fields=[
                ("job", models.TextField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(GROWING, NO_GROWING)],
            state_operations=[
                migrations.CreateModel(
                    name="PageView",
                    fields=[
                        *VISITOR_FIELDS,
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        ("began_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField(null=True)),
                        ("visit_id", models.UUIDField()),
                        ("path", models.TextField()),
                        ("query", models.TextField(default="")),
                        ("title", models.TextField(default="")),
                        ("engaged_ms", models.IntegerField(default=0)),
                        ("depth", models.SmallIntegerField(default=0)),
                        ("edge", models.BigIntegerField()),
                        ("connection", models.IntegerField()),
                        ("site", site_key()),
                    ],
                    options={"db_table": "tracker_pageview"},
                ),
                migrations.CreateModel(
                    name="Visit",
                    fields=[
                        *VISITOR_FIELDS,
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        ("began_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField()),
                        ("entry_path", models.TextField()),
                        ("exit_path", models.TextField()),
                        ("views", models.IntegerField(default=1)),
                        ("events", models.IntegerField(default=0)),
                        ("engaged_ms", models.BigIntegerField(default=0)),
                        ("site", site_key()),
                    ],
                    options={"db_table": "tracker_visit"},
                ),
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        ("at", models.DateTimeField()),
                        ("page_view_id", models.UUIDField()),
                        ("visit_id", models.UUIDField()),
                        ("name", models.TextField()),
                        ("properties", models.JSONField(default=dict)),
                        ("value", models.FloatField(null=True)),
                        ("site", site_key()),
                    ],
                    options={"db_table": "tracker_event"},
                ),
            ],
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(NOTIFY, NO_NOTIFY),
        # The empty reverse is right: the partitions go with their tables.
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
    ]
