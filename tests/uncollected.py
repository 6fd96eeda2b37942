"""`python -m tests.uncollected python manage.py up …`: the product without the collector of garbage.

At SIGUSR1 it says how many objects of visitors' connections there are.
"""

import gc
import signal
import sys
from types import FrameType

import manage

WORDS = "Of connections: "


def say(number: int, frame: FrameType | None) -> None:
    # Here, since `up` itself says when daphne may be imported.
    from analytics.web.web_server import PunctualChannel
    from analytics.web.web_socket import BoundedProtocol
    from tracker.conversation.session import Session
    from tracker.web.visitor_consumer import VisitorConsumer

    kinds = (BoundedProtocol, PunctualChannel, VisitorConsumer, Session)
    print(f"{WORDS}{sum(isinstance(each, kinds) for each in gc.get_objects())}", flush=True)


if __name__ == "__main__":
    gc.disable()
    signal.signal(signal.SIGUSR1, say)
    sys.argv = sys.argv[2:]
    manage.main()
