"""The read side: board, reports, admin, API, access."""

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps  # its class, named here, would be taken for ours

# Models that are not ours, in the words of who uses the product: lists, forms, and what goes with an account.
CALLED = {
    "auth.User": ("person", "people"),
    "auth.Group": ("group of people", "groups of people"),
    "otp_totp.TOTPDevice": ("second factor", "second factors"),
    "otp_static.StaticDevice": ("set of recovery codes", "sets of recovery codes"),
    "otp_static.StaticToken": ("recovery code", "recovery codes"),
}


class AnalyticsConfig(AppConfig):
    default = True
    name = "analytics"
    verbose_name = "Tokens and erasures"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name Django's accounts as the product does.

        What a class was declared with stays as it is: neither migrations nor rights see another model.
        """
        apps.get_app_config("auth").verbose_name = "People"
        for name, (one, many) in CALLED.items():
            said = apps.get_model(name)._meta
            said.verbose_name, said.verbose_name_plural = one, many


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's administration, with a site of ours."""

    default = False
    default_site = "analytics.access.staff_site.StaffSite"
