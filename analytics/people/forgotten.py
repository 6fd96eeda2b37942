"""`/forgotten/`: who has forgotten a password is sent a link to set another one, where letters can be sent.

Whoever asks hears the same, as fast, whether somebody has that name or not: accounts are looked for, and
letters written, in a thread of their own.
"""

import logging
import threading
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import Error, connection
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from analytics.access.login import said
from analytics.access.login_answers import WAIT
from analytics.access.login_tries import ForgottenTries
from analytics.models import PersonalLink
from analytics.people import letters, personal_links
from analytics.people.people_page import url_of

log = logging.getLogger(__name__)

LONGEST_NAME = 254
# Several may share an address; no more letters than this for one request.
MOST_ACCOUNTS = 5


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """GET asks for a name or mail address; POST answers all of them alike."""
    context: dict[str, object] = {"mail": letters.configured()}
    name = request.POST.get("name", "").strip()
    if request.method == "POST" and letters.configured() and 0 < len(name) <= LONGEST_NAME:
        if seconds := ForgottenTries(request).count().wait:
            setattr(request, WAIT, seconds)
            context["problem"] = (
                f"Too many links were asked for from your address. Try again in {said(seconds)}."
            )
        else:
            # The address that the request came to: the thread has no request any more.
            write = partial(_write, name.replace("\0", ""), partial(url_of, request))
            threading.Thread(target=write, name="forgotten passwords", daemon=True).start()
            context["sent"] = True
    return render(request, "forgotten.html", context)


def _write(name: str, url: "partial[str]") -> None:
    try:
        for user in _who(name):
            to = _address(user)
            if to and not _asked_just_now(user):
                secret = personal_links.forgotten(user)
                text = letters.FORGOTTEN.format(name=user.get_username(), url=url(secret))
                letters.send(to, "A new password for Footfall", text)
    except Error as problem:
        log.warning("a link for a new password could not be made: %s", type(problem).__name__)
    finally:
        connection.close()


def _who(name: str) -> list[User]:
    """The accounts that may log in and have this name or this mail address."""
    named = Q(username=name) | (Q(email__iexact=name) if "@" in name else Q())
    found = User.objects.filter(named, is_active=True, is_staff=True)
    return list(found.order_by("pk")[:MOST_ACCOUNTS])


def _address(user: User) -> str:
    for address in (user.email, user.get_username()):
        try:
            validate_email(address)
        except ValidationError:
            continue
        return address
    return ""


def _asked_just_now(user: User) -> bool:
    """Whether a letter is on its way: nobody's mailbox is filled by others."""
    since = timezone.now() - timedelta(seconds=settings.FOOTFALL_LOGIN_WAIT)
    return PersonalLink.objects.filter(user=user, made_by=user, created_at__gt=since).exists()
