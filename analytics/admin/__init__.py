"""Django admin: sites with members and reports, tokens, and what was stored, to look at and take away.

Imports `history`, `access`, `queries`, the models and `tracker`.
"""

from analytics.admin import events, page_views, sites, tokens, visits

__all__ = ["events", "page_views", "sites", "tokens", "visits"]
