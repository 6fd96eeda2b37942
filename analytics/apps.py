"""The read side: board, reports, admin, API, access."""

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps  # its class, named here, would be taken for ours


class AnalyticsConfig(AppConfig):
    default = True
    name = "analytics"
    verbose_name = "Tokens and erasures"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name Django's accounts as the product does."""
        apps.get_app_config("auth").verbose_name = "People"


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's administration, with a site of ours."""

    default = False
    default_site = "analytics.access.staff_site.StaffSite"
