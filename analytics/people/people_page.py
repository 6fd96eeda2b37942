"""`/people/`: who is here, who is invited, and how somebody is."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from analytics.access import second_factor
from analytics.access.rights import is_staff, owned_sites, sees_all
from analytics.models import Member, PersonalLink
from analytics.people import letters, personal_links
from analytics.people.invitation_form import InvitationForm


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def people(request: HttpRequest) -> HttpResponse:
    """The page; POST invites. `?site=KEY` chooses a site beforehand."""
    by = _inviter(request)
    if request.method != "POST":
        asked = owned_sites(by).filter(key=request.GET.get("site", "").replace("\0", ""))
        initial = {"sites": list(asked), "role": PersonalLink.InvitedAs.VIEWER}
        return _page(request, by, InvitationForm(by, initial=initial))
    form = InvitationForm(by, request.POST)
    if not form.is_valid():
        return _page(request, by, form, status=400)
    said = form.cleaned_data
    try:
        secret = personal_links.invite(by, said["name"], said["role"], said["sites"], said["everywhere"])
    except PermissionError:
        raise Http404("There is no such site, or you may not change it.") from None
    where = "all sites" if said["everywhere"] else ", ".join(site.shown for site in said["sites"])
    text = letters.INVITATION.format(by=by.get_username(), what=where, url=url_of(request, secret))
    return _shown(request, by, said["name"], said["name"], secret, "Your invitation to Footfall", text)


@never_cache
@require_POST
@login_required
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """`POST /people/links/PK/` with `do`: `revoke`, or `renew`, which shows another secret."""
    by = _inviter(request)
    found = personal_links.seen_by(by).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such link any more.")
    if request.POST.get("do") != "renew":
        if found.user is None:
            personal_links.note(by, found.sites.all(), f"Revoked the invitation of {found.name}.")
        found.delete()
        return redirect("people")
    secret = personal_links.renew(found)
    form = letters.SET_ANEW if found.user else letters.INVITATION
    text = form.format(by=by.get_username(), name=found.name, what=reach(found), url=url_of(request, secret))
    to = found.user.email if found.user else found.name
    return _shown(request, by, found.name, to, secret, "Your link to Footfall", text)


@never_cache
@require_POST
@login_required
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """`POST /people/PK/reset/`: a link by which a colleague sets a new password."""
    by = _inviter(request)
    user = personal_links.resettable(by).filter(pk=pk).first()
    if user is None:
        raise Http404("There is nobody whose password you could let be set anew here.")
    secret = personal_links.new_password(by, user)
    name = user.get_username()
    text = letters.SET_ANEW.format(name=name, url=url_of(request, secret))
    return _shown(request, by, name, user.email or name, secret, "A new password for Footfall", text)


@never_cache
@require_POST
@login_required
def lost_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """`POST /people/PK/second-factor/`: an administrator switches off what somebody has lost."""
    by = _inviter(request)
    user = User.objects.filter(pk=pk).first() if sees_all(by) else None
    if user is None:
        raise Http404("There is nobody whose second factor you could switch off.")
    second_factor.switch_off(user)
    personal_links.note_user(by, user, "Switched off the second factor.")
    return redirect("people")


def reach(link: PersonalLink) -> str:
    """Where an invitation leads, in words."""
    if link.all_sites or link.role == PersonalLink.InvitedAs.ADMINISTRATOR:
        return "all sites"
    return ", ".join(site.shown for site in link.sites.all())


def _inviter(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User) or not is_staff(user) or not personal_links.may_invite(user):
        raise Http404("Owners of sites invite others.")
    return user


def url_of(request: HttpRequest, secret: str) -> str:
    """The whole address of a personal link."""
    scheme = "https" if settings.FOOTFALL_HTTPS else request.scheme
    return f"{scheme}://{request.get_host()}{reverse('welcome')}#{secret}"


def _shown(
    request: HttpRequest, by: User, name: str, to: str, secret: str, subject: str, text: str
) -> HttpResponse:
    """The page with a link to be copied, the only time, and whether it went by mail."""
    sent = letters.configured() and "@" in to and letters.send(to, subject, text)
    made = {"name": name, "url": url_of(request, secret), "sent": sent}
    failed = letters.configured() and "@" in to and not sent
    return _page(request, by, InvitationForm(by), made={**made, "failed": failed})


def _page(
    request: HttpRequest, by: User, form: InvitationForm, status: int = 200, **more: Any
) -> HttpResponse:
    resettable = set(personal_links.resettable(by).values_list("pk", flat=True))
    own = owned_sites(by)
    shared: dict[int, list[Member]] = {}
    for member in Member.objects.filter(site__in=own).select_related("site").order_by("site__domain"):
        shared.setdefault(member.user_id, []).append(member)
    if sees_all(by):
        for member in Member.objects.filter(site=None):
            shared.setdefault(member.user_id, []).insert(0, member)
    context = {
        "form": form,
        "mail": letters.configured(),
        "colleagues": [
            {
                "user": user,
                "administrator": sees_all(by) and user.is_superuser,
                "members": shared.get(user.pk, []),
                "resettable": user.pk in resettable,
                "factor": sees_all(by) and second_factor.is_on(user),
            }
            for user in personal_links.colleagues(by)
        ],
        "links": [{"link": each, "reach": reach(each)} for each in personal_links.seen_by(by)],
        **more,
    }
    return render(request, "people.html", context, status=status)
