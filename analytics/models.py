"""Who may see what: members of sites, links that let people in, API tokens; what they save; the past that is
sealed, and what of it is to be erased."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from tracker.models import Site


class Member(models.Model):
    """A staff user's role on one site, or on all: an owner may change it, a viewer only look."""

    class Role(models.TextChoices):
        OWNER = "owner", "owner"
        VIEWER = "viewer", "viewer"

    # None: every site, those that are added later too.
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="members", null=True, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "user"], name="member_once_per_site"),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(site=None), name="member_once_for_all_sites"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class PersonalLink(models.Model):
    """A link that opens once, until it expires: an invitation, or a new password for a user.

    Of its secret only the SHA-256 is kept, by which it is found.
    """

    class InvitedAs(models.TextChoices):
        VIEWER = "viewer", "viewer"
        OWNER = "owner", "owner"
        ADMINISTRATOR = "administrator", "administrator"

    digest = models.BinaryField(unique=True)
    # Whom it is for: a name or a mail address as the inviter wrote it. A new password is for `user`.
    name = models.CharField(max_length=150)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="password_links"
    )
    role = models.CharField(max_length=16, choices=InvitedAs, default=InvitedAs.VIEWER)
    all_sites = models.BooleanField(default=False)
    sites = models.ManyToManyField(Site, blank=True)
    # It opens nothing that whoever made it could not open now.
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="made_links")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "analytics_personal_link"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class Token(models.Model):
    """An API token: `ff_NAME_SECRET`, of which only the name and the whole's SHA-256 are kept."""

    name = models.CharField(max_length=8, unique=True)
    digest = models.BinaryField()
    # Said, and not meant by an empty list: deleting a token's last site must not open all the others to it.
    all_sites = models.BooleanField(default=False)
    sites = models.ManyToManyField(Site, blank=True)
    write = models.BooleanField(default=False)
    # Servers' datapoints, which are of no site; a token for all sites has them anyway.
    servers = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"ff_{self.name}…"


class LoginTries(models.Model):
    """What is remembered of passwords that were tried, for as long as it matters: `access.login_tries`."""

    digest = models.BinaryField(primary_key=True)
    tries = models.IntegerField()
    until = models.DateTimeField(db_index=True, db_default=Now())

    class Meta:
        db_table = "analytics_login_tries"

    def __str__(self) -> str:
        return f"{self.tries} tries"


class Goal(models.Model):
    """What visits of a site may reach: a page like `pattern`, or an event like it.

    Evaluated whenever somebody asks, on all of the past: nothing about it is stored with visits.
    """

    class ReachedBy(models.TextChoices):
        PAGE = "page", "a page"
        EVENT = "event", "an event"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="goals")
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=5, choices=ReachedBy, default=ReachedBy.PAGE)
    pattern = models.CharField(max_length=512)
    property = models.CharField(max_length=64, default="", blank=True)
    value = models.CharField(max_length=512, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="goal_once_per_site")]

    def __str__(self) -> str:
        return self.name


class Segment(models.Model):
    """Filters of a site's reports under a name, shared among its members; `query` as in an address."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="segments")
    name = models.CharField(max_length=64)
    query = models.TextField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="segments"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="segment_once_per_site")]

    def __str__(self) -> str:
        return self.name


class Annotation(models.Model):
    """What happened at a moment, said by an owner: a flag in the charts of a site's reports."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="annotations", db_index=False)
    at = models.DateTimeField()
    text = models.CharField(max_length=280)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="annotations"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["site", "at"], name="annotation_site_at")]

    def __str__(self) -> str:
        return self.text


class HistoryDay(models.Model):
    """A file of a sealed day: its page views, or the events of these, as Parquet (`history.day_files`)."""

    class FileKind(models.TextChoices):
        VIEWS = "views", "page views"
        EVENTS = "events", "events"

    pk = models.CompositePrimaryKey("site_id", "day", "kind", "part")
    site_id = models.IntegerField()
    day = models.DateField()
    kind = models.CharField(max_length=6, choices=FileKind)
    part = models.SmallIntegerField()
    format = models.SmallIntegerField()
    rows = models.IntegerField()
    # The zone that the day was of, and its first moment and the one after its last.
    zone = models.TextField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    digest = models.BinaryField()  # SHA-256 of the file
    file = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "history_day"

    def __str__(self) -> str:
        return f"{self.day} ({self.kind} {self.part})"


