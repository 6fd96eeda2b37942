"""What back ends send: page views and events in batches, answered after their commit."""

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator

from bench import processes
from bench.figures import Figure
from bench.progress import say
from bench.targets import Ground
from scripts.stands.agents import FIREFOX
from scripts.stands.product import Product, running

BATCH = 1000
SENDERS = 4
VISITORS = 5000
COUNT = "SELECT (SELECT count(*) FROM tracker_pageview) + (SELECT count(*) FROM tracker_event) AS rows"


def ingest(on: Ground, quick: bool) -> Iterator[Figure]:
    """`POST /api/v1/sites/KEY/events` over four connections, each batch after the answer to the last."""
    seconds = 10.0 if quick else 30.0
    with running() as product:
        token = product.manage("addtoken", "--write").splitlines()[-1]
        key = product.add_site("example.com")
        before = product.rows(COUNT)[0]["rows"]
        say("ingest: batches of 1,000")
        family = processes.family(product.process.pid)
        cpu, began = processes.cpu_seconds(family), time.monotonic()
        verdicts = _send(product, key, token, until=began + seconds)
        rate = verdicts["stored"] / (time.monotonic() - began)
        cost = (processes.cpu_seconds(family) - cpu) / max(1, verdicts["stored"])
        lost = verdicts["stored"] - (product.rows(COUNT)[0]["rows"] - before)
    name = "page views and events of back ends, stored and answered"
    yield Figure("ingest", name, rate, "/s", 5000, note=f"{sum(verdicts.values()):,} in batches of {BATCH:,}")
    # On two processors that nobody else uses, this is 5,000 a second.
    yield Figure("ingest", "CPU of one, in all processes", cost * 1e6, "µs", 400, at_most=True)
    yield Figure("ingest", "answered as stored, and not there", lost, "", 0, at_most=True)


def _send(product: Product, key: str, token: str, until: float) -> Counter[str]:
    verdicts: Counter[str] = Counter()
    lock = threading.Lock()

    def send(sender: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        number = 0
        while time.monotonic() < until:
            body = json.dumps({"items": list(_items(sender, number))})
            number += 1
            connection.request("POST", f"/api/v1/sites/{key}/events", body, headers)
            answer = connection.getresponse()
            results = json.loads(answer.read())["results"]
            with lock:
                verdicts.update(each.get("reason", each["status"]) for each in results)
        connection.close()

    threads = [threading.Thread(target=send, args=[sender]) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return verdicts


def _items(sender: int, number: int) -> Iterator[dict[str, object]]:
    """Nine page views and an event of the ninth, a hundred times."""
    view = ""
    for place in range(BATCH):
        visitor = (number * BATCH + place) // 10 % VISITORS
        item: dict[str, object] = {
            "id": str(uuid.uuid4()),
            "user_agent": FIREFOX,
            "address": f"10.{sender}.{visitor // 250}.{visitor % 250}",
        }
        if place % 10 == 9:
            yield {**item, "type": "event", "name": "paid", "value": 9.5, "page_view": view}
        else:
            view = str(item["id"])
            yield {**item, "type": "view", "url": f"https://example.com/{place % 10}/", "title": "A page"}
