"""`manage.py consume`: takes page views and events out of a broker."""

import argparse
import asyncio
import re
import signal
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.edge.edge import Edge
from tracker.edge.process_edge import ProcessEdge
from tracker.ingest import broker_place, field_map
from tracker.ingest.broker import BrokerRefuses, BrokerSource
from tracker.ingest.broker_items import ItemReader
from tracker.ingest.broker_place import BrokerPlace, WrongPlace, stream_of
from tracker.ingest.consumed import Consumed, ConsumeProgress
from tracker.ingest.consumer import Consumer
from tracker.ingest.field_map import FieldMap, WrongMap
from tracker.liveness.activity import Activities
from tracker.liveness.notify import READY, STOPPING, Notify
from tracker.sites.tracked_site import TrackedSite

BATCH, BATCH_MOST = 1000, 10_000
CLAIM_SECONDS, CLAIM_SECONDS_MOST = 60.0, 86_400
DURABLE = re.compile(r"[A-Za-z0-9_-]{1,128}")
# Tokens between dots; * stands for one, and > at the end for the rest.
NATS_SUBJECT = re.compile(r"(?:[^\s.*>]+|\*)(?:\.(?:[^\s.*>]+|\*))*(?:\.>)?|>")
# Levels between slashes; + stands for one, and # at the end for the rest.
MQTT_TOPIC = re.compile(r"(?:[^+#\0]*|(?:(?:[^+#/\0]*|\+)/)*(?:[^+#/\0]*|\+|#))")
EXAMPLES = """
examples:
  manage.py consume nats://127.0.0.1:4222 --subject clicks --site KEY
  manage.py consume nats://127.0.0.1:4222 --subject 'clicks.>' --durable --site KEY
  manage.py consume redis://127.0.0.1:6379/clicks --site KEY
  manage.py consume mqtts://user:password@broker.example --subject 'shop/+/clicks' --site KEY
  … --map uri=url,userAgent=user_agent,localIP=server,time=at --set type=view

A message is a page view or an event as POST /api/v1/sites/KEY/events takes them, or a list of them;
docs/servers.md says more.
"""


