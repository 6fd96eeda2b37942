"""Messages of MQTT 5, in a session that the broker keeps; acknowledged after the commit.

By paho itself: only it lets the application acknowledge (aiomqtt, which stands on it, has no way to).
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from tracker.ingest.broker import (
    CONNECT_SECONDS,
    LINGER_SECONDS,
    TAKE_SECONDS,
    BrokerAway,
    BrokerRefuses,
    why,
)
from tracker.ingest.broker_items import BrokerMessage
from tracker.ingest.broker_place import BrokerPlace

# How long the broker keeps what comes for a consumer that is away: a week.
SESSION_SECONDS: Final = 7 * 86_400
KEEPALIVE_SECONDS = 30
GOODBYE_SECONDS = 2.0
# Bad user or password, not authorised, banned.
DENIED: Final = (0x86, 0x87, 0x8A)
ENDED: Final = "it ended the session; one of the same --durable name takes it over"
FAILURES = (OSError, ValueError, TimeoutError)


class MqttSource:
    """One topic filter."""

    lost = 0

    def __init__(self, place: BrokerPlace, topic: str, client_id: str, most: int) -> None:
        """`client_id`: by which the broker knows the session. `most`: messages that are under way at once."""
        self._place, self._topic, self._client_id, self._most = place, topic, client_id, most
        self._client: Client | None = None
        # Filled by paho's thread.
        self._came: deque[tuple[int, MQTTMessage]] = deque()
        self._news = asyncio.Event()
        self._connection = 0
        self._gone = ""
        self._refused = ""
        # By packet: what is not acknowledged, so that it is known when the same session says it again.
        self._open: dict[int, str] = {}

    async def open(self) -> None:
        """Connect, go on with the session, subscribe. Raises BrokerAway, BrokerRefuses."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[str] = loop.create_future()
        self._connection += 1
        self._gone = ""
        client = self._client = self._made(loop, ready, self._connection)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.to_thread(self._connect, client)
                client.loop_start()
                problem = await ready
        except FAILURES as error:
            await self.close()
            raise BrokerAway(why(error)) from None
        if problem:
            await self.close()
            raise BrokerAway(problem) if not self._refused else BrokerRefuses(self._refused)

    async def take(self, most: int) -> list[BrokerMessage]:
        """Up to `most` messages. Raises BrokerAway, BrokerRefuses."""
        if not self._came:
            if self._gone:
                raise BrokerRefuses(self._refused) if self._refused else BrokerAway(self._gone)
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(TAKE_SECONDS):
                    await self._news.wait()
        if 0 < len(self._came) < most:
            await asyncio.sleep(LINGER_SECONDS)
        return [self._read(*self._came.popleft()) for _ in range(min(most, len(self._came)))]

    async def settle(self, messages: Sequence[BrokerMessage]) -> None:
        """Acknowledge. Raises BrokerAway."""
        for message in messages:
            connection, packet, quality = message.handle
            # Of a connection that is gone: the broker says it again, by its number in the session.
            if connection != self._connection or not quality:
                continue
            if self._client is None or self._client.ack(packet, quality) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise BrokerAway("the connection is lost")
            self._open.pop(packet, None)

    async def last(self) -> list[BrokerMessage]:
        """Nothing: the broker says again what is not acknowledged."""
        return []

    async def close(self) -> None:
        """Let go of the connection; the session stays."""
        client, self._client = self._client, None
        if client:
            await asyncio.to_thread(_end, client)
        self._came.clear()

    def _made(self, loop: asyncio.AbstractEventLoop, ready: "asyncio.Future[str]", own: int) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if self._place.user:
            client.username_pw_set(self._place.user, self._place.password or None)
        if context := self._place.tls_context():
            client.tls_set_context(context)

        def told(problem: str) -> None:
            if not ready.done():
                ready.set_result(problem)

        def connected(
            client: Client, _: Any, flags: ConnectFlags, code: ReasonCode, __: Properties | None
        ) -> None:
            if code.is_failure:
                if code.value in DENIED:
                    self._refused = "The MQTT broker refuses this user, or this topic to it."
                loop.call_soon_threadsafe(told, f"{code}")
                return
            if not flags.session_present:
                # Packets are numbered anew.
                loop.call_soon_threadsafe(self._open.clear)
            # What is retained is the last of what was said, and not said now.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            try:
                client.subscribe(self._topic, options=options)
            except ValueError:
                self._refused = f"{self._topic} is no topic of MQTT."
                loop.call_soon_threadsafe(told, self._refused)

        def subscribed(_: Client, __: Any, ___: int, codes: list[ReasonCode], ____: Any) -> None:
            problem = next((f"{code}" for code in codes if code.is_failure), "")
            if problem:
                self._refused = f"The MQTT broker does not give this topic: {problem}."
            loop.call_soon_threadsafe(told, problem)

        def came(_: Client, __: Any, message: MQTTMessage) -> None:
            self._came.append((own, message))
            if len(self._came) == 1:
                loop.call_soon_threadsafe(self._news.set)

        def gone(_: Client, __: Any, flags: DisconnectFlags, code: ReasonCode, ____: Any) -> None:
            if own != self._connection:
                return
            # Why it was ended paho does not read, of so short a packet.
            self._gone = ENDED if flags.is_disconnect_packet_from_server else f"{code}".lower()
            with suppress(RuntimeError):  # the loop is closed: nobody wants to know
                loop.call_soon_threadsafe(told, self._gone)
                loop.call_soon_threadsafe(self._news.set)

        client.on_connect, client.on_subscribe = connected, subscribed
        client.on_message, client.on_disconnect = came, gone
        return client

    def _connect(self, client: Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_SECONDS
        properties.ReceiveMaximum = self._most
        client.connect(
            self._place.host,
            self._place.port,
            KEEPALIVE_SECONDS,
            clean_start=False,
            properties=properties,
        )

    def _read(self, connection: int, message: MQTTMessage) -> BrokerMessage:
        known = self._open.get(message.mid) if message.dup else None
        identity = known or secrets.token_hex(16)
        if message.qos:
            self._open[message.mid] = identity
        # Packet numbers come again and again, and of a process that died nobody knows which it had stored:
        # then what says a time is known by its content.
        handle = connection, message.mid, message.qos
        return BrokerMessage(bytes(message.payload), identity, None, f"mqtt {message.topic}", handle)


def _end(client: Client) -> None:
    """Close a connection, once what was acknowledged has left: paho would let go of it."""
    until = time.monotonic() + GOODBYE_SECONDS
    while client.is_connected() and client.want_write() and time.monotonic() < until:
        time.sleep(0.01)
    client.disconnect()
    client.loop_stop()
