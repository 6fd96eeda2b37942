"""What Django and daphne say of requests, without what these said: no path, query, host, origin or cookie."""

import logging

# Its message repeats the request, and so does the text of what was raised.
SECURITY = "django.security."
REQUESTS = "django.request"
# Its messages repeat a connection, with the query of its URL.
SERVER = "daphne.server"


class Refusals(logging.Filter):
    """Says these records again in words of our own."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith(SECURITY):
            record.msg, record.args = "refused a request", ()
            record.exc_info = record.exc_text = None
        elif record.name == REQUESTS:
            # Whole, and not by arguments: each status and address is a kind of its own.
            record.msg, record.args = (
                f"answered {getattr(record, 'status_code', '?')} at {_route(record)}",
                (),
            )
        elif record.name == SERVER and record.exc_info and record.exc_info[0]:
            record.msg, record.args = f"an application failed ({record.exc_info[0].__name__})", ()
        elif record.name == SERVER and "took too long" in str(record.msg):
            record.msg, record.args = "ended an application whose client had left", ()
        return True


def _route(record: logging.LogRecord) -> str:
    """The address as our URLs have it, with `<str:key>` for what stood there."""
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    return f"/{match.route}" if match else "no address of ours"
