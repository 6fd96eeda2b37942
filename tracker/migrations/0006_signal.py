"""Windows of servers' datapoints: partitioned by their length and by time, so written out by hand."""

from django.db import migrations

TABLES = """
CREATE TABLE tracker_series (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL,
    tags jsonb NOT NULL,
    last_at timestamptz NOT NULL,
    UNIQUE (name, kind, tags)
);
CREATE TABLE tracker_signal (
    series_id integer NOT NULL,
    at timestamptz NOT NULL,
    run bigint NOT NULL,
    seconds smallint NOT NULL,
    "distinct" integer,
    count double precision NOT NULL,
    sum double precision,
    last double precision,
    least double precision,
    most double precision,
    p50 double precision,
    p90 double precision,
    p99 double precision,
    deviation double precision,
    PRIMARY KEY (series_id, seconds, at, run)
) PARTITION BY LIST (seconds);
CREATE TABLE tracker_signal_10 PARTITION OF tracker_signal FOR VALUES IN (10) PARTITION BY RANGE (at);
CREATE TABLE tracker_signal_60 PARTITION OF tracker_signal FOR VALUES IN (60) PARTITION BY RANGE (at);
CREATE TABLE tracker_signal_600 PARTITION OF tracker_signal FOR VALUES IN (600) PARTITION BY RANGE (at);
"""
GONE = "DROP TABLE tracker_signal; DROP TABLE tracker_series"


class Migration(migrations.Migration):
    dependencies = [("tracker", "0005_touched")]

    operations = [migrations.RunSQL(TABLES, GONE)]
