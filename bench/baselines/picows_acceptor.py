"""A bare picows server: it accepts, and acknowledges every page at once. `python -m … PORT`."""

import asyncio
import json
import sys

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server


class Visitor(WSListener):  # type: ignore[misc]  # only the bench installs picows
    """One socket."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            said = json.loads(frame.get_payload_as_utf8_text())
            if said["t"] == "page":
                transport.send(WSMsgType.TEXT, b'{"t":"ack","id":"%s"}' % said["id"].encode())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()


def listener(request: WSUpgradeRequest) -> Visitor:
    return Visitor()


async def main(port: int) -> None:
    server = await ws_create_server(
        listener, "127.0.0.1", port, backlog=2048, max_frame_size=16384, read_buffer_init_size=2048
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
