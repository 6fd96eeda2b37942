"""What Footfall keeps: sites, page views, visits, events, salts, and the small tables behind the write path.

The growing tables (page views, visits, events) are partitioned by time and keyed by
(site, time, id). Django's admin refuses composite keys, so each of these declares `id`; the real
keys and partitions stand in the first migration and in `tracker.postgres.partitions`.
"""

import zoneinfo

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from tracker.contract.site_keys import new_key
from tracker.pages.readable_hosts import readable_host


def check_zone(name: str) -> None:
    """Refuse a time zone that the IANA database does not know."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone (try Europe/Berlin).")


class Site(models.Model):
    """One tracked website."""

    id = models.AutoField(primary_key=True)
    key = models.CharField(max_length=32, unique=True, default=new_key, editable=False)
    domain = models.CharField(max_length=253)
    hosts = ArrayField(models.CharField(max_length=255))
    timezone = models.CharField(max_length=64, default="UTC", validators=[check_zone])
    enabled = models.BooleanField(default=True)
    demo = models.BooleanField(default=False, editable=False)
    honour_dnt = models.BooleanField("honour Do Not Track and GPC", default=False)
    hash_routes = models.BooleanField("pages are told apart by their #fragment", default=False)
    # What was added later has a default in the database: rows of older backups and processes say none.
    ref_parameters = models.BooleanField("read ref= and source= in links", default=True, db_default=True)
    query_parameters = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    page_parameters = ArrayField(models.CharField(max_length=64), default=list, db_default=[], blank=True)
    fold_slashes = models.BooleanField(
        "pages are the same with and without a slash at the end", default=False, db_default=False
    )
    fold_case = models.BooleanField(
        "pages are the same in capital and small letters", default=False, db_default=False
    )
    show_host = models.BooleanField("pages are told apart by their host", default=False, db_default=False)
    excluded_addresses = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    excluded_paths = ArrayField(models.CharField(max_length=512), default=list, blank=True)
    # None: as FOOTFALL_RAW_DAYS says, and for ever.
    raw_days = models.PositiveIntegerField(
        "days that single page views are kept",
        null=True,
        blank=True,
        validators=[MinValueValidator(3), MaxValueValidator(36_500)],
    )
    history_months = models.PositiveIntegerField(
        "months that reports reach back",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1200)],
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """Its domain as people write it."""
        return readable_host(self.domain)


class FormerKey(models.Model):
    """A key that a site had before, and that works for a while longer."""

    key = models.CharField(max_length=32, primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="former_keys")
    until = models.DateTimeField()

    class Meta:
        db_table = "tracker_former_key"

    def __str__(self) -> str:
        return self.key


class Salt(models.Model):
    """A site's salt for one of its days; made a day ahead, deleted 48 hours after the day began."""

    id = models.BigAutoField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    salt = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "day"], name="salt_site_day")]


class AttributionColumns(models.Model):
    """What a page view and its visit say of who came, from where, with what."""

    visitor = models.UUIDField()
    referrer = models.TextField(default="")
    referrer_url = models.TextField(default="")
    channel = models.TextField(default="")
    browser = models.TextField(default="")
    system = models.TextField(default="")
    device = models.TextField(default="")
    country = models.TextField(default="")
    language = models.TextField(default="")
    width = models.IntegerField(default=0)
    utm_source = models.TextField(default="")
    utm_medium = models.TextField(default="")
    utm_campaign = models.TextField(default="")
    utm_term = models.TextField(default="")
    utm_content = models.TextField(default="")

    class Meta:
        abstract = True


class PageView(AttributionColumns):
    """One load of one page, stored when it begins and completed when it ends."""

    id = models.UUIDField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    visit_id = models.UUIDField()
    path = models.TextField()
    query = models.TextField(default="")
    title = models.TextField(default="")
    # Which server told of it; empty where a page did. With a default in the database, as above.
    server = models.TextField(default="", db_default="")
    engaged_ms = models.IntegerField(default=0)
    depth = models.SmallIntegerField(default=0)
    # Which connection of which edge the page view belongs to: only that one may end it.
    edge = models.BigIntegerField()
    connection = models.IntegerField()
    # Since when, where that is not the connection that began it.
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "tracker_pageview"

    def __str__(self) -> str:
        return self.path


