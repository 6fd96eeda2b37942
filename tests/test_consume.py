"""`manage.py consume`: page views and events out of real brokers, once, whatever is killed meanwhile."""

import asyncio
import io
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import nats
import paho.mqtt.client as mqtt
import pytest
from django.core.management import CommandError, call_command
from nats.js.api import StreamConfig
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from redis import Redis

from scripts.stands.agents import FIREFOX
from scripts.stands.brokers import (
    Broker,
    Consuming,
    running_mosquitto,
    running_nats,
    running_valkey_port,
)
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.api_clients import ApiClient

BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
STORED = "SELECT path, count(*) AS views FROM tracker_pageview p JOIN tracker_site s ON s.id = site_id"
STORED += " WHERE s.key = %s GROUP BY path"
Started = Callable[..., Consuming]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_nats() as started:
        yield started


@pytest.fixture
def consume(footfall: Product) -> Iterator[Started]:
    """Starts `manage.py consume`; what still runs is killed."""
    started: list[Consuming] = []

    def start(*words: str, **environment: str) -> Consuming:
        started.append(Consuming({**footfall.environment, **environment}, *words))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def click(path: str, **said: Any) -> dict[str, Any]:
    return {"url": path, "user_agent": FIREFOX, "address": "192.0.2.7", **said}


def views(product: Product, key: str) -> dict[str, int]:
    return {row["path"]: row["views"] for row in product.rows(STORED, key)}


def publish(broker: Broker, subject: str, messages: Sequence[Any], stream: str = "") -> None:
    async def send() -> None:
        client = await nats.connect(broker.url)
        if stream:
            await client.jetstream().add_stream(StreamConfig(name=stream, subjects=[subject]))
        for message in messages:
            body = message if isinstance(message, bytes) else json.dumps(message).encode()
            await (client.jetstream().publish(subject, body) if stream else client.publish(subject, body))
        await client.drain()

    # Not in this thread: a browser's loop may run in it.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, send()).result(timeout=60)


def pending(broker: Broker, stream: str, durable: str) -> int:
    """Messages of JetStream that wait to be taken, or to be acknowledged."""

    async def ask() -> int:
        client = await nats.connect(broker.url)
        info = await client.jetstream().consumer_info(stream, durable)
        await client.close()
        return int(info.num_ack_pending or 0) + int(info.num_pending or 0)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result(timeout=20)


def test_clicks_of_three_servers_come_through_nats(
    footfall: Product, broker: Broker, consume: Started
) -> None:
    key = footfall.add_site("nats.example")
    consumer = consume(
        *(broker.url, "--subject", "clicks", "--site", key),
        *("--map", "uri=url,userAgent=user_agent,localIP=server,time=at,ip=address"),
    ).taking()
    now = time.time()
    clicks = [
        {
            "uri": f"/{number % 4}?x=1",
            "userAgent": FIREFOX,
            "localIP": f"10.0.0.{number % 3}",
            "time": int((now - 60) * 1000),
            "ip": f"192.0.2.{number}",
        }
        for number in range(24)
    ]
    own = str(uuid.uuid4())
    poison = [b"{nonsense", 7, {**clicks[0], "userAgent": BOT}, {**clicks[0], "time": "yesterday"}, b"\xff"]
    again = [{**clicks[0], "uri": "/again", "id": own}] * 2
    publish(broker, "clicks", [*clicks[:12], clicks[12:], *poison, *again])
    wait_for(lambda: sum(views(footfall, key).values()) == 25, 30, "all clicks")
    assert views(footfall, key) == {"/0": 6, "/1": 6, "/2": 6, "/3": 6, "/again": 1}
    wait_for(lambda: "1 bad_at" in consumer.end(), 30, "its end")
    kept = footfall.rows(
        "SELECT server, count(*) AS views FROM tracker_pageview p JOIN tracker_site s ON s.id = site_id"
        " WHERE s.key = %s GROUP BY server",
        key,
    )
    told = consumer.printed
    assert {row["server"]: row["views"] for row in kept} == {"10.0.0.0": 9, "10.0.0.1": 8, "10.0.0.2": 8}
    assert "25 stored, 1 there already, 5 passed over (2 no_json, " in told
    # Once for each kind, and nothing of what visitors said.
    assert told.count("passed over a message (no_json)") == 1
    assert not any(text in told for text in ("192.0.2.", "Firefox", "nonsense"))
    reader = ApiClient(footfall, footfall.add_token())

    def counted() -> dict[str, float]:
        found = reader.json(f"signals?name=site.views&tag=site:{key}")["series"]
        return {each["tags"]["server"]: sum(window["sum"] for window in each["windows"]) for each in found}

    wait_for(lambda: len(counted()) == 3, 40, "the series of three servers")
    assert counted() == {"10.0.0.0": 9, "10.0.0.1": 8, "10.0.0.2": 8}


