"""Logging in, step by step: name and password, then a code where there is a second factor."""

from typing import Any

from django.contrib import auth
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from analytics.access import second_factor
from analytics.access.login import AdminLoginForm, LoginForm, said
from analytics.access.login_answers import WAIT

BACKEND = "django.contrib.auth.backends.ModelBackend"


class StaffLoginView(LoginView):
    """Django's, with a step more for who has a second factor."""

    template_name = "login.html"
    authentication_form = LoginForm

    def post(self, request: HttpRequest, *arguments: Any, **more: Any) -> HttpResponse:
        """Look at a password, or at the code that is said after it."""
        if "pending" not in request.POST:
            return super().post(request, *arguments, **more)
        user = second_factor.who_said(request.POST["pending"])
        if user is None:
            return render(request, self.template_name, {"form": self.get_form_class()(), "late": True})
        verdict = second_factor.count(request, user)
        if verdict.wait:
            setattr(request, WAIT, verdict.wait)
            return self._ask(user, f"Too many wrong codes. Try again in {said(verdict.wait)}.")
        if not second_factor.is_right(user, request.POST.get("code", "")):
            return self._ask(user, second_factor.why_not(user))
        second_factor.tries(request, user).right()
        auth.login(request, user, backend=BACKEND)
        return HttpResponseRedirect(self.get_success_url())

    def form_valid(self, form: BaseForm) -> HttpResponse:
        """The password was right."""
        user: User = form.get_user()  # type: ignore[attr-defined]
        if not second_factor.is_on(user):
            return super().form_valid(form)  # type: ignore[arg-type]
        return self._ask(user, second_factor.trouble(user))

    def _ask(self, user: User, problem: str = "") -> HttpResponse:
        context = {
            "pending": second_factor.password_was_right(user),
            "problem": problem,
            "next": self.get_redirect_url(),
        }
        return render(self.request, "login_code.html", context)


login = StaffLoginView.as_view(redirect_authenticated_user=True)
admin_login = StaffLoginView.as_view(authentication_form=AdminLoginForm, next_page="admin:index")