class Erasure(models.Model):
    """Something that is to go for ever, and later the note that it is gone: `analytics.erasing`.

    It outlives its site. What was erased is said as long as it is needed, and then forgotten: the note says
    who, when, what kind and how many.
    """

    class Erased(models.TextChoices):
        SITE = "site", "the site"
        DAYS = "days", "days"
        PAGES = "pages", "pages"
        VISITOR = "visitor", "a visitor's day"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        CANCELLED = "cancelled", "cancelled"

    site_id = models.IntegerField()
    key = models.CharField(max_length=32)
    domain = models.CharField(max_length=253)
    kind = models.CharField(max_length=8, choices=Erased)
    # Of the site's own days, both included; None: from the first, to the last.
    first = models.DateField(null=True)
    last = models.DateField(null=True)
    pattern = models.TextField(default="")
    visitor = models.TextField(default="")
    # Whether the site was on before it was to be deleted.
    was_enabled = models.BooleanField(default=True)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(auto_now_add=True)
    begins_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    steps_done = models.IntegerField(default=0)
    steps_of = models.IntegerField(default=0)
    views = models.BigIntegerField(default=0)
    visits = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    problem = models.TextField(default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at"]
        verbose_name = "erasure"
        indexes = [models.Index(fields=["state", "begins_at"], name="erasure_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.domain}"


class ImportedFile(models.Model):
    """An export of another product that was taken in: its figures go with it (`analytics.importing`)."""

    class CountedBy(models.TextChoices):
        PLAUSIBLE = "plausible", "Plausible"
        GOATCOUNTER = "goatcounter", "GoatCounter"
        UMAMI = "umami", "Umami"
        GA4 = "ga4", "Google Analytics 4"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="imported_files")
    product = models.CharField(max_length=12, choices=CountedBy)
    name = models.CharField(max_length=255)
    digest = models.BinaryField()  # SHA-256 of the file
    first = models.DateField()
    last = models.DateField()
    rows = models.BigIntegerField()
    figures = models.IntegerField()
    added_by = models.CharField(max_length=150)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "analytics_imported_file"
        ordering = ["first", "added_at"]
        constraints = [models.UniqueConstraint(fields=["site", "digest"], name="imported_file_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_product_display()})"


class ImportedFigure(models.Model):
    """What another product counted on a day: in all (no dimension), or under a name of a dimension."""

    file = models.ForeignKey(ImportedFile, on_delete=models.CASCADE, related_name="told")
    day = models.DateField()
    dimension = models.CharField(max_length=16)
    name = models.TextField()
    visitors = models.BigIntegerField()
    visits = models.BigIntegerField()
    views = models.BigIntegerField()
    bounces = models.BigIntegerField()
    visit_seconds = models.BigIntegerField()
    events = models.BigIntegerField()

    class Meta:
        db_table = "analytics_imported_figure"
        indexes = [models.Index(fields=["file", "dimension", "day"], name="imported_figure_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.dimension} {self.name}"


class LogSalt(models.Model):
    """A salt for access logs of a day whose own is deleted, and kept as briefly (`access_logs`)."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="log_salts", db_index=False)
    day = models.DateField()
    salt = models.BinaryField()
    made_at = models.DateTimeField()

    class Meta:
        db_table = "analytics_log_salt"
        constraints = [models.UniqueConstraint(fields=["site", "day"], name="log_salt_once")]

    def __str__(self) -> str:
        return str(self.day)


class ReadLog(models.Model):
    """How far an access log has been read for a site; the log is known by how it begins (`access_logs`)."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="read_logs", db_index=False)
    head = models.BinaryField()  # keyed hash of its first line
    tail = models.BinaryField()  # keyed hash of what stands before `offset`
    offset = models.BigIntegerField()  # bytes, unpacked
    lines = models.BigIntegerField()
    read_at = models.DateTimeField()

    class Meta:
        db_table = "analytics_read_log"
        constraints = [models.UniqueConstraint(fields=["site", "head"], name="read_log_once")]

    def __str__(self) -> str:
        return f"{self.lines} lines"