class Visit(AttributionColumns):
    """Page views of one visitor with gaps under 30 minutes; named after its first page view."""

    id = models.UUIDField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    entry_path = models.TextField()
    exit_path = models.TextField()
    views = models.IntegerField(default=1)
    events = models.IntegerField(default=0)
    engaged_ms = models.BigIntegerField(default=0)

    class Meta:
        db_table = "tracker_visit"

    def __str__(self) -> str:
        return self.entry_path


class Event(models.Model):
    """A custom event, `footfall("signup", {...})`, said by a page."""

    id = models.UUIDField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    at = models.DateTimeField()
    page_view_id = models.UUIDField()
    visit_id = models.UUIDField()
    name = models.TextField()
    properties = models.JSONField(default=dict)
    value = models.FloatField(null=True)

    class Meta:
        db_table = "tracker_event"

    def __str__(self) -> str:
        return self.name


class Recent(models.Model):
    """An id seen in the last 48 hours: what makes page views and events count once, on any edge."""

    class Kind(models.IntegerChoices):
        PAGE_VIEW = 0
        EVENT = 1

    pk = models.CompositePrimaryKey("site_id", "id", "kind")
    site_id = models.IntegerField()
    id = models.UUIDField()
    kind = models.SmallIntegerField(choices=Kind)
    began_at = models.DateTimeField()
    visit_id = models.UUIDField()
    visit_began_at = models.DateTimeField()


class OpenVisit(models.Model):
    """The visit that a visitor's next page view joins; it reaches to `last_at` at least."""

    pk = models.CompositePrimaryKey("site_id", "visitor")
    site_id = models.IntegerField()
    visitor = models.UUIDField()
    visit_id = models.UUIDField()
    visit_began_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "tracker_open_visit"


class EdgeBeat(models.Model):
    """The last sign of life of an edge: `beat_at` by its own clock, as its page views, to date
    their end; `seen_at` by the database's, so that a wrong clock kills nobody."""

    id = models.BigIntegerField(primary_key=True)
    beat_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "tracker_edge"


class Touched(models.Model):
    """The quarter of an hour of a page view that something was stored about a day later or more.

    Written in the same transaction, for whoever keeps something made of that day. Days of all zones begin at
    whole quarters. Rows are only ever added here, so that nobody who stores waits for who seals.
    """

    id = models.BigAutoField(primary_key=True)
    site_id = models.IntegerField()
    at = models.DateTimeField()


class Watermark(models.Model):
    """How far a job has come in time, so that it looks at everything once."""

    job = models.TextField(primary_key=True)
    at = models.DateTimeField()


class SignalSeries(models.Model):
    """What servers' datapoints belong to: a name, a kind, and tags (`tracker.signals`)."""

    id = models.AutoField(primary_key=True)
    name = models.TextField()
    kind = models.TextField()
    tags = models.JSONField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "tracker_series"
        verbose_name_plural = "series"
        default_permissions = ()
        permissions = [("see_servers", "Can see servers")]

    def __str__(self) -> str:
        return self.name


class Minute(models.Model):
    """Tabs and visitors of one minute in which anybody was there (`tracker.rollups.minutes`)."""

    pk = models.CompositePrimaryKey("site_id", "at")
    site_id = models.IntegerField()
    at = models.DateTimeField()
    tabs_least = models.IntegerField()
    tabs_most = models.IntegerField()
    tabs_most_at = models.DateTimeField()
    tabs_last = models.IntegerField()
    visitors_least = models.IntegerField()
    visitors_most = models.IntegerField()
    visitors_most_at = models.DateTimeField()
    visitors_last = models.IntegerField()
