"""`manage.py jobs`: the background process."""

import signal
import threading

from django.core.management.base import BaseCommand

from tracker import jobs
from tracker.database import connect


class Command(BaseCommand):
    help = "Do the background work until SIGTERM: partitions, purges, page views that nobody ended."

    def handle(self, *args: object, **options: object) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        jobs.run(stop, connect)
