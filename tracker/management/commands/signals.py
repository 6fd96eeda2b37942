"""`manage.py signals`: takes servers' datapoints, as statsd sends them."""

import argparse
import asyncio
import signal
import socket
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.liveness.notify import READY, Notify
from tracker.postgres.connect import connect
from tracker.server import ports
from tracker.signals import signal_tables
from tracker.signals.exchange import Exchange
from tracker.signals.listening import Listening, PortPlace, place
from tracker.signals.signal_writer import SignalWriter
from tracker.signals.signals import Signals

LAST_SECONDS = 10.0
UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM


def _place(text: str) -> PortPlace:
    try:
        return place(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class Command(BaseCommand):
    help = (
        "Take datapoints as statsd sends them, until SIGTERM: counters, gauges, timers, histograms, "
        "distributions and sets, with DogStatsD's or Telegraf's tags."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--udp", type=_place, metavar="HOST:PORT", help="datagrams (usually 127.0.0.1:8125)"
        )
        parser.add_argument("--tcp", type=_place, metavar="PLACE", help="HOST:PORT for lines over TCP")
        parser.add_argument(
            "--host", action="store_true", help="also this machine's processors, memory, disks, network"
        )
        parser.add_argument(
            "--exchange",
            type=Path,
            metavar="PATH",
            help="a unix socket by which the web processes of Footfall send datapoints and hear of windows "
            "(default: FOOTFALL_SIGNALS_SOCKET)",
        )
        parser.add_argument(
            "--if-free", action="store_true", help="where a port is taken, say so and go on without it"
        )

    def handle(self, *args: Any, **chosen: Any) -> None:
        path = chosen["exchange"] or settings.FOOTFALL_SIGNALS_SOCKET
        if not (chosen["udp"] or chosen["tcp"] or chosen["host"] or path):
            raise CommandError("Say where datapoints come from: --udp 127.0.0.1:8125, --tcp, or --host.")
        writer = SignalWriter(connect, signal_tables.kept())
        exchange = Exchange(writer.put)
        signals = Signals(exchange.put, put_back=writer.begin_run)
        with ExitStack() as open_ports:
            listening = Listening(signals, chosen["host"])
            for kind, where in ((UDP, chosen["udp"]), (TCP, chosen["tcp"])):
                try:
                    if where:
                        open_ports.enter_context(listening.bind(where, kind))
                except OSError as error:
                    problem = f"Cannot listen on {where}: {error.strerror or error}."
                    if not chosen["if_free"]:
                        raise CommandError(problem) from None
                    self.stderr.write(f"{problem} Datapoints are not taken there.")
            listener = _on_file(path) if path else None
            writer.start()
            try:
                asyncio.run(self._serve(listening, exchange, listener, signals, chosen["verbosity"]))
            finally:
                if path:
                    path.unlink(missing_ok=True)
            signals.end()
        if not writer.end(LAST_SECONDS):
            raise CommandError(f"{writer.waiting} windows could not be stored: Postgres is away.")

    async def _serve(
        self,
        listening: Listening,
        exchange: Exchange,
        listener: socket.socket | None,
        signals: Signals,
        verbosity: int,
    ) -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        async with AsyncExitStack() as serving:
            await serving.enter_async_context(listening.open())
            if listener:
                await serving.enter_async_context(exchange.open(listener, signals))
            notify = Notify()
            notify.say(READY)
            if verbosity:
                self.stdout.write("Ready.")
                self.stdout.flush()
            signs = asyncio.create_task(notify.live(listening.each_second))
            await told.wait()
            signs.cancel()


def _on_file(path: Path) -> socket.socket:
    try:
        return ports.on_file(path)
    except OSError as error:
        raise CommandError(f"Cannot listen on {path}: {error.strerror or error}.") from None
