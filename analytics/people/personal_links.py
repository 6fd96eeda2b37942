"""Links that let one person in, once: made, found by their secret, and used up.

The secret stands behind the # of the address: browsers send that to no server, so that it is in no log of a
proxy, and in no Referer.
"""

import secrets
from collections.abc import Collection
from datetime import timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from analytics.access.rights import is_staff, owned_sites, sees_all
from analytics.access.token_text import digest
from analytics.models import Member, PersonalLink
from tracker.models import Site

LASTS = timedelta(days=7)
# Of one that a stranger may have asked for.
FORGOTTEN_LASTS = timedelta(hours=1)
ADMINISTRATOR = PersonalLink.InvitedAs.ADMINISTRATOR


def may_invite(reader: User) -> bool:
    """Whether somebody may let others in anywhere."""
    return is_staff(reader) and (sees_all(reader) or owned_sites(reader).exists())


def invite(by: User, name: str, role: str, sites: Collection[Site], all_sites: bool = False) -> str:
    """An invitation of what `by` may give; returns its secret, the only time it is seen.

    Raises PermissionError where it would give more than `by` has.
    """
    link = PersonalLink(name=name, role=role, all_sites=all_sites, made_by=by)
    with transaction.atomic():
        secret = _save(link)
        link.sites.set([] if all_sites or role == ADMINISTRATOR else sites)
        if not _still_holds(link):
            raise PermissionError("Nobody gives others more than they have.")
        note(by, link.sites.all(), f"Invited {name} as {role}.")
    return secret


def new_password(by: User, user: User) -> str:
    """A link by which `user` sets a new password; returns its secret. Raises PermissionError."""
    link = PersonalLink(name=user.get_username(), user=user, made_by=by)
    if not _still_holds(link):
        raise PermissionError("That is not yours to change.")
    with transaction.atomic():
        # The last one counts, as people expect of a link that they ask for again.
        PersonalLink.objects.filter(user=user).delete()
        secret = _save(link)
        note_user(by, user, "Made a link for a new password.")
    return secret


def forgotten(user: User) -> str:
    """A link for whoever says to have forgotten a password; returns its secret, which goes to the user alone.

    Links from before stay: whoever asks in somebody else's name makes nothing useless.
    """
    secret = _save(PersonalLink(name=user.get_username(), user=user, made_by=user), FORGOTTEN_LASTS)
    note_user(user, user, "Asked for a link for a new password.")
    return secret


def renew(link: PersonalLink) -> str:
    """Another secret for a link, in place of the one before, for another week."""
    return _save(link)


def find(secret: str) -> PersonalLink | None:
    """The link of this secret, if it still opens something; None for all others, whatever they were."""
    link = (
        PersonalLink.objects.filter(digest=digest(secret), expires_at__gt=timezone.now())
        .select_related("made_by", "user")
        .first()
    )
    return link if link is not None and _still_holds(link) else None


def take(secret: str) -> PersonalLink | None:
    """The link of this secret, which nobody else can use from now on; in a transaction."""
    link = find(secret)
    if link is None or not PersonalLink.objects.select_for_update().filter(pk=link.pk).exists():
        return None
    return link


def use_invitation(link: PersonalLink, user: User) -> None:
    """Give a user what the invitation says, and use it up; in the transaction of `take`."""
    user.is_staff = True
    user.is_superuser = user.is_superuser or link.role == ADMINISTRATOR
    user.save(update_fields=["is_staff", "is_superuser"])
    if link.role != ADMINISTRATOR:
        sites = list(link.sites.all())
        for site in [None] if link.all_sites else sites:
            member, made = Member.objects.get_or_create(user=user, site=site, defaults={"role": link.role})
            # It takes nothing away from whoever has more.
            if not made and link.role == Member.Role.OWNER:
                member.role = link.role
                member.save(update_fields=["role"])
        note(user, Site.objects.filter(pk__in=[site.pk for site in sites]), f"Came in as {link.role}.")
    link.delete()


def seen_by(reader: User) -> QuerySet[PersonalLink]:
    """The links that wait and that a reader may renew and revoke: made by them, or to their sites alone."""
    waiting = PersonalLink.objects.filter(expires_at__gt=timezone.now()).prefetch_related("sites")
    if sees_all(reader):
        return waiting
    own = owned_sites(reader).values("pk")
    foreign = Site.objects.filter(personallink=OuterRef("pk")).exclude(pk__in=own)
    theirs = Q(user=None, all_sites=False) & ~Q(role=ADMINISTRATOR) & ~Exists(foreign)
    # Not one's own from a forgotten password: whoever found an open browser would need no old one.
    mine = Q(made_by=reader) & ~Q(user=reader)
    return waiting.filter(mine | theirs) if may_invite(reader) else waiting.none()


def colleagues(reader: User) -> QuerySet[User]:
    """Everybody for an administrator; for an owner who shares their sites."""
    staff = User.objects.filter(is_staff=True, is_active=True).order_by("username")
    if sees_all(reader):
        return staff
    return staff.filter(Exists(Member.objects.filter(user=OuterRef("pk"), site__in=owned_sites(reader))))


def resettable(reader: User) -> QuerySet[User]:
    """Whose password a reader may let be set anew: those who could do nothing that the reader cannot.

    For an owner: who sees no site but the reader's, and has no right besides.
    """
    if sees_all(reader):
        return User.objects.filter(is_active=True)
    elsewhere = Member.objects.filter(user=OuterRef("pk")).exclude(
        pk__in=Member.objects.filter(site__in=owned_sites(reader)).values("pk")
    )
    return (
        colleagues(reader)
        .filter(is_superuser=False, groups=None, user_permissions=None)
        .exclude(Exists(elsewhere))
        .exclude(pk=reader.pk)
    )


def note(by: User, sites: QuerySet[Site], words: str) -> None:
    """Write into the history of sites who did what."""
    LogEntry.objects.log_actions(by.pk, sites, CHANGE, change_message=words)


def note_user(by: User, user: User, words: str) -> None:
    """Write into the history of a user who did what."""
    LogEntry.objects.log_actions(
        by.pk, User.objects.filter(pk=user.pk), CHANGE, change_message=words, single_object=True
    )


def _still_holds(link: PersonalLink) -> bool:
    """Whether whoever made the link could do now what it does."""
    by = link.made_by
    if not is_staff(by):
        return False
    if link.user == by:
        return True
    if link.user is not None:
        return resettable(by).filter(pk=link.user.pk).exists()
    if sees_all(by):
        return link.all_sites or link.role == ADMINISTRATOR or link.sites.exists()
    if link.role == ADMINISTRATOR:
        return False
    if link.all_sites:
        return Member.objects.filter(user=by, site=None, role=Member.Role.OWNER).exists()
    return link.sites.exists() and not link.sites.exclude(pk__in=owned_sites(by).values("pk")).exists()


def _save(link: PersonalLink, lasts: timedelta = LASTS) -> str:
    secret = secrets.token_urlsafe(32)
    link.digest, link.expires_at = digest(secret), timezone.now() + lasts
    link.save()
    return secret
