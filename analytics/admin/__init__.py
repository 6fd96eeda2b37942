"""Django admin: sites with members and reports, tokens, and what was stored, to look at and take away.

Imports `history`, `access`, `queries`, the models and `tracker`.
"""

from django.contrib import admin

from analytics.access.login import AdminLoginForm
from analytics.admin import events, page_views, sites, tokens, visits

__all__ = ["events", "page_views", "sites", "tokens", "visits"]

admin.site.site_header = admin.site.site_title = "Footfall"
admin.site.login_form = AdminLoginForm
admin.site.index_title = "Sites, and what they counted"
