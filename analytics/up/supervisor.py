"""Starts all that Footfall is, watches it until a signal, and ends it; serves nothing itself.

It knows neither models nor the application: what must know them is done by web in its first life.
"""

import os
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from importlib import import_module
from typing import Any, Final

from analytics.up.errors import CannotStart
from analytics.up.launch import Launch
from tracker.edge import file_limits
from tracker.liveness.notify import ALIVE, READY, SIGN_SECONDS, STOPPING, Notify

# Its disk may be slow, and what it does to be up again takes longer than a pause.
POSTGRES_PATIENCE = 6.0
SIGNS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(launch: Launch) -> int:
    """Run until SIGTERM, SIGHUP or Ctrl-C; the exit code. Raises ImproperlyConfigured for a wrong setting."""
    for sign in SIGNS:
        # A process started with nohup stays deaf to SIGHUP.
        if signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, _interrupt)
    # The module alone: Django around it would double the memory of this process.
    settings = import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    notify = Notify()
    try:
        with ExitStack() as undo:
            try:
                _start(launch, settings, undo)
                _say("Ready. Ctrl-C stops everything.")
                notify.say(READY)
                _live(notify)
            finally:
                notify.say(STOPPING)
                for sign in SIGNS:
                    signal.signal(sign, _leave)
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Asked to stop: all is undone, in order.
        pass
    _say("Stopped.")
    return 0


def _start(launch: Launch, settings: Any, undo: ExitStack) -> None:
    _allow_many_sockets(settings.FOOTFALL_SOCKETS)
    undo.callback(launch.data.forget, "database_url")
    if launch.options.demo:
        # Only who knows this run's secret may say which address a demo visitor has.
        os.environ["FOOTFALL_DEMO_SECRET"] = secrets.token_urlsafe(24)
    if launch.postgres:
        undo.callback(launch.postgres.stop)
    undo.callback(launch.fleet.stop)
    launch.fleet.start(settings.FOOTFALL_WATCHDOG)
    if launch.postgres:
        launch.postgres.start()
        launch.postgres.expect_answers(settings.FOOTFALL_WATCHDOG * POSTGRES_PATIENCE)
    launch.fleet.go_on()
    launch.fleet.open(settings.FOOTFALL_TRUSTED_PROXIES)
    if launch.options.demo:
        demo = launch.fleet.demo()
        undo.callback(demo.stop)
        demo.start()


def _live(notify: Notify) -> None:
    """Say each second that it lives, until a signal interrupts."""
    while True:
        notify.say(ALIVE)
        time.sleep(SIGN_SECONDS)


def _allow_many_sockets(wanted: int) -> None:
    """For all children. Raises CannotStart."""
    file_limits.allow_many_sockets()
    try:
        file_limits.room(wanted)
    except file_limits.TooFewFiles as problem:
        raise CannotStart(str(problem)) from None


def _say(line: str) -> None:
    print(line, flush=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _leave(number: int, frame: object) -> None:
    # A second Ctrl-C is meant: the kernel ends the children, and unacknowledged pages come again.
    os._exit(1)
