"""`/welcome/`: where a personal link leads. Its secret comes in a form, not in the address."""

from typing import Any

from django import forms
from django.contrib.auth import login
from django.contrib.auth.forms import BaseUserCreationForm, SetPasswordForm, UserCreationForm
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from analytics.access import sessions
from analytics.access.login_answers import NAME, WAIT
from analytics.access.login_tries import LinkTries
from analytics.models import PersonalLink
from analytics.people import personal_links
from analytics.people.people_page import reach

# The same whatever became of it: nobody learns which links there were.
GONE = "This link has been used, was withdrawn, or is older than 7 days. Ask whoever sent it for another one."


class NewColleagueForm(UserCreationForm):  # type: ignore[type-arg]
    """A name and a password of one's own."""

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username",)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """GET asks for the secret, which a script has from the address; POST shows what it opens, and uses it."""
    if request.method != "POST":
        return render(request, "welcome.html")
    tries = LinkTries(request)
    if seconds := tries.count().wait:
        setattr(request, WAIT, seconds)
        problem = "Too many links from your address that open nothing. Try again in some minutes."
        return render(request, "welcome.html", {"problem": problem})
    secret = request.POST.get("secret", "").strip().rpartition("#")[2]
    link = personal_links.find(secret)
    if link is None:
        return render(request, "welcome.html", {"problem": GONE}, status=403)
    tries.right()
    form = _form(request, link)
    asked = request.POST.get("do", "open")
    if asked == "accept" and link.user is None and request.user.is_authenticated:
        return _accept(request, secret, None)
    if asked == "set" and form is not None and form.is_valid():
        return _accept(request, secret, form)
    context = {"link": link, "reach": reach(link), "form": form, "secret": secret}
    return render(request, "welcome.html", context, status=400 if form and form.is_bound else 200)


def _form(request: HttpRequest, link: PersonalLink) -> Any:
    """What is to be filled in; None for whoever is logged in, and only has to accept."""
    said = request.POST if request.POST.get("do") == "set" else None
    if link.user is not None:
        return SetPasswordForm(link.user, said)
    if request.user.is_authenticated:
        return None
    return NewColleagueForm(said, initial={"username": link.name})


def _accept(request: HttpRequest, secret: str, form: forms.BaseForm | None) -> HttpResponse:
    try:
        with transaction.atomic():
            link = personal_links.take(secret)
            if link is None:
                return render(request, "welcome.html", {"problem": GONE}, status=403)
            user = _person(request, link, form)
            if link.user is None:
                personal_links.use_invitation(link, user)
            else:
                PersonalLink.objects.filter(user=link.user).delete()
                sessions.end_all(link.user)
    except IntegrityError:  # the name was taken a moment ago
        problem = "Somebody has taken this name just now. Open the link again, and choose another one."
        return render(request, "welcome.html", {"problem": problem}, status=400)
    if form is None:
        return redirect("sites")
    if link.user is not None:
        return redirect("login")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    setattr(request, NAME, user.get_username())
    return redirect("sites")


def _person(request: HttpRequest, link: PersonalLink, form: Any) -> User:
    if form is None:
        if not isinstance(request.user, User):
            raise TypeError("only whoever is logged in accepts without a form")
        return request.user
    user: User = form.save()
    if link.user is None and "@" in link.name:
        user.email = link.name
        user.save(update_fields=["email"])
    return user