@contextmanager
def own_role(product: Product) -> Iterator[tuple[str, Callable[[bool], None]]]:
    """Postgres by an account of its own, which can be shut out, as while Postgres is away: its address, and
    what shuts it out and lets it in again."""
    url = (product.data / "database_url").read_text().strip()
    name, owner = f"consume_{uuid.uuid4().hex[:8]}", url.partition("//")[2].partition(":")[0]
    with product.connected() as postgres:
        postgres.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}' IN ROLE {owner}".encode())

        def let_in(allowed: bool) -> None:
            postgres.execute(f"ALTER ROLE {name} {'LOGIN' if allowed else 'NOLOGIN'}".encode())
            if not allowed:
                postgres.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name]
                )

        try:
            yield re.sub("//[^:]+:[^@]+@", f"//{name}:{name}@", url), let_in
        finally:
            let_in(False)
            wait_for(
                lambda: (
                    not postgres.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE usename = %s", [name]
                    ).fetchall()
                ),
                what="its last connection to end",
            )
            postgres.execute(f"DROP ROLE {name}".encode())


def test_jetstream_is_stored_once_whatever_is_killed(
    footfall: Product, broker: Broker, consume: Started
) -> None:
    key = footfall.add_site("jetstream.example")
    words = (
        broker.url,
        "--subject",
        "kept.*",
        "--site",
        key,
        "--durable",
        "--batch",
        "40",
        "--claim-after",
        "5",
    )
    paths = [f"/{number}" for number in range(900)]
    publish(broker, "kept.a", [click(path) for path in paths[:400]], stream="KEPT")

    def stored_of(many: int) -> bool:
        return len(views(footfall, key)) >= many

    with own_role(footfall) as (url, let_in):
        killed = consume(*words)
        wait_for(partial(stored_of, 40), 60, "some clicks")
        killed.kill()
        consumer = consume(*words, DATABASE_URL=url).taking()
        wait_for(lambda: stored_of(400), 90, "the first clicks")
        # Postgres goes away, and comes back.
        let_in(False)
        publish(broker, "kept.a", [click(path) for path in paths[400:600]], stream="KEPT")
        wait_for(lambda: "Postgres takes nothing now" in consumer.printed, 30, "a word of it")
        let_in(True)
        wait_for(lambda: stored_of(600), 60, "what came meanwhile")
        # The broker does.
        broker.kill()
        wait_for(lambda: "The broker is away" in consumer.printed, 30, "a word of it")
        broker.start()
        publish(broker, "kept.a", [click(path) for path in paths[600:]], stream="KEPT")
        wait_for(lambda: stored_of(900), 60, "what came then")
        # Acks that died with the broker: what they were for comes again, is there, and is acknowledged.
        wait_for(lambda: pending(broker, "KEPT", f"footfall-{key}") == 0, 90, "all acks")
        assert "passed over" not in consumer.end()
    assert views(footfall, key) == dict.fromkeys(paths, 1)


def test_a_redis_streams_group_claims_what_the_dead_took(footfall: Product, consume: Started) -> None:
    key = footfall.add_site("redis.example")
    with running_valkey_port() as valkey, Redis(port=valkey.port) as redis:
        words = (f"{valkey.url}/clicks", "--site", key, "--batch", "20", "--claim-after", "1")
        paths = [f"/{number}" for number in range(300)]
        for path in paths[:200]:
            redis.xadd("clicks", {"data": json.dumps(click(path))})
        redis.xadd("clicks", {"data": "{nonsense"})
        killed = consume(*words)
        wait_for(lambda: views(footfall, key), 60, "the first clicks")
        killed.kill()
        # Another took some, and died before it said so.
        redis.xreadgroup(f"footfall-{key}", "dead", {"clicks": ">"}, count=30)
        consumer = consume(*words).taking()
        wait_for(lambda: len(views(footfall, key)) >= 200, 60, "what was left")
        valkey.kill()
        wait_for(lambda: "The broker is away" in consumer.printed, 30, "a word of it")
        valkey.start()
        for path in paths[200:]:
            redis.xadd("clicks", click(path))
        wait_for(lambda: len(views(footfall, key)) >= 300, 60, "what came then")

        def left() -> tuple[int, int]:
            group: Any = redis.xinfo_groups("clicks")
            return group[0]["pending"], group[0]["lag"]

        # Acks that died with the broker: what they were for is claimed, is there, and is acknowledged.
        wait_for(lambda: left() == (0, 0), 60, "all acks")
        consumer.end()
        assert views(footfall, key) == dict.fromkeys(paths, 1)


