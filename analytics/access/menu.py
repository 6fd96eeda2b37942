"""What the menu of every page depends on, beside who looks at it."""

from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from analytics.access.rights import sees_servers


def menu(request: HttpRequest) -> dict[str, Any]:
    """For templates: `sees_servers`, asked of the database where a page shows the menu.

    Views on the event loop say it themselves, by `rights.asees_servers`: they may not wait for the database.
    """
    return {"sees_servers": partial(sees_servers, getattr(request, "user", AnonymousUser()))}
