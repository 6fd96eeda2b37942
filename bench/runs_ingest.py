"""What back ends send: page views and events in batches, answered after their commit, or through a broker."""

import asyncio
import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import nats
from nats.js.api import StreamConfig

from bench import processes
from bench.figures import Figure
from bench.progress import say
from bench.targets import Ground
from scripts.stands import process_tree
from scripts.stands.agents import FIREFOX
from scripts.stands.brokers import Broker, Consuming, running_nats
from scripts.stands.product import Product, running

BATCH = 1000
SENDERS = 4
VISITORS = 5000
KILLS, SUBJECT = 10, "bench.clicks"
PATHS = """
SELECT count(*) AS views, count(DISTINCT path) AS paths FROM tracker_pageview p
JOIN tracker_site s ON s.id = p.site_id WHERE s.key = %s
"""
COUNT = "SELECT (SELECT count(*) FROM tracker_pageview) + (SELECT count(*) FROM tracker_event) AS rows"


def ingest(on: Ground, quick: bool) -> Iterator[Figure]:
    """`POST /api/v1/sites/KEY/events`, and `manage.py consume` from JetStream, killed ten times.

    Over four connections, of which each sends a batch after the answer to the last."""
    seconds = 10.0 if quick else 30.0
    with running() as product:
        token = product.add_token(write=True)
        key = product.add_site("example.com")
        before = product.rows(COUNT)[0]["rows"]
        say("ingest: batches of 1,000")
        family = process_tree.family(product.process.pid)
        cpu, began = processes.cpu_seconds(family), time.monotonic()
        verdicts = _send(product, key, token, until=began + seconds)
        rate = verdicts["stored"] / (time.monotonic() - began)
        cost = (processes.cpu_seconds(family) - cpu) / max(1, verdicts["stored"])
        lost = verdicts["stored"] - (product.rows(COUNT)[0]["rows"] - before)
        through = _consumed(product, 20_000 if quick else 100_000)
        wrong = _killed(product, 4_000 if quick else 20_000)
    name = "page views and events of back ends, stored and answered"
    yield Figure("ingest", name, rate, "/s", 5000, note=f"{sum(verdicts.values()):,} in batches of {BATCH:,}")
    # On two processors that nobody else uses, this is 5,000 a second.
    yield Figure("ingest", "CPU of one, in all processes", cost * 1e6, "µs", 400, at_most=True)
    yield Figure("ingest", "answered as stored, and not there", lost, "", 0, at_most=True)
    yield Figure("ingest", "messages of JetStream, stored and acknowledged", through.rate, "/s", 5000)
    yield Figure("ingest", "CPU of one, without the broker", through.cost * 1e6, "µs", 400, at_most=True)
    yield Figure("ingest", f"lost or twice after {KILLS} kill -9", wrong, "", 0, at_most=True)


class Through(NamedTuple):
    """How fast messages went through, and CPU seconds of one."""

    rate: float
    cost: float


def _consumed(product: Product, count: int) -> Through:
    """Messages that wait in JetStream already, taken from the first to the last acknowledgement."""
    key = product.add_site("consumed.example")
    with running_nats() as broker:
        items = [item for number in range(count // BATCH) for item in _items(9, number)]
        _publish(broker, [{**item, "url": f"/{at % 10}/", "type": "view"} for at, item in enumerate(items)])
        say(f"ingest: {count:,} messages of JetStream")
        consumer = Consuming(product.environment, *_words(broker, key)).taking()
        family = [*process_tree.family(product.process.pid), consumer.process.pid]
        before = _stored(product, key)
        cpu, began = processes.cpu_seconds(family), time.monotonic()
        while _pending(broker):
            time.sleep(0.2)
        stored, seconds = _stored(product, key) - before, time.monotonic() - began
        spent = processes.cpu_seconds(family) - cpu
        consumer.end()
    return Through(stored / seconds, spent / max(1, stored))


def _killed(product: Product, count: int) -> int:
    """How many of so many messages are not there, or twice, though their consumer was killed."""
    key = product.add_site("killed.example")
    with running_nats() as broker:
        _publish(broker, [{"url": f"/{number}", "user_agent": FIREFOX} for number in range(count)])
        say(f"ingest: {KILLS} kills")
        for kill in range(KILLS):
            consumer = Consuming(product.environment, *_words(broker, key), "--batch", "200")
            while _stored(product, key) < count * (kill + 1) / (KILLS + 2):
                time.sleep(0.01)
            consumer.kill()
        last = Consuming(product.environment, *_words(broker, key)).taking()
        while _pending(broker):
            time.sleep(0.2)
        last.end()
    (there,) = product.rows(PATHS, key)
    return int(count - there["paths"] + there["views"] - there["paths"])


def _words(broker: Broker, key: str) -> tuple[str, ...]:
    return (broker.url, "--subject", SUBJECT, "--durable", "consumer", "--site", key)


def _stored(product: Product, key: str) -> int:
    return int(product.rows(PATHS, key)[0]["views"])


def _publish(broker: Broker, items: list[dict[str, object]]) -> None:
    async def send() -> None:
        client = await nats.connect(broker.url)
        await client.jetstream().add_stream(StreamConfig(name="BENCH", subjects=[SUBJECT]))
        for item in items:
            await client.publish(SUBJECT, json.dumps(item).encode())
        await client.drain()
        kept = 0
        while kept < len(items):
            client = await nats.connect(broker.url)
            kept = (await client.jetstream().stream_info("BENCH")).state.messages
            await client.close()

    asyncio.run(send())


def _pending(broker: Broker) -> int:
    """How many messages are not acknowledged yet, and how many not even taken."""

    async def ask() -> int:
        client = await nats.connect(broker.url)
        info = await client.jetstream().consumer_info("BENCH", "consumer")
        await client.close()
        return int(info.num_ack_pending or 0) + int(info.num_pending or 0)

    return asyncio.run(ask())


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
