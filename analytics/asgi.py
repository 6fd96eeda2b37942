"""The ASGI application: visitors' sockets, staff's sockets, and Django for everything else."""

import os
import sys

from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analytics.settings")
# Before the consumers are imported: they need the apps loaded.
try:
    django_application = get_asgi_application()
except ImproperlyConfigured as problem:
    # To whoever started a server with this: daphne and uvicorn would print a traceback around it.
    print(problem, file=sys.stderr)
    sys.exit(1)

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.urls import path, re_path

from analytics.board.polling import PollConsumer
from analytics.board.socket import BoardConsumer
from analytics.process import web
from tracker.web.nowhere import nowhere
from tracker.web.visitor_consumer import VisitorConsumer

guarded = web.login_door.guard(web.request_door.guard(django_application))
board = BoardConsumer.as_asgi(boards=web.boards, ticker=web.ticker, readers=web.readers, system=web.system)
application = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [
                path("board/<str:key>", CookieMiddleware(PollConsumer.as_asgi(polled=web.polled))),
                re_path("", guarded),  # type: ignore[arg-type]  # as below
            ]
        ),
        "websocket": URLRouter(
            [
                # No session or user on the visitors' side: their sockets never touch the ORM.
                path("live/<str:key>", VisitorConsumer.as_asgi(edge=web.edge)),
                path("board/<str:key>", CookieMiddleware(board)),
                re_path("", nowhere),  # type: ignore[arg-type]  # Channels calls it, not Django
            ]
        ),
    }
)
