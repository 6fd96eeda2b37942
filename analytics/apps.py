"""The read side: board, reports, admin, API, access."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps  # its class, named here, would be taken for ours


class AnalyticsConfig(AppConfig):
    default = True
    name = "analytics"
    verbose_name = "Programs that read"
    default_auto_field = "django.db.models.BigAutoField"


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's administration, with a site of ours."""

    default = False
    default_site = "analytics.access.staff_site.StaffSite"
