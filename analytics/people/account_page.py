"""`/account/`: one's own password, second factor and sessions."""

from datetime import UTC, datetime
from typing import Any

import segno
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.access import second_factor, sessions
from analytics.access.login import OldPasswordView, said
from analytics.access.login_answers import WAIT


@never_cache
@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """The page."""
    return _page(request)


class OwnPasswordView(OldPasswordView):
    """`/account/password/`: another password, which ends all other sessions."""

    template_name = "password.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set it. This session goes on under a new key; the others' hash fits no more."""
        answer = super().form_valid(form)
        sessions.end_all(_user(self.request), but=self.request.session.session_key or "")
        return answer


password = sensitive_post_parameters()(never_cache(OwnPasswordView.as_view()))


@never_cache
@require_POST
@login_required
def end_sessions(request: HttpRequest) -> HttpResponse:
    """`POST /account/sessions/`: end the one of `mark`, or all others."""
    user = _user(request)
    if mark := request.POST.get("mark"):
        sessions.end(user, mark)
    else:
        sessions.end_all(user, but=request.session.session_key or "")
    return redirect("account")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["POST"])
@login_required
def factor(request: HttpRequest) -> HttpResponse:
    """`POST /account/second-factor/` with `do`: `begin`; `confirm`, `codes` and `off` take a `code`."""
    user, do = _user(request), request.POST.get("do", "")
    if do == "begin" and not second_factor.is_on(user):
        return _page(request, device=second_factor.begin(user))
    waits = second_factor.begun(user) if do == "confirm" else None
    verdict = second_factor.count(request, user)
    if verdict.wait:
        setattr(request, WAIT, verdict.wait)
        problem = f"Too many wrong codes. Try again in {said(verdict.wait)}."
        return _page(request, device=waits, problem=problem)
    code = request.POST.get("code", "")
    if do == "confirm":
        codes = second_factor.confirm(user, code)
        right = codes is not None
    else:
        right = do in ("codes", "off") and second_factor.is_right(user, code)
        codes = second_factor.recovery_codes(user) if right and do == "codes" else None
    if not right:
        return _page(request, status=400, device=waits, problem=second_factor.why_not(user))
    second_factor.tries(request, user).right()
    if do == "off":
        second_factor.switch_off(user)
    return _page(request, codes=codes)


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("only whoever is logged in comes here")
    return request.user


def _page(request: HttpRequest, status: int = 200, device: Any = None, **more: Any) -> HttpResponse:
    user = _user(request)
    if device is not None:
        address = second_factor.address_of(device)
        code = segno.make(address, error="m")
        more["qr"] = mark_safe(code.svg_inline(border=0, omitsize=True))  # noqa: S308  (drawn by the library)
        more["secret"] = _in_fours(address)
    listed = [
        {"session": each, "used": _moment(each.used), "began": _moment(each.began)}
        for each in sessions.own_sessions(user, request.session.session_key or "")
    ]
    on = second_factor.is_on(user)
    context = {"sessions": listed, "on": on, "left": second_factor.left(user) if on else 0, **more}
    context.setdefault("problem", second_factor.trouble(user) if on else "")
    context["session_days"] = settings.SESSION_COOKIE_AGE // 86_400
    return render(request, "account.html", context, status=status)


def _in_fours(address: str) -> str:
    secret = address.partition("secret=")[2].partition("&")[0]
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
