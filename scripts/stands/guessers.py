"""Who guesses passwords: `python -m scripts.stands.guessers PORT CLIENTS one|many`, while stdin lasts.

Each holds a login form and sends it again as soon as it is answered; `many`: each from an address and at a
name of its own, which the product must believe (`FOOTFALL_TRUSTED_PROXIES`).
"""

import asyncio
import json
import re
import sys
from collections import Counter
from contextlib import suppress
from urllib.parse import urlencode

AGAIN_SECONDS = 0.2  # after a connection that could not be made


class Guesser:
    """One of them."""

    def __init__(self, port: int, name: str, address: str, heard: Counter[str]) -> None:
        self._port, self._name, self._address, self._heard = port, name, address, heard
        self._tries = 0

    async def run(self) -> None:
        """Guess until cancelled."""
        cookie, token = await self._form()
        while True:
            try:
                status, _ = await self._ask(self._guess(cookie, token))
            except (OSError, ValueError, asyncio.IncompleteReadError):
                self._heard["cut"] += 1
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._heard[status] += 1

    async def _form(self) -> tuple[str, str]:
        while True:
            with suppress(OSError, ValueError, asyncio.IncompleteReadError):
                _, text = await self._ask(f"GET /login/ HTTP/1.1\r\n{self._headers()}\r\n")
                cookie = re.search(r"csrftoken=(\w+)", text)
                token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
                if cookie and token:
                    return cookie[1], token[1]
            await asyncio.sleep(AGAIN_SECONDS)

    def _guess(self, cookie: str, token: str) -> str:
        self._tries += 1
        said = {"username": self._name, "password": f"wrong {self._tries}", "csrfmiddlewaretoken": token}
        body = urlencode(said)
        return (
            f"POST /login/ HTTP/1.1\r\n{self._headers()}Cookie: csrftoken={cookie}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Origin: http://127.0.0.1:{self._port}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )

    def _headers(self) -> str:
        return f"Host: 127.0.0.1:{self._port}\r\nX-Forwarded-For: {self._address}\r\nConnection: close\r\n"

    async def _ask(self, request: str) -> tuple[str, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(request.encode())
            text = (await reader.read()).decode()
        finally:
            writer.close()
        return text.split(" ", 2)[1] if text else "cut", text


async def guess(port: int, clients: int, spread: str) -> Counter[str]:
    """Let so many guess until stdin ends; the statuses that they heard."""
    heard: Counter[str] = Counter()
    each = [
        Guesser(port, f"name{number}" if spread == "many" else "admin", address, heard)
        for number in range(clients)
        for address in ([f"198.51.100.{number + 1}"] if spread == "many" else ["198.51.100.1"])
    ]
    tasks = [asyncio.create_task(guesser.run()) for guesser in each]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return heard


if __name__ == "__main__":
    print(json.dumps(asyncio.run(guess(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))), flush=True)
