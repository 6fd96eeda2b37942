"""Messages of NATS: of a subject as they come, or of JetStream by a durable consumer.

JetStream is asked for messages over its own subjects (https://docs.nats.io/reference/reference-protocols/nats_api_reference),
since nats-py's `fetch` makes a task of asyncio for each message.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError, NotJSMessageError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

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

ACK = b"+ACK"
# More than is ever held here; JetStream's own bound, 1,000, is a single batch.
ACKS_PENDING = 20_000
EXPIRES_SECONDS = 5.0
CLOSE_SECONDS, DRAIN_SECONDS = 1.0, 5.0
# As the server sends it for what is over: no messages, timed out, done with.
MESSAGE_ID = "Nats-Msg-Id"
FAILURES = (NatsError, OSError, TimeoutError, APIError)


class NatsSource:
    """One subject. Without `durable` what comes while nobody listens is lost, as core NATS has it."""

    def __init__(
        self,
        place: BrokerPlace,
        subject: str,
        durable: str | None,
        group: str,
        bytes_most: int,
        claim_after: float,
    ) -> None:
        """`group`: consumers of one group share the subject. `bytes_most`: held at once, of core NATS.
        `claim_after`: seconds after which JetStream says again what was not acknowledged; a durable consumer
        that is there already keeps its own."""
        self.lost = 0
        self._place, self._subject, self._group = place, subject, group
        self._durable, self._bytes_most = durable, bytes_most
        self._claim_after = claim_after
        self._nats = Client()
        self._came: deque[Msg] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._gone = False
        self._refused = self._reason = ""
        self._stream = self._inbox = ""
        self._asked, self._asked_until = 0, 0.0

    async def open(self) -> None:
        """Connect and subscribe. Raises BrokerAway, BrokerRefuses."""
        self._gone, self._asked, self._reason, self._refused = False, 0, "", ""
        self._nats = Client()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connect()
                await self._subscribe()
            # NATS says so of a subject beside what it answers, and keeps the connection.
            self._look_for_refusal()
        except FAILURES as error:
            await self.close()
            self._look_for_refusal()
            raise BrokerAway(self._reason or why(error)) from None
        except BrokerRefuses:
            await self.close()
            raise

    async def take(self, most: int) -> list[BrokerMessage]:
        """Up to `most` messages. Raises BrokerAway, BrokerRefuses."""
        if not self._came:
            self._look_for_refusal()
            if self._gone:
                raise BrokerAway("the connection is lost")
            await self._ask(most)
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(TAKE_SECONDS):
                    await self._news.wait()
        if 0 < len(self._came) < most:
            await asyncio.sleep(LINGER_SECONDS)
        return self._taken(most)

    async def settle(self, messages: Sequence[BrokerMessage]) -> None:
        """Acknowledge to JetStream. Raises BrokerAway, BrokerRefuses."""
        if not self._durable:
            return
        try:
            for message in messages:
                await self._nats.publish(message.handle, ACK)
            await self._nats.flush()
        except FAILURES as error:
            raise BrokerAway(why(error)) from None
        self._look_for_refusal()

    async def last(self) -> list[BrokerMessage]:
        """What core NATS has sent; JetStream says again what is not acknowledged."""
        if self._durable:
            return []
        with suppress(*FAILURES):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._nats.drain()
        return self._taken(len(self._came))

    async def close(self) -> None:
        """Let go of the connection."""
        self._gone = True
        with suppress(*FAILURES):
            # Once a handshake of TLS has failed, asyncio never tells that the connection is closed.
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._nats.close()

    async def _connect(self) -> None:
        place = self._place
        who: dict[str, Any] = {"user": place.user, "password": place.password}
        if place.user and not place.password:
            who = {"token": place.user}
        await self._nats.connect(
            # Without what is secret: the library logs it.
            servers=str(place),
            **(who if place.user else {}),
            tls=place.tls_context(),
            name="footfall",
            connect_timeout=int(CONNECT_SECONDS),
            # Whoever takes from it opens it again, with pauses that grow.
            allow_reconnect=False,
            max_reconnect_attempts=1,
            error_cb=self._failed,
            disconnected_cb=self._lost,
            closed_cb=self._lost,
        )

    async def _subscribe(self) -> None:
        if self._durable is None:
            await self._nats.subscribe(self._subject, queue=self._group, cb=self._core_message)
        else:
            await self._find_stream(self._durable)
            self._inbox = self._nats.new_inbox()
            await self._nats.subscribe(self._inbox, cb=self._stream_message)
        await self._nats.flush()

    async def _find_stream(self, durable: str) -> None:
        jetstream = self._nats.jetstream()
        try:
            self._stream = await jetstream.find_stream_name_by_subject(self._subject)
        except NotFoundError:
            self._refused = (
                f"No stream of JetStream keeps the subject {self._subject}: make one (nats stream add),"
                " or leave --durable out."
            )
            raise
        except (ServiceUnavailableError, NoRespondersError):
            self._refused = "This NATS server has no JetStream: leave --durable out, or start it with -js."
            raise
        try:
            known = await jetstream.consumer_info(self._stream, durable)
            await self._check(jetstream, durable, known.config)
        except NotFoundError:
            await jetstream.add_consumer(
                self._stream,
                ConsumerConfig(
                    durable_name=durable,
                    filter_subject=self._subject,
                    deliver_policy=DeliverPolicy.ALL,
                    ack_policy=AckPolicy.EXPLICIT,
                    ack_wait=self._claim_after,
                    max_ack_pending=ACKS_PENDING,
                ),
            )

    async def _check(self, jetstream: JetStreamContext, durable: str, config: ConsumerConfig) -> None:
        """Whether a consumer that is there is ours to use. Raises BrokerRefuses, and as JetStream does."""
        takes = [*(config.filter_subjects or ()), *([config.filter_subject] if config.filter_subject else ())]
        if not takes:
            # All that its stream keeps.
            takes = (await jetstream.stream_info(self._stream)).config.subjects or []
        if takes != [self._subject]:
            raise BrokerRefuses(
                f"JetStream's consumer {durable} takes {', '.join(takes)}, and not {self._subject}: say"
                " --durable NAME with another name, one for each subject."
            )
        if config.deliver_subject or config.ack_policy != AckPolicy.EXPLICIT:
            raise BrokerRefuses(
                f"JetStream's consumer {durable} is pushed to, or wants no single acknowledgements: say"
                " --durable NAME with another name, and one that fits is made."
            )

    def _look_for_refusal(self) -> None:
        if self._refused:
            raise BrokerRefuses(self._refused)

    async def _ask(self, most: int) -> None:
        now = time.monotonic()
        if self._durable is None or (self._asked > 0 and now < self._asked_until):
            return
        self._asked, self._asked_until = most, now + EXPIRES_SECONDS + TAKE_SECONDS
        wanted = {"batch": most, "expires": int(EXPIRES_SECONDS * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
        try:
            await self._nats.publish(subject, json.dumps(wanted).encode(), reply=self._inbox)
        except FAILURES as error:
            raise BrokerAway(why(error)) from None

    async def _core_message(self, message: Msg) -> None:
        if self._bytes + len(message.data) > self._bytes_most:
            self.lost += 1
            return
        self._keep(message)

    async def _stream_message(self, message: Msg) -> None:
        if message.headers and "Status" in message.headers and not message.reply.startswith("$JS.ACK"):
            # The request is over, whatever for.
            self._asked = 0
            self._news.set()
            return
        self._asked -= 1
        self._keep(message)

    def _keep(self, message: Msg) -> None:
        self._bytes += len(message.data)
        self._came.append(message)
        if len(self._came) == 1:
            self._news.set()

    def _taken(self, most: int) -> list[BrokerMessage]:
        taken: list[BrokerMessage] = []
        while self._came and len(taken) < most:
            message = self._came.popleft()
            self._bytes -= len(message.data)
            taken.append(_read(message))
        return taken

    async def _failed(self, error: Exception) -> None:
        self._reason = why(error)
        if "authorization" in str(error).lower() or "permissions" in str(error).lower():
            self._refused = "NATS refuses this user, or this subject to it."
            self._news.set()

    async def _lost(self) -> None:
        self._gone = True
        self._news.set()


def _read(message: Msg) -> BrokerMessage:
    own = message.headers.get(MESSAGE_ID) if message.headers else None
    identity, at = f"nats id {own}" if own else "", None
    with suppress(NotJSMessageError):
        known = message.metadata
        at = known.timestamp.timestamp()
        # A stream that is made anew counts from 1 again, at another time.
        identity = identity or f"nats {known.stream} {known.sequence.stream} {at!r}"
    return BrokerMessage(message.data, identity, at, handle=message.reply)
