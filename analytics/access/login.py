"""Logging in, at `/login/` and in the admin: after some wrong passwords, the next one must wait."""

import math
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError

from analytics.access.login_answers import WAIT
from analytics.access.login_tries import Tries


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
        if seconds := tries.count():
            setattr(self.request, WAIT, seconds)
            # The same for names that nobody has: it tells nothing about accounts.
            raise ValidationError(
                f"Too many wrong passwords for this name from your address. Try again in {_said(seconds)}.",
                code="too_many",
            )
        cleaned = super().clean()
        tries.forget()
        return cleaned


class AdminLoginForm(LoginForm, AdminAuthenticationForm):
    """The same for the admin, which lets only staff in."""

    error_messages = AdminAuthenticationForm.error_messages


login = LoginView.as_view(
    template_name="login.html", authentication_form=LoginForm, redirect_authenticated_user=True
)


def _said(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
