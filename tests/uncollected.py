"""The web process of a product without the collector of garbage.

At SIGUSR1 it says how many objects of visitors' connections there are.
"""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from scripts.stands.checkout import ROOT
from scripts.stands.folders import temporary_folder
from scripts.stands.product import Product, running

WORDS = "Of connections: "
# Python imports this before anything else, in every process that finds it on its path.
FIRST = """
import sys

if "web" in sys.orig_argv:
    from tests import uncollected

    uncollected.arrange()
"""


def say(number: int, frame: FrameType | None) -> None:
    # Here, since the process itself says when daphne may be imported.
    from analytics.web.web_server import PunctualChannel
    from analytics.web.web_socket import BoundedProtocol
    from tracker.conversation.session import Session
    from tracker.web.visitor_consumer import VisitorConsumer

    kinds = (BoundedProtocol, PunctualChannel, VisitorConsumer, Session)
    print(f"{WORDS}{sum(isinstance(each, kinds) for each in gc.get_objects())}", flush=True)


def arrange() -> None:
    gc.disable()
    signal.signal(signal.SIGUSR1, say)


@contextmanager
def running_uncollected() -> Iterator[Product]:
    with temporary_folder("footfall-first-") as folder:
        # Web is another account where root starts it.
        folder.chmod(0o755)
        (folder / "sitecustomize.py").write_text(FIRST)
        with running(PYTHONPATH=f"{folder}:{ROOT}") as made:
            yield made
