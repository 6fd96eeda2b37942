"""uWebSockets, driven from Python: acknowledges every page at once; the ceiling. `python -m … PORT`."""

import json
import sys

from socketify import App, AppListenOptions, OpCode, WebSocket


def on_message(socket: WebSocket, text: str, opcode: OpCode) -> None:
    said = json.loads(text)
    if said["t"] == "page":
        socket.send(f'{{"t":"ack","id":"{said["id"]}"}}', OpCode.TEXT)


def main(port: int) -> None:
    app = App()
    app.ws("/live/:key", {"max_payload_length": 8192, "idle_timeout": 120, "message": on_message})
    app.listen(AppListenOptions(port=port, host="127.0.0.1"))
    app.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