def _batch(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= BATCH_MOST:
        raise argparse.ArgumentTypeError(f"a number from 1 to {BATCH_MOST:,}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= CLAIM_SECONDS_MOST:
        raise argparse.ArgumentTypeError(f"seconds, above 0 and up to {CLAIM_SECONDS_MOST:,}")
    return seconds


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the examples."""


class Command(BaseCommand):
    help = (
        "Take page views and events of servers out of a broker, until SIGTERM: NATS, a Redis stream, or "
        "MQTT. What is stored is acknowledged to the broker, never earlier, and counts once however often it "
        "comes."
    )
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **options)
        parser.epilog, parser.formatter_class = EXAMPLES, _Help
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "url",
            nargs="?",
            metavar="URL",
            help=f"{broker_place.FORMS}; with a password, others see it here: FOOTFALL_BROKER holds it, too",
        )
        parser.add_argument(
            "--site", required=True, metavar="KEY", help="the key of the site that takes them"
        )
        parser.add_argument("--subject", help="NATS' subject, MQTT's topic, or Redis' stream")
        parser.add_argument(
            "--durable",
            nargs="?",
            const="",
            metavar="NAME",
            help="NATS: take them out of JetStream, by a durable consumer of this name; Redis and MQTT: the "
            "name of the group or session, else footfall-KEY. Those of one name share the messages (MQTT: "
            "have one each)",
        )
        parser.add_argument(
            "--map",
            default="",
            metavar="THEIRS=OURS,…",
            help="fields that the publisher calls otherwise; a.b stands for a field in an object, and "
            "properties.NAME for a property of an event",
        )
        parser.add_argument(
            "--set", default="", metavar="OURS=TEXT,…", help="fields that are the same in all messages"
        )
        parser.add_argument(
            "--host", help="where pages are whose url is a path alone; else the site's first host"
        )
        parser.add_argument(
            "--batch",
            type=_batch,
            default=BATCH,
            metavar="N",
            help=f"messages that are stored together ({BATCH:,})",
        )
        parser.add_argument(
            "--claim-after",
            type=_seconds,
            default=CLAIM_SECONDS,
            metavar="S",
            help="Redis and JetStream: seconds after which what a consumer took, and did not acknowledge, "
            f"comes again ({CLAIM_SECONDS:.0f}); a durable consumer that is there keeps its own",
        )

    def handle(self, *args: Any, **chosen: Any) -> None:
        url = chosen["url"] or settings.FOOTFALL_BROKER
        if not url:
            raise CommandError(f"Say where the broker is: {broker_place.FORMS}.")
        try:
            place = broker_place.read(url)
            fields = field_map.read(chosen["map"], chosen["set"])
        except (WrongPlace, WrongMap) as wrong:
            raise CommandError(str(wrong)) from None
        subject = chosen["subject"] or (stream_of(place)[1] if place.kind == "redis" else "")
        if problem := _wrong(place, subject, chosen["durable"]):
            raise CommandError(problem)
        try:
            whole = asyncio.run(self._serve(place, subject, fields, chosen))
        except BrokerRefuses as refused:
            raise CommandError(str(refused)) from None
        if not whole:
            raise CommandError("Not all that was taken is stored: the broker will say it again.")

    async def _serve(
        self, place: BrokerPlace, subject: str, fields: FieldMap, chosen: dict[str, Any]
    ) -> bool:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        consumed, notify = Consumed(), Notify()
        progress = ConsumeProgress(consumed, self._write, self.stderr.isatty())
        activities = Activities()
        process_edge = ProcessEdge(activities)
        edge = await process_edge.start()
        try:
            site = await self._site(edge, chosen["site"], progress, stopped)
            if site is None:
                return True
            source = _source(place, subject, site, chosen)
            reader = ItemReader(fields, chosen["host"] or _first_host(site))
            consumer = Consumer(
                *(edge, site.id, source, reader, progress, consumed),
                *(chosen["batch"], settings.FOOTFALL_CONSUME_BYTES),
            )
            stopping = asyncio.create_task(_stop_at(stopped, consumer))
            notify.say(READY)
            living = asyncio.create_task(notify.live(lambda: None))
            progress.begins(f"Taking {subject} from {place}.")
            try:
                return await consumer.run()
            finally:
                notify.say(STOPPING)
                stopping.cancel()
                living.cancel()
                progress.line(f"{consumed.sentence(source.lost)}.")
        finally:
            await process_edge.stop()

    async def _site(
        self, edge: Edge, key: str, progress: ConsumeProgress, stopped: asyncio.Event
    ) -> TrackedSite | None:
        """The site, once Postgres says which there are; None where it is to stop before."""
        while not edge.directory.ready:
            progress.waits("Postgres does not answer.")
            await asyncio.sleep(0.5)
            if stopped.is_set():
                return None
        progress.goes_on()
        site = edge.directory.site(key)
        if site is None:
            raise CommandError("There is no site with this key: manage.py addsite makes one.")
        return site

    def _write(self, text: str) -> None:
        self.stderr.write(text, ending="")
        self.stderr.flush()


async def _stop_at(stopped: asyncio.Event, consumer: Consumer) -> None:
    await stopped.wait()
    consumer.stop()


def _wrong(place: BrokerPlace, subject: str, durable: str | None) -> str:
    """What is wrong with a subject or a name, in a sentence; "" for nothing."""
    if not subject:
        which = {"nats": "--subject", "mqtt": "--subject (its topic)", "redis": "redis://HOST:PORT/STREAM"}
        return f"Say what to take from there: {which[place.kind]}."
    if place.kind == "nats" and not NATS_SUBJECT.fullmatch(subject):
        return "--subject is no subject of NATS: words between dots, * for one of them, > for the rest."
    if place.kind == "mqtt" and not MQTT_TOPIC.fullmatch(subject):
        return "--subject is no topic of MQTT: words between slashes, + for one of them, # for the rest."
    if durable and not DURABLE.fullmatch(durable):
        return "--durable is a name of letters, digits, - and _."
    return ""


def _first_host(site: TrackedSite) -> str:
    return next((host for host in site.hosts if not host.startswith("*")), "localhost")


def _source(place: BrokerPlace, subject: str, site: TrackedSite, chosen: dict[str, Any]) -> BrokerSource:
    """What speaks with this broker; each library is loaded only where it is used."""
    name = chosen["durable"] or f"footfall-{site.key}"
    if place.kind == "nats":
        from tracker.ingest.nats_source import NatsSource

        durable = None if chosen["durable"] is None else name
        most = settings.FOOTFALL_CONSUME_BYTES
        return NatsSource(place, subject, durable, name, most, chosen["claim_after"])
    if place.kind == "redis":
        from tracker.ingest.redis_source import RedisSource

        return RedisSource(place, stream_of(place)[0], subject, name, chosen["claim_after"])
    from tracker.ingest.mqtt_source import MqttSource

    # A session has its subscriptions: with another topic it is another one.
    mark = blake2b(subject.encode(), digest_size=4).hexdigest()
    client_id = chosen["durable"] or f"{name}-{mark}"
    return MqttSource(place, subject, client_id, min(2 * chosen["batch"], 65_535))
