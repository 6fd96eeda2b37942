"""Who may see what: members of sites, and API tokens; and the days of the past that are sealed."""

from django.conf import settings
from django.db import models

from tracker.models import Site


class Member(models.Model):
    """A staff user's role on one site: an owner may change it, a viewer only look."""

    class Role(models.TextChoices):
        OWNER = "owner", "owner"
        VIEWER = "viewer", "viewer"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "user"], name="member_once_per_site")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Token(models.Model):
    """An API token: `ff_NAME_SECRET`, of which only the name and the whole's SHA-256 are kept."""

    name = models.CharField(max_length=8, unique=True)
    digest = models.BinaryField()
    # Said, and not meant by an empty list: deleting a token's last site must not open all the others to it.
    all_sites = models.BooleanField(default=False)
    sites = models.ManyToManyField(Site, blank=True)
    write = models.BooleanField(default=False)
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
    until = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "analytics_login_tries"

    def __str__(self) -> str:
        return f"{self.tries} tries"


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
