"""Django admin: sites with members and reports, tokens, and what was stored, to look at and take away.

Imports `history`, `saved`, `importing`, `sites`, `access`, `queries`, the models and `tracker`.
"""

from django.contrib import admin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from analytics.admin import erasures, events, page_views, people, sites, tokens, visits

# Secrets are nobody's to look at: `people.account_page` has all of it.
admin.site.unregister([StaticDevice, TOTPDevice])

__all__ = ["erasures", "events", "page_views", "people", "sites", "tokens", "visits"]
