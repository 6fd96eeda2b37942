"""The ASGI application: visitors' sockets, staff's sockets, and Django for everything else."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analytics.settings")
# Before the consumers are imported: they need the apps loaded.
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from analytics.board.socket import BoardConsumer  # noqa: E402
from analytics.process import web  # noqa: E402
from tracker.web.nowhere import nowhere  # noqa: E402
from tracker.web.visitor_consumer import VisitorConsumer  # noqa: E402

board = BoardConsumer.as_asgi(boards=web.boards, ticker=web.ticker, readers=web.readers, system=web.system)
application = ProtocolTypeRouter(
    {
        "http": web.login_door.guard(django_application),
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