def begin_session(mosquitto: Broker, name: str, topic: str) -> None:
    """What a consumer that ran before leaves: the broker keeps what comes for it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600

    def connected(*_: Any) -> None:
        client.subscribe(topic, qos=1)

    def subscribed(*_: Any) -> None:
        client.disconnect()

    client.on_connect, client.on_subscribe = connected, subscribed
    client.connect("127.0.0.1", mosquitto.port, clean_start=False, properties=properties)
    client.loop_forever()


def test_mqtt_is_acknowledged_after_the_commit(footfall: Product, consume: Started) -> None:
    key = footfall.add_site("mqtt.example")
    with running_mosquitto() as mosquitto:
        words = (mosquitto.url, "--subject", "shop/+/clicks", "--site", key, "--durable", "consumer")
        begin_session(mosquitto, "consumer", "shop/+/clicks")
        paths = [f"/{number}" for number in range(200)]
        publisher = mqtt.Client(CallbackAPIVersion.VERSION2)
        publisher.connect("127.0.0.1", mosquitto.port)
        publisher.loop_start()
        now = time.time()
        sent = [
            publisher.publish("shop/de/clicks", json.dumps(click(path, at=now)), qos=1)
            for path in [*paths, *paths, "/last"]
        ]
        for each in sent:
            each.wait_for_publish(20)
        publisher.disconnect()
        publisher.loop_stop()
        killed = consume(*words, "--batch", "20")
        wait_for(lambda: views(footfall, key), 60, "the first clicks")
        killed.kill()
        consumer = consume(*words).taking()
        wait_for(lambda: "/last" in views(footfall, key), 60, "all clicks")
        assert "there already" in consumer.end()
    # What says a time is known by its content, whoever sent it twice.
    assert views(footfall, key) == dict.fromkeys([*paths, "/last"], 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://jo:secret@127.0.0.1", "--subject", "x"], "A broker's address begins otherwise"),
        (["nats://127.0.0.1"], "Say what to take from there: --subject"),
        (["redis://127.0.0.1"], "redis://HOST:PORT/STREAM"),
        (["nats://127.0.0.1", "--subject", "a b"], "no subject of NATS"),
        (["nats://127.0.0.1", "--subject", "a.>.b"], "no subject of NATS"),
        (["mqtt://127.0.0.1", "--subject", "a/#/b"], "no topic of MQTT"),
        (["nats://127.0.0.1", "--subject", "x", "--map", "uri:url"], "--map is a list such as"),
        (
            ["nats://127.0.0.1", "--subject", "x", "--set", "colour=red"],
            "--set: items have no field 'colour'",
        ),
        (["nats://127.0.0.1", "--subject", "x", "--durable", "a b"], "--durable is a name"),
        (["redis://127.0.0.1/x", "--claim-after", "0"], "seconds, above 0 and up to 86,400"),
        (["redis://127.0.0.1/x", "--claim-after", "nan"], "seconds, above 0 and up to 86,400"),
        ([], "Say where the broker is"),
    ],
)
def test_what_is_wrong_with_a_command_gets_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=r"[.)\d]$") as wrong:
        call_command("consume", *words, site="x", stderr=io.StringIO())
    assert sentence in str(wrong.value)
    assert "secret" not in str(wrong.value)


def test_a_subject_that_is_not_kept_and_a_site_that_is_not_there_end_it(
    footfall: Product, broker: Broker, consume: Started
) -> None:
    key = footfall.add_site("ends.example")
    nobody = consume(broker.url, "--subject", "nobody.keeps.it", "--durable", "--site", key)
    unknown = consume(broker.url, "--subject", "clicks", "--site", "nosuch")
    for each, sentence in (
        (nobody, "No stream of JetStream keeps the subject"),
        (unknown, "There is no site"),
    ):
        assert each.process.wait(60) == 1
        each.kill()
        assert sentence in each.printed
        assert "Traceback" not in each.printed
