"""The administration's own pages: Django's, with our forms where a password is taken.

Not in `admin`, whose modules register with this site while they are imported.
"""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from analytics.access.login import OldPasswordView
from analytics.access.login_view import admin_login


class StaffSite(AdminSite):
    site_header = site_title = "Footfall"
    index_title = "Sites, and what they counted"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Our page, which asks for the second factor too."""
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        answer: HttpResponse = admin_login(request)  # type: ignore[assignment]  # or a template's
        return answer

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Django's, with our form, of which it leaves no choice."""
        request.current_app = self.name
        view = OldPasswordView.as_view(
            template_name="registration/password_change_form.html",
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        answer: TemplateResponse = view(request)  # type: ignore[assignment]  # or a redirect, as Django's
        return answer
