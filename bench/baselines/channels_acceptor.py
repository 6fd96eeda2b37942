"""A bare Channels consumer on daphne, as its tutorial writes it: it only acknowledges. `python -m … PORT`."""

import json
import resource
import sys

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from daphne.server import Server
from django.conf import settings
from django.urls import path


class Acknowledge(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One socket."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        said = json.loads(text_data or "{}")
        if said.get("t") == "page":
            await self.send(f'{{"t":"ack","id":"{said["id"]}"}}')


def main(port: int) -> None:
    settings.configure(CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    application = ProtocolTypeRouter(
        {"websocket": URLRouter([path("live/<str:key>", Acknowledge.as_asgi())])}
    )
    Server(application, endpoints=[f"tcp:{port}:interface=127.0.0.1:backlog=2048"]).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
