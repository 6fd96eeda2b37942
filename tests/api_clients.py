"""Programs that speak to the API of a running product with a token."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from scripts.stands.product import Product


class Sent(NamedTuple):
    """One event of a stream."""

    name: str
    id: str
    data: Any


class ApiClient:
    """A program with a token."""

    def __init__(self, product: Product, token: str, url: str = "") -> None:
        self.token, self._url = token, url or product.url

    def ask(self, path: str, body: object = None, **headers: str) -> Any:
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self._url}/api/v1/{path}",
            sent,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers},
        )
        return urllib.request.urlopen(request, timeout=20)

    def json(self, path: str, body: object = None) -> Any:
        with self.ask(path, body) as answer:
            return json.load(answer)

    def refused(self, path: str, body: object = None) -> tuple[int, str]:
        with pytest.raises(urllib.error.HTTPError) as refusal, self.ask(path, body):
            pass
        with refusal.value as answer:
            return answer.code, json.load(answer)["error"]

    @contextmanager
    def stream(self, path: str, last: str = "") -> Iterator[Iterator[Sent]]:
        headers = {"Last-Event-ID": last} if last else {}
        with self.ask(path, **headers) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["X-Accel-Buffering"] in ("no", None)  # nginx keeps it for itself
            yield _events(answer)


def _events(answer: Any) -> Iterator[Sent]:
    fields: dict[str, str] = {}
    for line in answer:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field:
            fields[field] = value
        elif "data" in fields:
            yield Sent(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
            fields = {}
