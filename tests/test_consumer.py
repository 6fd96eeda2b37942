"""How consuming ends, and what a broker refuses: the consumer itself, and real brokers."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nats
import pytest
from nats.js.api import ConsumerConfig, StreamConfig
from redis import Redis

from scripts.stands.brokers import Broker, running_nats, running_valkey_port
from tracker.ingest import broker_place, consumer
from tracker.ingest.broker import BrokerRefuses, BrokerSource
from tracker.ingest.broker_items import BrokerMessage, ItemReader
from tracker.ingest.consumed import Consumed, ConsumeProgress
from tracker.ingest.consumer import Consumer
from tracker.ingest.field_map import FieldMap
from tracker.ingest.nats_source import NatsSource
from tracker.ingest.redis_source import RedisSource

PATIENCE = 40.0
# A message without items is stored at once, and a site that is off takes none that has some.
NOTHING, VIEW = BrokerMessage(b"[]"), BrokerMessage(b'{"url": "/"}')
OFF: Any = SimpleNamespace(directory=SimpleNamespace(by_id=lambda _: None))


class ScriptedSource:
    """A source that hands out what a test says, one message at a time, and raises what it says."""

    lost = 0

    def __init__(self, *script: BrokerMessage | Exception, last: Sequence[BrokerMessage] = ()) -> None:
        self.settled: list[BrokerMessage] = []
        self.refusal: Exception | None = None
        self.asked, self.third = 0, asyncio.Event()
        self._script, self._last = list(script), list(last)

    async def open(self) -> None: ...

    async def take(self, most: int) -> list[BrokerMessage]:
        self.asked += 1
        if self.asked == 3:
            self.third.set()
        if not self._script:
            await asyncio.sleep(0.01)
            return []
        each = self._script.pop(0)
        if isinstance(each, Exception):
            raise each
        return [each]

    async def settle(self, messages: Sequence[BrokerMessage]) -> None:
        await asyncio.sleep(0.01)
        if self.refusal:
            raise self.refusal
        self.settled += messages

    async def last(self) -> list[BrokerMessage]:
        return self._last

    async def close(self) -> None: ...


def consuming(source: BrokerSource, said: list[str] | None = None) -> Consumer:
    consumed = Consumed()
    progress = ConsumeProgress(consumed, (said if said is not None else []).append, False)
    reader = ItemReader(FieldMap(), "shop.example")
    return Consumer(OFF, 1, source, reader, progress, consumed, 1, 1000)


async def outcome(running: Consumer) -> bool:
    async with asyncio.timeout(PATIENCE):
        return await running.run()


async def test_it_ends_in_time_while_nothing_can_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "LAST_SECONDS", 0.1)
    source = ScriptedSource(*[VIEW] * 5)
    running = consuming(source)
    ending = asyncio.create_task(outcome(running))
    # One is being stored, one waits, and the third is held by who has taken it.
    async with asyncio.timeout(PATIENCE):
        await source.third.wait()
    running.stop()
    assert await ending is False
    assert source.settled == []


@pytest.mark.parametrize("refusal", [BrokerRefuses("No."), RuntimeError("Nobody foresaw it.")])
async def test_what_storing_fails_by_ends_it(refusal: Exception) -> None:
    source = ScriptedSource(*[NOTHING] * 9)
    source.refusal = refusal
    with pytest.raises(type(refusal), match=str(refusal)):
        await outcome(consuming(source))


@pytest.mark.parametrize("refusal", [BrokerRefuses("No."), RuntimeError("Nobody foresaw it.")])
async def test_what_came_before_a_refusal_is_stored_first(refusal: Exception) -> None:
    source = ScriptedSource(NOTHING, NOTHING, refusal, last=[NOTHING, NOTHING])
    with pytest.raises(type(refusal), match=str(refusal)):
        await outcome(consuming(source))
    assert len(source.settled) == 4


@pytest.fixture(scope="module")
def valkey() -> Iterator[Broker]:
    with running_valkey_port() as started:
        yield started


def redis_source(url: str, stream: str) -> RedisSource:
    return RedisSource(broker_place.read(url), 0, stream, "group", 60.0)


async def test_a_redis_that_takes_no_acknowledgement_ends_it(valkey: Broker) -> None:
    with Redis(port=valkey.port) as redis:
        redis.execute_command("ACL", "SETUSER", "jo", "on", ">secret", "~*", "+@all", "-xack")
        for _ in range(5):
            redis.xadd("refused", {"data": "[]"})
    url = valkey.url.replace("//", "//jo:secret@")
    with pytest.raises(BrokerRefuses, match="Redis refuses this user"):
        await outcome(consuming(redis_source(url, "refused")))


async def test_an_entry_whose_id_is_no_time_has_none(valkey: Broker) -> None:
    with Redis(port=valkey.port) as redis:
        for own in ("7-0", "1700000000-0", "*", f"{int(time.time() * 1e6)}-0"):
            redis.xadd("named", {"data": "[]"}, id=own)
    source = redis_source(valkey.url, "named")
    await source.open()
    try:
        found: list[BrokerMessage] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < 4:
                found += await source.take(10)
    finally:
        await source.close()
    seconds, number, now, ahead = (message.at for message in found)
    assert (seconds, number, ahead) == (None, None, None)
    assert now == pytest.approx(time.time(), abs=PATIENCE)


def nats_source(url: str, subject: str, durable: str | None = None) -> NatsSource:
    return NatsSource(broker_place.read(url), subject, durable, "group", 10_000, 60.0)


@pytest.fixture(scope="module")
def guarded_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """NATS whose user `jo` may read some subjects only; `all` may do all."""
    settings: Path = tmp_path_factory.mktemp("nats") / "nats.conf"
    allowed = {"subscribe": ["open.>", "_INBOX.>"], "publish": {"deny": ["$JS.ACK.>"]}}
    users = [
        {"user": "jo", "password": "secret", "permissions": allowed},
        {"user": "all", "password": "secret"},
    ]
    settings.write_text(json.dumps({"authorization": {"users": users}}))
    with running_nats("-c", str(settings)) as broker:
        yield broker


def of(user: str, broker: Broker) -> str:
    return broker.url.replace("//", f"//{user}:secret@")


async def test_a_subject_that_the_user_may_not_read_is_refused(guarded_nats: Broker) -> None:
    source = nats_source(of("jo", guarded_nats), "closed.clicks")
    with pytest.raises(BrokerRefuses, match="this subject"):
        await outcome(consuming(source))
    allowed = nats_source(of("jo", guarded_nats), "open.clicks")
    await allowed.open()
    assert await allowed.take(1) == []
    await allowed.close()


async def test_acknowledgements_that_the_user_may_not_send_are_refused(guarded_nats: Broker) -> None:
    client = await nats.connect(of("all", guarded_nats))
    jetstream = client.jetstream()
    await jetstream.add_stream(StreamConfig(name="KEPT", subjects=["kept.a"]))
    await jetstream.publish("kept.a", b"[]")
    await client.close()
    with pytest.raises(BrokerRefuses, match="this subject"):
        await outcome(consuming(nats_source(of("jo", guarded_nats), "kept.a", "durable")))


async def test_a_durable_consumer_of_another_subject_is_not_taken(guarded_nats: Broker) -> None:
    url = of("all", guarded_nats)
    client = await nats.connect(url)
    jetstream = client.jetstream()
    await jetstream.add_stream(StreamConfig(name="TWO", subjects=["one", "other"]))
    await jetstream.add_stream(StreamConfig(name="SINGLE", subjects=["single"]))
    pushed = ConsumerConfig(durable_name="pushed", filter_subject="one", deliver_subject="somewhere")
    await jetstream.add_consumer("TWO", pushed)
    await jetstream.add_consumer("TWO", ConsumerConfig(durable_name="whole"))
    await jetstream.add_consumer("SINGLE", ConsumerConfig(durable_name="whole"))
    await client.close()
    for subject, durable in (("one", "mine"), ("one", "mine"), ("single", "whole")):
        source = nats_source(url, subject, durable)
        await source.open()
        await source.close()
    for subject, durable, sentence in (
        ("other", "mine", "consumer mine takes one, and not other: say --durable NAME"),
        ("one", "whole", "consumer whole takes one, other, and not one"),
        ("one", "pushed", "consumer pushed is pushed to"),
    ):
        with pytest.raises(BrokerRefuses, match=sentence):
            await nats_source(url, subject, durable).open()
