"""`manage.py jobs`: the background process."""

import signal
import threading

from django.core.management.base import BaseCommand

from tracker.postgres.connect import connect
from tracker.upkeep import jobs

ENDING = (signal.SIGTERM, signal.SIGINT)


class Command(BaseCommand):
    help = "Do the background work until SIGTERM: partitions, purges, page views that nobody ended."

    def handle(self, *args: object, **options: object) -> None:
        stop = threading.Event()
        # A thread waits for them, since no handler may take a lock: its thread may be holding it. A parent
        # that is killed sends several at once, and an event that was set while it was being set never ended.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        threading.Thread(target=_set_when_told, args=[stop], name="signals", daemon=True).start()
        jobs.run(stop, connect)


def _set_when_told(stop: threading.Event) -> None:
    signal.sigwait(ENDING)
    stop.set()
