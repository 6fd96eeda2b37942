"""Logging in, at `/login/` and in the admin: after some wrong passwords, the next one must wait."""

import math
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from analytics.access.login_answers import NAME, WAIT
from analytics.access.login_tries import OldPasswordTries, Tries

# By which limit somebody waits.
SAID = {
    "pair": "Too many wrong passwords for this name from your address. Try again in",
    "address": "Too many wrong passwords from your address. Try again in",
    "name": (
        "Too many wrong passwords for this name. Whoever has not logged in with it before, in this browser "
        "or from this address, has one try after a wait. Yours is in"
    ),
}


class LoginForm(AuthenticationForm):
    """Name and password, of which only so many are looked at."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "That name and password do not match an account. Both are case-sensitive.",
    }

    def clean(self) -> dict[str, Any]:
        """Check them; raises ValidationError where they are wrong, or are not looked at now."""
        name = self.cleaned_data.get("username")
        if name is None or not self.cleaned_data.get("password") or self.request is None:
            return super().clean()
        tries = Tries(self.request, name)
        verdict = tries.count()
        if verdict.wait:
            setattr(self.request, WAIT, verdict.wait)
            # The same for names that nobody has: it tells nothing about accounts.
            raise ValidationError(f"{SAID[verdict.limit]} {said(verdict.wait)}.", code="too_many")
        cleaned = super().clean()
        tries.right()
        setattr(self.request, NAME, name)
        return cleaned


class AdminLoginForm(LoginForm, AdminAuthenticationForm):
    """The same for the admin, which lets only staff in."""

    error_messages = AdminAuthenticationForm.error_messages


class OldPasswordForm(AdminPasswordChangeForm):
    """The old password and a new one, of which old ones are looked at no more often than at the login."""

    def __init__(self, request: HttpRequest, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._request = request

    def clean_old_password(self) -> str:
        """Check it; raises ValidationError where it is wrong, or is not looked at now."""
        tries = OldPasswordTries(self._request.session.session_key or "")
        if seconds := tries.count().wait:
            setattr(self._request, WAIT, seconds)
            raise ValidationError(
                f"Too many wrong passwords. Log in anew, or try again in {said(seconds)}.", code="too_many"
            )
        old: str = super().clean_old_password()
        tries.right()
        return old


class OldPasswordView(PasswordChangeView):
    """Changing one's own password."""

    form_class = OldPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """What the form is made with: the request too, since it is that session's tries that count."""
        return {**super().get_form_kwargs(), "request": self.request}


def said(seconds: float) -> str:
    """A wait in words."""
    minutes = math.ceil(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
