"""`manage.py jobs`: the background process."""

import signal
import threading

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from tracker.liveness.activity import Activity
from tracker.liveness.notify import ALIVE, READY, SIGN_SECONDS, Notify
from tracker.postgres.connect import connect
from tracker.upkeep import jobs

# Longer than any job takes, on tables as large as they may become.
PATIENCE_SECONDS = 3600.0
ENDING = (signal.SIGTERM, signal.SIGINT)


class Command(BaseCommand):
    help = "Do the background work until SIGTERM: partitions, page views that nobody ended, what is over."

    def handle(self, *args: object, **options: object) -> None:
        stop = threading.Event()
        # A thread waits for them, since no handler may take a lock: its thread may be holding it. A parent
        # that is killed sends several at once, and an event that was set while it was being set never ended.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        threading.Thread(target=_set_when_told, args=[stop], name="signals", daemon=True).start()
        activity = Activity("Jobs", PATIENCE_SECONDS)
        threading.Thread(target=_live, args=[stop, activity], name="signs", daemon=True).start()
        jobs.run(stop, connect, activity, import_string(settings.FOOTFALL_JOBS))


def _live(stop: threading.Event, activity: Activity) -> None:
    """Give signs of life while the work gets on; a thread, since a job may wait for Postgres for minutes."""
    notify = Notify()
    notify.say(READY)
    while not stop.wait(SIGN_SECONDS):
        if not activity.problem:
            notify.say(ALIVE)


def _set_when_told(stop: threading.Event) -> None:
    signal.sigwait(ENDING)
    stop.set()
